'use strict';

const assert = require('node:assert/strict');
const { Duplex } = require('node:stream');
const { describe, test } = require('node:test');
const { MessageChannel } = require('node:worker_threads');
const { attach } = require('../lib/attach.js');
const { broadcast } = require('../lib/broadcast.js');
const { frame } = require('../lib/frame.js');
const { info } = require('../lib/info.js');
const { close } = require('../lib/close.js');
const { send } = require('../lib/send.js');
const { ROLES, parse } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');
const { as, nextTurn, plain, sent } = require('./support/plain.js');
const { attachedPair, until } = require('./support/attached.js');
const { connect, connected, lasting, listen } = require('./support/sockets.js');
const net = require('node:net');

/** `count` connected pairs over one listener, roles set: `[{ server, client }]`. */
async function pairs(t, count) {
  const arrived = [];
  const listener = net.createServer((socket) => arrived.push(as('server', socket)));
  const port = await listen(listener);
  const ends = [];
  for (let i = 0; i < count; i++) {
    const client = as('client', await connect(port));
    await until(() => arrived.length === i + 1);
    ends.push({ server: arrived[i], client });
  }
  const release = async () => {
    for (const { server, client } of ends) { server.destroy(); client.destroy(); }
    await new Promise((resolve) => { listener.close(resolve); });
  };
  lasting(t, { release });
  return ends;
}

test('a socket whose write transfers what it is given takes it from no other one', async (t) => {
  const { port1, port2 } = new MessageChannel();
  t.after(() => { port1.close(); port2.close(); });
  const sockets = [false, true, { serverNoContextTakeover: true }].flatMap((perMessageDeflate) => [0, 1].map(() => {
    const socket = as('server', new Duplex({ read() {}, write: (chunk, encoding, callback) => callback() }));
    const arrived = [];
    socket.write = (chunk) => {
      arrived.push(Buffer.from(chunk));
      // Some versions of Node throw where they may not transfer it, others copy it.
      try { port1.postMessage(chunk, [chunk.buffer]); } catch { /* It stays. */ }
      return true;
    };
    attach(socket, {}, { perMessageDeflate });
    return { arrived, socket };
  }));
  const lengths = [10, 20_000, 200_000];
  for (const length of lengths) broadcast(sockets.map(({ socket }) => socket), 'x'.repeat(length));
  // Some are packed on another thread first.
  await until(() => sockets.every(({ arrived }) => arrived.length >= lengths.length));
  for (const { arrived } of sockets) {
    const { frames: all, rest } = parse(Buffer.concat(arrived));
    assert.deepEqual([all.length, rest.length], [lengths.length, 0]);
  }
});

test('1,000 sockets get every message, in order', async (t) => {
  const ends = await pairs(t, 1000);
  const sockets = new Set(ends.map(({ server }) => server));
  const count = 20;
  const received = ends.map(({ client }) => new Promise((resolve) => {
    const payloads = [];
    attach(client, {
      message: (socket, payload) => {
        if (payloads.push(payload) === count) resolve(payloads);
      }
    });
  }));
  for (let i = 0; i < count; i++) assert.equal(broadcast(sockets, Buffer.alloc(1024, i)), 1000);
  for (const payloads of await Promise.all(received)) {
    assert.deepEqual(payloads.map((payload) => payload.compare(Buffer.alloc(1024, payload[0]))), Array(count).fill(0));
    assert.deepEqual(payloads.map(([first]) => first), Array.from({ length: count }, (_, i) => i));
  }
});

for (const role of ROLES) {
  test(`every ${role} gets the payload as WS.send would give it`, async () => {
    const sockets = [plain(role), plain(role), plain(role)];
    assert.equal(broadcast(sockets, 'text'), 3);
    assert.equal(broadcast(sockets, Buffer.from('raw'), { binary: false }), 3);
    assert.equal(broadcast(sockets, frame('part', { fin: false })), 3);
    await nextTurn();
    for (const socket of sockets) {
      assert.deepEqual(sent(socket), [{ text: 'text' }, { text: 'raw' }, { text: Buffer.from('part').toString('hex'), fin: false }]);
    }
  });
}

describe('the sockets', () => {
  test('are any iterable, roles mixed', async () => {
    const sockets = [plain('server'), plain('client')];
    const generate = function* () { yield* sockets; };
    assert.equal(broadcast(generate(), 'x'), 2);
    assert.equal(broadcast(new Map(sockets.entries()).values(), 'y'), 2);
    assert.equal(broadcast([], 'z'), 0);
    await nextTurn();
    for (const socket of sockets) assert.deepEqual(sent(socket), [{ text: 'x' }, { text: 'y' }]);
  });

  test('of which one is none are all left alone, and it is named', async () => {
    const good = plain('server');
    for (const wrong of [5, null, undefined, {}]) {
      const message = /^The "sockets\[1\]" argument must be an object with write and end methods\. Received /;
      for (const sockets of [[good, wrong], new Set([good, wrong])]) {
        assert.throws(() => broadcast(sockets, 'x'), { code: 'ERR_INVALID_ARG_TYPE', message });
      }
    }
    await nextTurn();
    assert.deepEqual(sent(good), []);
  });

  test('that are closing or destroyed are not counted', async (t) => {
    const { server, client } = await connected(t, 'net');
    const closing = plain('server');
    close(closing, 1000);
    client.destroy();
    assert.equal(broadcast([server, client, closing], 'x'), 1);
  });

  test('that wait for a Blob get it in its turn', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    send(server, new Blob(['b']));
    assert.equal(broadcast([server], 'after'), 1);
    assert.deepEqual(await wire.take(2), [{ binary: '62' }, { text: 'after' }]);
  });

  test('that do not read are dropped, the others unharmed', async (t) => {
    const limit = 1024 * 1024;
    const { server: deaf, at } = await attachedPair(t, { server: { maxBufferedAmount: limit } });
    const { server: keen, client } = await connected(t, 'net');
    let bytes = 0;
    client.on('data', (chunk) => { bytes += chunk.length; });
    let total = 0;
    while (!deaf.destroyed) {
      assert.equal(broadcast([deaf, keen], Buffer.alloc(100_000)), 2);
      total += 100_010;
      await nextTurn();
    }
    const { error } = await at.server.closed;
    assert.equal(error.code, 'ERR_WS13_BUFFER_OVERFLOW');
    assert.equal(broadcast([deaf, keen], 'x'), 1);
    await until(() => bytes === total + 3);
  });
});

test('a frame is written as it is, to each of them', async () => {
  const sockets = Array.from({ length: 10 }, () => plain('server'));
  broadcast(sockets, 'one encoding');
  for (const { writes } of sockets) assert.equal(writes[0], sockets[0].writes[0]);
  assert.equal(parse(sockets[0].writes[0]).frames.length, 1);
  assert.equal(info(sockets[9]).bytesSent, 14);
});

test('its arguments are checked', () => {
  const bad = { code: 'ERR_INVALID_ARG_TYPE' };
  for (const sockets of [undefined, null, 'sockets', 7, plain('server')]) assert.throws(() => broadcast(sockets, 'x'), bad);
  for (const payload of [undefined, null, 7, {}, new Blob([])]) assert.throws(() => broadcast([], payload), bad);
  assert.throws(() => broadcast([{}], 'x'), bad);
  assert.throws(() => broadcast([], frame('x'), { fin: false }), { code: 'ERR_INVALID_ARG_VALUE' });
});
