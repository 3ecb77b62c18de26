'use strict';

// What is the reactor's alone: that Node's view of a socket stays true while somebody else reads and
// writes it. Everything else is tested over both transports, by the same tests.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('..');
const { until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { uncaught } = require('./support/listening.js');
const { connected } = require('./support/sockets.js');

const peer = peerOf('server');
/** Where there is no reactor there is nothing to test. */
const skip = process.env.WS13_TRANSPORT === 'stream' || process.platform === 'win32';

/** A server's socket that is attached with `handlers`, and the bare one at its other end. */
async function adopted(t, handlers, options) {
  const { server, client } = await connected(t, 'net');
  WS.attach(server, handlers, options);
  assert.equal(WS.info(server).transport, 'reactor');
  return { server, client };
}

/** Messages that are numbers, from 0 on. */
const numbered = (count) => Array.from({ length: count }, (_, at) => peer.text(String(at)));
const upTo = (count) => Array.from({ length: count }, (_, at) => at);

describe('the order of what arrives', { skip, timeout: 20_000 }, () => {
  // More messages in a chunk than one native call tells of, so that the rest of its bytes waits as it
  // came; and each chunk ends within a frame.
  const COUNT = 6000;
  const CHUNK = 20_003;
  const bytes = Buffer.concat(numbered(COUNT));

  /** Writes the bytes from `at` on, each chunk as one that is read by itself. */
  async function write(socket, at = 0) {
    for (; at < bytes.length; at += CHUNK) {
      socket.write(bytes.subarray(at, at + CHUNK));
      await turn();
    }
  }

  test('is kept where a handler throws', async (t) => {
    const got = [];
    const { client } = await adopted(t, {
      message(_socket, payload) {
        got.push(Number(payload));
        if (got.length <= 20) throw new Error('at each of the first');
      }
    });
    const errors = await uncaught(20, () => write(client));
    assert.equal(errors.length, 20);
    await until(() => got.length === COUNT);
    assert.deepEqual(got, upTo(COUNT));
  });

  test('is kept where the program resumes a socket that WS.pause has paused', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, {
      message(socket, payload) {
        got.push(Number(payload));
        if (got.length % 1000 !== 1) return;
        WS.pause(socket);
        socket.resume();
      }
    });
    await write(client);
    while (got.length < COUNT) {
      await turn();
      WS.resume(server);
    }
    assert.deepEqual(got, upTo(COUNT));
  });

  test('is kept where chunks wait in the stream as it is attached', async (t) => {
    const { server, client } = await connected(t, 'net');
    const got = [];
    server.pause();
    client.write(bytes.subarray(0, CHUNK));
    server.read(0);
    await until(() => server.readableLength === CHUNK);
    const errors = await uncaught(20, () => {
      WS.attach(server, {
        message(_socket, payload) {
          got.push(Number(payload));
          if (got.length <= 20) throw new Error('at each of the first');
        }
      });
      return write(client, CHUNK);
    });
    assert.equal(errors.length, 20);
    await until(() => got.length === COUNT);
    assert.deepEqual(got, upTo(COUNT));
  });
});

describe('a pause', { skip, timeout: 20_000 }, () => {
  test('in the tick of a resume is a pause', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: () => got.push(1) });
    for (const [resume, pause] of [
      [() => server.resume(), () => server.pause()],
      [() => WS.resume(server), () => WS.pause(server)]
    ]) {
      pause();
      await turn();
      resume();
      pause();
      await turn();
      const { bytesRead } = server;
      client.write(peer.text('a'));
      for (let turns = 0; turns < 20; turns++) await turn();
      assert.equal(server.bytesRead, bytesRead);
      assert.deepEqual(got.splice(0), []);
      resume();
      await until(() => got.length === 1);
      assert.deepEqual(got.splice(0), [1]);
    }
  });

  test('between a resume and its tick is a pause', async (t) => {
    const { server, client } = await adopted(t, {});
    WS.pause(server);
    WS.resume(server);
    // The connection goes on in this tick, the stream in the next one.
    process.nextTick(() => WS.pause(server));
    await turn();
    const { bytesRead } = server;
    client.write(peer.text('a'));
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(server.bytesRead, bytesRead);
  });
});

describe('the async context of a handler', { skip, timeout: 20_000 }, () => {
  test('is that of its own socket', async (t) => {
    const storage = new AsyncLocalStorage();
    const got = [];
    const clients = [];
    for (let number = 0; number < 5; number++) {
      const { server, client } = await connected(t, 'net');
      clients.push(client);
      storage.run(number, () => WS.attach(server, {
        async message(_socket, payload) {
          const stores = [storage.getStore()];
          await null;
          stores.push(storage.getStore());
          process.nextTick(() => got.push([Number(payload), ...stores, storage.getStore()]));
        }
      }));
    }
    clients.forEach((client, number) => client.write(peer.text(String(number))));
    await until(() => got.length === clients.length);
    assert.deepEqual(got.sort(), clients.map((_, number) => [number, number, number, number]));
    assert.equal(storage.getStore(), undefined);
  });
});
