'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { WS } = require('..');
const { ROLES, peerOf } = require('./support/frames.js');
const { requestHeaders } = require('./support/handshake.js');
const { plain, as, sent, ends } = require('./support/plain.js');
const { grownBy, run } = require('./support/child.js');

const MIB = 1 << 20;

function limited(role, options) {
  const socket = plain();
  WS.upgrade(socket, requestHeaders(), options);
  socket.writes.length = 0;
  socket.calls.length = 0;
  return as(role, socket);
}

function assertFailed(socket, code) {
  assert.deepEqual(sent(socket), [{ close: code, reason: '' }]);
  assert.equal(ends(socket), 1);
}

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: scenario 13: a declared 2^40 bytes fails with 1009 on the header alone`, () => {
    const socket = plain(role);
    const bytes = peer.binary('', { form: 64, length: 1n << 40n });
    WS.receive(socket, bytes.subarray(0, bytes.length - 1), () => assert.fail('delivered'));
    WS.receive(socket, bytes.subarray(bytes.length - 1), () => assert.fail('delivered'));
    assertFailed(socket, 1009);
  });

  test(`${role}: scenario 13: fragments that add up past maxPayload fail with 1009`, () => {
    const socket = limited(role, { maxPayload: 100_000 });
    WS.receive(socket, peer.binary(Buffer.alloc(60_000), { fin: false }));
    WS.receive(socket, peer.more(Buffer.alloc(40_000), { fin: false }));
    assert.deepEqual(sent(socket), []);
    WS.receive(socket, peer.more('', { length: 1 }));
    assertFailed(socket, 1009);
  });

  test(`${role}: scenario 13: endless empty fragments end with 1008 at the default of 131,072`, () => {
    const socket = plain(role);
    const more = Buffer.concat(Array.from({ length: 1024 }, () => peer.more('', { fin: false })));
    WS.receive(socket, peer.text('', { fin: false }));
    for (let at = 0; at < 127; at++) WS.receive(socket, more);
    WS.receive(socket, more.subarray(0, more.length / 1024 * 1023));
    assert.deepEqual(sent(socket), [], '131,072 fragments are allowed');
    WS.receive(socket, more, () => assert.fail('delivered'));
    assertFailed(socket, 1008);
  });

  test(`${role}: 10,000 one-byte fragments make one message`, () => {
    const socket = plain(role);
    const letters = Array.from({ length: 10_000 }, (_, at) => String.fromCharCode(97 + at % 26));
    const got = [];
    letters.forEach((letter, at) => {
      const fin = at === letters.length - 1;
      const bytes = at === 0 ? peer.text(letter, { fin }) : peer.more(letter, { fin });
      WS.receive(socket, bytes, (payload) => got.push(payload.toString()));
    });
    assert.deepEqual(got, [letters.join('')]);
  });

  test(`${role}: maxPayload past 2^31 and 2^32 is still a limit`, () => {
    for (const [maxPayload, length, ok] of [
      [2 ** 31, 2n ** 31n, true], [2 ** 31, 2n ** 31n + 1n, false],
      [3 * 2 ** 30, 3n * 2n ** 30n + 1n, false], [2 ** 32 - 1, 2n ** 32n - 1n, true], [2 ** 40, 2n ** 32n, false],
      [2 ** 32 - 1, 2n ** 32n, false], [2 ** 40, 2n ** 40n + 1n, false]
    ]) {
      const socket = limited(role, { maxPayload });
      WS.receive(socket, peer.binary('', { form: 64, length }));
      if (ok) assert.deepEqual(sent(socket), [], `${length} of ${maxPayload}`);
      else assertFailed(socket, 1009);
    }
  });

  test(`${role}: messages that nobody takes are bounded by maxPayload and 1 MiB, then 1008`, () => {
    const socket = limited(role, { maxPayload: 1000 });
    const chunk = Buffer.concat(Array.from({ length: 101 }, () => peer.binary(Buffer.alloc(1000))));
    for (let at = 0; at < 9; at++) WS.receive(socket, chunk);
    assert.deepEqual(sent(socket), [], '900 messages of 1000 bytes may wait');
    for (let at = 0; at < 9; at++) WS.receive(socket, chunk);
    assertFailed(socket, 1008);
    assert.equal(WS.info(socket).error.code, 'WS_ERR_TOO_MANY_WAITING');
  });

  test(`${role}: what waits behind a pause is bounded by maxPayload and 1 MiB where more comes, then 1008`, () => {
    const socket = limited(role, { maxPayload: 1000 });
    const chunk = Buffer.concat(Array.from({ length: 1200 }, () => peer.binary(Buffer.alloc(1000))));
    WS.receive(socket, chunk, () => WS.pause(socket));
    assert.deepEqual(sent(socket), [], 'it was there already');
    WS.receive(socket, peer.binary(''), () => {});
    assertFailed(socket, 1008);
    assert.equal(WS.info(socket).error.code, 'WS_ERR_TOO_MANY_WAITING');
  });

  test(`${role}: a callback that throws does not lift a limit`, () => {
    const socket = limited(role, { maxPayload: 10 });
    const chunk = Buffer.concat([peer.text('one'), peer.text('x'.repeat(11))]);
    assert.throws(() => WS.receive(socket, chunk, () => { throw new Error('mine'); }), /mine/);
    WS.receive(socket, Buffer.alloc(0), () => assert.fail('delivered'));
    assertFailed(socket, 1009);
  });
}

test('a chunk of 2^32 bytes is read once', async () => {
  const { code, stdout, stderr } = await run('long-chunk');
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { messages: ['first'], sent: [{ close: 1000, reason: '' }] });
});

const BOUNDS = {
  announced: [16 * MIB, '1,000 frames that announce 100 MiB'],
  refused: [16 * MIB, 'ten times 10,000 frames that announce 2^40 bytes'],
  permitted: [16 * MIB, '1,000 frames of 2^40 bytes that maxPayload permits'],
  fragments: [16 * MIB, '100 messages of 10,000 one-byte fragments'],
  empty: [8 * MIB, 'empty fragments without end'],
  idle: [24 * MIB, '5,000 connections idle after a small message'],
  // A slab of 8 KiB each; to keep the chunks would take 94 MiB.
  kept: [16 * MIB, '1,500 messages of 20 bytes, each kept of a chunk of 64 KiB'],
  forgotten: [4 * MIB, 'ten times 10,000 sockets without events, dropped in mid-message']
};

for (const [name, [bound, what]] of Object.entries(BOUNDS)) {
  for (const role of ROLES) {
    test(`${role}: scenario 13: memory stays flat: ${what}`, async (t) => {
      const { rss, heap } = await grownBy(name, role);
      t.diagnostic(`grown by ${(rss / MIB).toFixed(1)} MiB resident, ${(heap / MIB).toFixed(1)} MiB of heap`);
      assert.ok(rss < bound, `resident: ${rss} bytes`);
      assert.ok(heap < bound, `heap: ${heap} bytes`);
    });
  }
}
