'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const { WS } = require('..');
const { ROLES, frame, peerOf } = require('./support/frames.js');
const { plain, sent, as } = require('./support/plain.js');

const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536];

/** Bytes that repeat with no period of a power of two, so that no mask phase goes unseen. */
function pattern(length) {
  return Buffer.from(Array.from({ length }, (_, at) => (at % 251) ^ (at >> 8)));
}

function collect(socket, ...chunks) {
  const got = [];
  for (const chunk of chunks) WS.receive(socket, chunk, (payload) => got.push(payload));
  return got;
}

test('what is no Buffer: callback(null) and undefined, or null without a callback', () => {
  for (const value of [null, undefined, 'text', 5, {}, new Uint8Array(3), new ArrayBuffer(3), [1]]) {
    const socket = plain('server');
    const calls = [];
    assert.equal(WS.receive(socket, value, (...args) => calls.push(args)), undefined);
    assert.deepEqual(calls, [[null]]);
    assert.equal(WS.receive(socket, value), null);
    assert.deepEqual(socket.calls, []);
  }
});

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: a message is delivered inside the call and returned`, () => {
    const socket = plain(role);
    const calls = [];
    const result = WS.receive(socket, peer.text('hello'), (...args) => calls.push(args));
    assert.equal(calls.length, 1);
    const [[payload, isBinary]] = calls;
    assert.equal(payload.toString(), 'hello');
    assert.equal(isBinary, false);
    assert.deepEqual(result, payload);
    assert.equal(collect(socket, peer.binary('b'))[0].toString(), 'b');
    assert.equal(WS.receive(socket, peer.text('without a callback')).toString(), 'without a callback');
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: text and binary are told apart, and both are Buffers`, () => {
    const socket = plain(role);
    const calls = [];
    WS.receive(socket, Buffer.concat([peer.text('a'), peer.binary('b')]), (...args) => calls.push(args));
    assert.deepEqual(calls.map(([payload, isBinary]) => [payload.toString(), isBinary]), [['a', false], ['b', true]]);
    for (const [payload] of calls) {
      assert.ok(Buffer.isBuffer(payload));
      assert.match(inspect(payload), /^<Buffer 6[12]>$/);
    }
  });

  test(`${role}: what completes no message calls nothing and returns undefined`, () => {
    const socket = plain(role);
    const fail = () => assert.fail('called');
    for (const chunk of [
      Buffer.alloc(0), peer.ping('x'), peer.pong('x'), peer.text('a', { fin: false }), peer.more('b', { fin: false })
    ]) assert.equal(WS.receive(socket, chunk, fail), undefined);
    const bytes = peer.more('cd');
    assert.equal(WS.receive(socket, bytes.subarray(0, 3), fail), undefined);
    assert.equal(WS.receive(socket, bytes.subarray(3)).toString(), 'abcd');
    assert.equal(WS.receive(socket, peer.close(1000), fail), undefined);
    assert.equal(WS.receive(socket, peer.text('late'), fail), undefined);
  });

  test(`${role}: several messages in a chunk: the first is returned, each is delivered`, () => {
    const socket = plain(role);
    const chunk = Buffer.concat([peer.text('one'), peer.ping('p'), peer.binary('two'), peer.text('three')]);
    const got = [];
    const first = WS.receive(socket, chunk, (payload) => got.push(payload.toString()));
    assert.equal(first.toString(), 'one');
    assert.deepEqual(got, ['one', 'two', 'three']);
    assert.deepEqual(sent(socket), [{ pong: '70' }]);
  });

  test(`${role}: without a callback the others wait for the next calls`, () => {
    const socket = plain(role);
    const read = (chunk) => WS.receive(socket, chunk)?.toString();
    assert.equal(read(Buffer.concat(['one', 'two', 'three'].map((text) => peer.text(text)))), 'one');
    assert.equal(read(peer.text('four')), 'two');
    assert.equal(read(Buffer.alloc(0)), 'three');
    assert.equal(read(Buffer.alloc(0)), 'four');
    assert.equal(read(Buffer.alloc(0)), undefined);
    assert.equal(read(peer.text('five')), 'five');
  });

  test(`${role}: messages that wait are not lost with a close behind them`, () => {
    const socket = plain(role);
    const chunk = Buffer.concat([peer.text('one'), peer.text('two'), peer.close(1000)]);
    assert.equal(WS.receive(socket, chunk).toString(), 'one');
    assert.deepEqual(sent(socket), [{ close: 1000, reason: '' }]);
    assert.equal(WS.receive(socket, Buffer.alloc(0)).toString(), 'two');
    assert.equal(WS.receive(socket, Buffer.alloc(0)), undefined);
  });

  test(`${role}: a callback that comes later gets what waited, in order`, () => {
    const socket = plain(role);
    WS.receive(socket, Buffer.concat([peer.text('one'), peer.text('two'), peer.text('three')]));
    assert.deepEqual(collect(socket, peer.text('four')).map(String), ['two', 'three', 'four']);
  });

  test(`${role}: scenario 5: 2, 100 and 10,000 frames in one chunk`, () => {
    for (const count of [2, 100, 10_000]) {
      const socket = plain(role);
      const texts = Array.from({ length: count }, (_, at) => `message ${at}`);
      const got = collect(socket, Buffer.concat(texts.map((text) => peer.text(text))));
      assert.deepEqual(got.map(String), texts);
    }
  });

  test(`${role}: scenario 5: every split of frames of 7, 16 and 64 bit length`, (t) => {
    let splits = 0;
    for (const length of [5, 300, 65_536]) {
      const payload = pattern(length);
      const bytes = peer.binary(payload);
      const socket = plain(role);
      for (let at = 0; at <= bytes.length; at++) {
        const got = collect(socket, bytes.subarray(0, at), bytes.subarray(at));
        assert.equal(got.length, 1, `cut at ${at}`);
        if (!payload.equals(got[0])) assert.fail(`other bytes when cut at ${at}`);
        splits++;
      }
    }
    t.diagnostic(`${splits} splits`);
  });

  test(`${role}: scenario 5: byte by byte`, () => {
    for (const length of LENGTHS) {
      const payload = pattern(length);
      const socket = plain(role);
      const got = collect(socket, ...Array.from(peer.binary(payload), (byte) => Buffer.from([byte])));
      assert.equal(got.length, 1);
      assert.ok(payload.equals(got[0]), `${length} bytes`);
    }
  });

  test(`${role}: every length at the edges of its form, text and binary`, () => {
    for (const length of LENGTHS) {
      const payload = pattern(length);
      const letters = 'x'.repeat(length);
      const [binary, text] = collect(plain(role), Buffer.concat([peer.binary(payload), peer.text(letters)]));
      assert.ok(payload.equals(binary), `${length} bytes`);
      assert.equal(text.toString(), letters);
    }
  });

  test(`${role}: a message larger than a chunk, in chunks of many sizes`, () => {
    const payload = pattern(1 << 20);
    const bytes = Buffer.concat([peer.text('before'), peer.binary(payload), peer.text('after')]);
    for (const size of [1000, 4093, 65_536, 300_000]) {
      const chunks = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const [before, big, after] = collect(plain(role), ...chunks);
      assert.equal(before.toString(), 'before');
      assert.ok(payload.equals(big), `chunks of ${size}`);
      assert.equal(after.toString(), 'after');
    }
  });

  test(`${role}: scenario 8: text cut inside a character, control frames between, one chunk or many`, () => {
    const bytes = Buffer.from('\u{1f44b} gr\u00fc\u00dfe \u2713');
    const parts = [
      peer.text(bytes.subarray(0, 2), { fin: false }), peer.ping('1'),
      peer.more(bytes.subarray(2, 3), { fin: false }), peer.pong('2'),
      peer.more(bytes.subarray(3, 8), { fin: false }), peer.ping('3'),
      peer.more(bytes.subarray(8))
    ];
    for (const chunks of [parts, [Buffer.concat(parts)]]) {
      const socket = plain(role);
      assert.deepEqual(collect(socket, ...chunks).map(String), [bytes.toString()]);
      assert.deepEqual(sent(socket), [{ pong: '31' }, { pong: '33' }]);
    }
  });

  test(`${role}: a payload keeps its bytes, whatever happens to the chunk`, () => {
    const socket = plain(role);
    for (const length of [5, 126, 5000, 70_000]) {
      const payload = pattern(length);
      const chunk = Buffer.concat([peer.binary(payload), peer.binary(payload)]);
      const copy = Buffer.from(chunk);
      const [first, second] = collect(socket, chunk);
      assert.ok(chunk.equals(copy), 'the chunk was modified');
      chunk.fill(0xff);
      assert.ok(payload.equals(first) && payload.equals(second), `${length} bytes`);
    }
  });

  test(`${role}: payloads do not share bytes: one may be written to without harm to another`, () => {
    const socket = plain(role);
    const kept = [];
    for (let round = 0; round < 200; round++) {
      const chunk = Buffer.concat(Array.from({ length: 5 }, (_, at) => peer.binary(pattern(round + at))));
      WS.receive(socket, chunk, (payload) => {
        const copy = Buffer.from(payload);
        kept.push([payload, copy]);
        payload.fill(0x55);
        copy.fill(0x55);
      });
    }
    for (const [payload, copy] of kept) assert.ok(payload.equals(copy));
  });

  test(`${role}: messages kept for long still have their bytes after many more`, () => {
    const socket = plain(role);
    const kept = [];
    for (let round = 0; round < 2000; round++) {
      const text = `message ${round} ${'.'.repeat(round % 200)}`;
      for (const payload of collect(socket, peer.text(text))) kept.push([payload, text]);
    }
    assert.equal(kept.length, 2000);
    for (const [payload, text] of kept) assert.equal(payload.toString(), text);
  });

  test(`${role}: memory that the user transfers away is missed by nobody else`, () => {
    const socket = plain(role);
    const kept = [];
    for (let round = 0; round < 50; round++) {
      for (const size of [10, 3000, 100_000]) {
        const chunk = Buffer.concat([peer.binary(pattern(size)), peer.binary(pattern(size))]);
        const [given, mine] = collect(socket, chunk);
        kept.push(mine);
        // A buffer that refuses to be transferred is as good.
        try { structuredClone(given.buffer, { transfer: [given.buffer] }); } catch { continue; }
      }
    }
    for (const payload of kept) assert.ok(pattern(payload.length).equals(payload) && payload.length > 0);
  });

  test(`${role}: a message pins little more memory than it is long`, () => {
    for (const size of [1, 100, 3000, 8191, 8192, 10_000, 32_768, 32_769, 100_000, 1_000_000]) {
      const isPooled = size >= 8192 && size <= 32_768;
      const bytes = peer.binary(pattern(size));
      const parts = [peer.binary(pattern(size), { fin: false }), peer.more('')];
      for (const chunks of [[bytes], [bytes.subarray(0, 7), bytes.subarray(7)], parts]) {
        const [payload] = collect(plain(role), ...chunks);
        assert.equal(payload.length, size);
        const pinned = payload.buffer.byteLength;
        assert.ok(pinned <= Math.max(8192, 2 * size, isPooled ? 65_536 : 0), `${pinned} bytes for ${size}`);
      }
    }
  });

  test(`${role}: a chunk in shared memory, and one whose memory is gone`, () => {
    const socket = plain(role);
    const bytes = peer.text('shared');
    const shared = Buffer.from(new SharedArrayBuffer(bytes.length));
    bytes.copy(shared);
    assert.deepEqual(collect(socket, shared).map(String), ['shared']);

    const gone = Buffer.from(new ArrayBuffer(16));
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    assert.equal(WS.receive(socket, gone, () => assert.fail('called')), undefined);
    assert.deepEqual(collect(socket, peer.text('still here')).map(String), ['still here']);
  });

  test(`${role}: nothing enumerable is added to the socket`, () => {
    const socket = plain(role);
    const before = Object.keys(socket);
    WS.receive(socket, Buffer.concat([peer.text('a'), peer.ping('b'), peer.close(1000)]), () => {});
    assert.deepEqual(Object.keys(socket), before);
  });

  test(`${role}: a socket that takes no properties works too`, () => {
    const socket = Object.freeze(plain(role));
    assert.deepEqual(collect(socket, peer.text('a').subarray(0, 2)).length, 0);
    WS.send(socket, 'b');
    WS.send(socket, 'c');
    assert.deepEqual(sent(socket), [{ text: 'b' }, { text: 'c' }]);
  });
}

test('the role is read at every call, never kept', () => {
  const socket = plain();
  const both = [peerOf('server').text('masked'), peerOf('client').text('plain')];
  assert.deepEqual(collect(socket, ...both).map(String), ['masked', 'plain']);
  as('server', socket);
  assert.deepEqual(collect(socket, both[0]).map(String), ['masked']);
  as('client', socket);
  assert.deepEqual(collect(socket, both[1]).map(String), ['plain']);
  WS.receive(socket, peerOf('client').ping('p'));
  assert.deepEqual(sent(socket), [{ pong: '70' }]);
  as('server', socket);
  WS.receive(socket, both[1], () => assert.fail('an unmasked frame at a server'));
  assert.deepEqual(sent(socket), [{ close: 1002, reason: '' }]);
});

test('RFC 6455 §5.7: 256 bytes and 64 KiB, unmasked', () => {
  for (const [length, head] of [[256, '827e0100'], [65_536, '827f0000000000010000']]) {
    const bytes = Buffer.concat([Buffer.from(head, 'hex'), pattern(length)]);
    assert.deepEqual(bytes, frame(2, pattern(length)));
    assert.ok(pattern(length).equals(collect(plain('client'), bytes)[0]));
  }
});
