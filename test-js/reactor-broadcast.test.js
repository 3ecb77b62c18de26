'use strict';

// One native call writes a broadcast to all sockets that the reactor has and for which nothing waits;
// what a peer gets is what it would have got by itself.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('..');
const codec = require('../lib/codec.js');
const { until } = require('./support/attached.js');
const { frames } = require('./support/inbox.js');
const { plain, sent } = require('./support/plain.js');
const { adopted, skip } = require('./support/reactor.js');

const MIB = 1 << 20;

describe('a broadcast over the reactor', { skip, timeout: 30_000 }, () => {
  test('is one native call for 256 sockets', async (t) => {
    const pairs = [];
    for (let count = 0; count < 300; count++) pairs.push(await adopted(t, {}));
    const wires = pairs.map(({ client }) => frames(client));
    const before = pairs.map(({ server }) => server.bytesWritten);
    const calls = t.mock.method(codec, 'broadcast').mock;
    assert.equal(WS.broadcast(pairs.map(({ server }) => server), 'to all'), 300);
    assert.deepEqual(calls.calls.map(({ arguments: [, count] }) => count), [256, 44]);
    for (const wire of wires) assert.deepEqual(await wire.next(), { text: 'to all' });
    pairs.forEach(({ server }, at) => assert.equal(server.bytesWritten, before[at] + 8));
  });

  test('keeps its place among other sends of the tick', async (t) => {
    const { server, client } = await adopted(t, {});
    const wire = frames(client);
    for (const first of [WS.send, WS.broadcast]) {
      const to = first === WS.send ? server : [server];
      first(to, 'a');
      WS.broadcast([server, server], 'b');
      WS.send(server, 'c');
      WS.broadcast(new Set([server]), 'd');
      const got = (await wire.take(5)).map(({ text }) => text);
      assert.deepEqual(got, ['a', 'b', 'b', 'c', 'd']);
      await turn();
    }
  });

  test('goes on with a message whose first part was sent', async (t) => {
    const { server, client } = await adopted(t, {});
    const wire = frames(client);
    WS.send(server, 'a', { fin: false });
    await turn();
    WS.broadcast([server], 'b');
    assert.deepEqual(await wire.take(2), [{ text: '61', fin: false }, { more: '62' }]);
  });

  test('waits in Node\'s socket where the peer does not take it', async (t) => {
    const { server: slow, client: late } = await adopted(t, {});
    const { server: keen, client } = await adopted(t, {});
    const inbox = frames(client);
    const payloads = Array.from({ length: 12 }, (_, at) => Buffer.alloc(MIB - 100, at));
    for (const payload of payloads) {
      assert.equal(WS.broadcast([slow, keen], payload), 2);
      assert.equal((await inbox.next()).binary, payload.toString('hex'));
    }
    assert.ok(slow.writableLength > 0, 'something waits');
    assert.ok(WS.info(slow).bufferedAmount > 0);
    const wire = frames(late);
    for (const payload of payloads) assert.equal((await wire.next()).binary, payload.toString('hex'));
    assert.equal(slow.writableLength, 0);
  });

  test('tells of a peer that is gone as a send does', async (t) => {
    const codes = [];
    const { server, client } = await adopted(t, { error: (_socket, { code }) => codes.push(code) });
    const { server: other, client: far } = await adopted(t, {});
    const wire = frames(far);
    client.resetAndDestroy();
    let count = 0;
    while (!server.destroyed) {
      WS.broadcast([server, other], String(count++));
      await turn();
    }
    await until(() => server.closed);
    assert.deepEqual(codes.filter((code) => !['ECONNRESET', 'EPIPE'].includes(code)), []);
    assert.equal(codes.length, 1);
    for (let at = 0; at < count; at++) assert.deepEqual(await wire.next(), { text: String(at) });
  });

  test('is not harmed by a socket of the program\'s that leads back', async (t) => {
    const { server, client } = await adopted(t, {});
    const wire = frames(client);
    const own = plain('server');
    const { write } = own;
    own.write = (...bytes) => {
      own.write = write;
      WS.broadcast([server, own], 'within');
      server.end();
      return write.call(own, ...bytes);
    };
    assert.equal(WS.broadcast([own, server], 'around'), 2);
    assert.deepEqual(await wire.take(2), [{ text: 'around' }, { text: 'within' }]);
    await turn();
    assert.deepEqual(sent(own).map(({ text }) => text).sort(), ['around', 'within']);
  });

  test('is sent to none where one of them is no socket', async (t) => {
    const { server, client } = await adopted(t, {});
    const wire = frames(client);
    assert.throws(() => WS.broadcast([server, {}], 'a'), { code: 'ERR_INVALID_ARG_TYPE' });
    WS.send(server, 'b');
    assert.deepEqual(await wire.next(), { text: 'b' });
  });
});
