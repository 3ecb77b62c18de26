'use strict';

// Sockets that are read side by side, in one turn of the reactor: what happens to one of them is not
// to be felt by the others; and what a program does to a socket that the reactor reads.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('..');
const { until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { uncaught } = require('./support/listening.js');
const { adopted, skip } = require('./support/reactor.js');
const { connected } = require('./support/sockets.js');

const peer = peerOf('server');

/** A few of them. */
async function several(t, count, handlersOf, options) {
  const pairs = [];
  for (let number = 0; number < count; number++) pairs.push(await adopted(t, handlersOf(number), options));
  return pairs;
}

describe('sockets of one turn', { skip, timeout: 20_000 }, () => {
  test('each tell the code of their own close frame', async (t) => {
    const got = [];
    const pairs = await several(t, 5, (number) => ({
      close: (_socket, code, reason) => { got[number] = [code, reason]; }
    }));
    const codes = [1000, 1001, 4000, 4001, 4002];
    pairs.forEach(({ client }, number) => client.write(peer.close(codes[number], `number ${number}`)));
    await until(() => got.filter(Boolean).length === 5);
    assert.deepEqual(got, codes.map((code, number) => [code, `number ${number}`]));
  });

  test('are all read where writing to one of them throws', async (t) => {
    const got = [];
    const [{ server, client }, ...others] = await several(t, 3, (number) => ({
      message(socket) { got.push(number); WS.send(socket, 'a'); }
    }));
    client.pause();
    while (WS.send(server, Buffer.alloc(1 << 20))) await turn();
    server.write = () => { throw new Error('write'); };
    const errors = await uncaught(1, async () => {
      for (const pair of [{ client }, ...others]) pair.client.write(peer.text('a'));
      await until(() => got.length === 3);
    });
    assert.equal(errors[0].message, 'write');
    assert.deepEqual(got.sort(), [0, 1, 2]);
  });
});

describe('a peer that does not read', { skip, timeout: 20_000 }, () => {
  test('has send in a handler return false, and drain follows', async (t) => {
    const results = [];
    let drains = 0;
    const { server, client } = await adopted(t, {
      message(socket) { results.push(WS.send(socket, 'x'.repeat(1000))); },
      drain() { drains++; }
    });
    client.pause();
    const block = Buffer.alloc(1 << 20);
    while (WS.send(server, block)) await turn();
    client.write(Buffer.concat([peer.text('a'), peer.text('b')]));
    await until(() => results.length === 2);
    assert.deepEqual(results, [false, false]);
    assert.equal(WS.send(server, 'first'), false);
    assert.equal(WS.send(server, 'second'), false);
    client.resume();
    await until(() => drains === 1);
    assert.equal(server.writableNeedDrain, false);
  });
});

describe('a paused socket', { skip, timeout: 20_000 }, () => {
  test('is read again after WS.resume where the program has resumed the socket before', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: (_socket, payload) => got.push(String(payload)) });
    WS.pause(server);
    await turn();
    server.resume();
    await turn();
    WS.resume(server);
    await turn();
    client.write(peer.text('a'));
    await until(() => got.length === 1);
  });

  test('tells of the end of a peer that has sent nothing before it', async (t) => {
    const { server, client } = await adopted(t, {});
    WS.pause(server);
    await turn();
    const ended = once(server, 'end');
    client.end();
    await ended;
  });

  test('keeps what came before the end', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: () => got.push('message'), close: () => got.push('close') });
    WS.pause(server);
    await turn();
    client.end(peer.text('a'));
    await once(client, 'finish');
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.deepEqual(got, []);
    WS.resume(server);
    await until(() => got.length === 2);
    assert.deepEqual(got, ['message', 'close']);
  });

  test('tells of a reset', async (t) => {
    const { server, client } = await adopted(t, {});
    WS.pause(server);
    await turn();
    const told = once(server, 'error');
    client.resetAndDestroy();
    const [error] = await told;
    assert.equal(error.code, 'ECONNRESET');
  });
});

describe('the async context of an event', { skip, timeout: 20_000 }, () => {
  test('end is that of its own socket', async (t) => {
    const storage = new AsyncLocalStorage();
    const got = [];
    const clients = [];
    for (let number = 0; number < 3; number++) {
      const { server, client } = await connected(t, 'net');
      clients.push(client);
      storage.run(number, () => {
        WS.attach(server, {});
        server.on('end', () => got.push([number, storage.getStore()]));
      });
    }
    for (const client of clients) client.end();
    await until(() => got.length === 3);
    assert.deepEqual(got.sort(), [[0, 0], [1, 1], [2, 2]]);
  });
});
