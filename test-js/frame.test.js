'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { frame } = require('../lib/frame.js');
const { info } = require('../lib/info.js');
const { close } = require('../lib/close.js');
const { ping } = require('../lib/control.js');
const { send } = require('../lib/send.js');
const { ROLES } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');
const { as, nextTurn, plain, sent, wire } = require('./support/plain.js');
const { connected } = require('./support/sockets.js');

const PAYLOADS = {
  'empty': '',
  '7-bit length': 'Hello',
  '16-bit length': 'x'.repeat(130),
  'a joined size': 'y'.repeat(16_000),
  'a large one': '€'.repeat(10_000),
  '64-bit length': 'z'.repeat(70_000)
};

for (const role of ROLES) {
  describe(`a frame that is sent by a ${role}`, () => {
    for (const [name, text] of Object.entries(PAYLOADS)) {
      test(`is what WS.send of its payload gives: ${name}`, async () => {
        const bytes = Buffer.from(text);
        const calls = [[text], [bytes], [bytes, { binary: false }], [text, { fin: false }]];
        for (const [payload, options] of calls) {
          const [one, other] = [plain(role), plain(role)];
          assert.equal(send(one, frame(payload, options)), true);
          send(other, payload, options);
          assert.deepEqual(sent(one), sent(other));
          assert.equal(info(one).bytesSent, info(other).bytesSent);
        }
      });
    }

    test('keeps its place among other sends of the tick', async () => {
      const socket = plain(role);
      const prepared = frame('frame');
      send(socket, 'one');
      send(socket, prepared);
      send(socket, Buffer.alloc(20_000));
      send(socket, frame(Buffer.alloc(20_000, 1)));
      ping(socket, 'p');
      send(socket, prepared);
      await nextTurn();
      assert.deepEqual(sent(socket), [
        { text: 'one' }, { text: 'frame' }, { binary: '00'.repeat(20_000) }, { binary: '01'.repeat(20_000) },
        { ping: '70' }, { text: 'frame' }
      ]);
    });

    test('continues a message that is in progress', async () => {
      const socket = plain(role);
      send(socket, 'a', { fin: false });
      send(socket, frame('b', { fin: false }));
      send(socket, frame('c'));
      send(socket, frame('d', { fin: false }));
      send(socket, 'e');
      await nextTurn();
      assert.deepEqual(sent(socket), [
        { text: '61', fin: false }, { more: '62', fin: false }, { more: '63' },
        { text: '64', fin: false }, { more: '65' }
      ]);
    });

    test('is refused once the connection closes, and its callback told', async () => {
      const socket = plain(role);
      close(socket, 1000);
      const error = await new Promise((resolve) => {
        assert.equal(send(socket, frame('late'), resolve), false);
      });
      assert.equal(error.code, 'ERR_SOCKET_CLOSED');
    });

    test('calls back when it is written', async () => {
      const socket = plain(role);
      const outcome = await new Promise((resolve) => { send(socket, frame('x'), resolve); });
      assert.equal(outcome ?? null, null);
    });
  });
}

test('a server sends the very same bytes, a client masks afresh each time', async () => {
  const prepared = frame('Hello');
  const [one, other] = [plain('server'), plain('server')];
  send(one, prepared);
  send(other, prepared);
  assert.equal(one.writes[0], other.writes[0]);
  const client = plain('client');
  send(client, prepared);
  await nextTurn();
  send(client, prepared);
  assert.equal(client.writes.length, 2);
  assert.notDeepEqual(client.writes[0], client.writes[1]);
  assert.equal(sent(client).length, 2);
});

test('waits behind a Blob', async (t) => {
  const { server, client } = await connected(t, 'net');
  const inbox = frames(client);
  send(server, new Blob(['blob']));
  send(server, frame('frame'));
  assert.deepEqual(await inbox.take(2), [{ binary: Buffer.from('blob').toString('hex') }, { text: 'frame' }]);
});

test('does not change with the memory that it was made from', () => {
  const bytes = Buffer.from('before');
  const prepared = frame(bytes);
  bytes.fill('x');
  const socket = plain('server');
  send(socket, prepared);
  assert.equal(wire(socket).subarray(2).toString(), 'before');
  assert.throws(() => { prepared.kind = 1; }, TypeError);
});

test('takes every payload that is there as a whole, and checks it', () => {
  const socket = plain('server');
  const memory = Uint8Array.of(0x61, 0x62).buffer;
  for (const payload of [new Uint16Array(memory), new DataView(memory), memory, new SharedArrayBuffer(2)]) {
    assert.equal(send(socket, frame(payload)), true);
  }
  for (const bad of [null, undefined, 1, {}, new Blob([]), frame('x')]) {
    assert.throws(() => frame(bad), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  assert.throws(() => frame('x', { compres: true }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => frame('x', { binary: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
  const invalid = { code: 'ERR_INVALID_ARG_VALUE', message: /UTF-8/ };
  assert.throws(() => frame(Buffer.from([0xff]), { binary: false }), invalid);
  // It may go anywhere, so no character of it goes on in another frame.
  assert.throws(() => frame(Buffer.from([0xe2, 0x82]), { binary: false, fin: false }), invalid);
  assert.throws(() => send(as('server', plain()), frame('x'), { binary: true }), { code: 'ERR_INVALID_ARG_VALUE' });
});
