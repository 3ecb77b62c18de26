'use strict';

// The async context of the handlers: that in which the socket was attached, over every transport.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { test } = require('node:test');
const { WS } = require('..');
const { attach } = require('../lib/attach.js');
const { until } = require('./support/attached.js');
const { bounded } = require('./support/bounded.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient } = require('./support/handshake.js');
const { dial, serve } = require('./support/listening.js');
const { connected, fill } = require('./support/sockets.js');

const peer = peerOf('server');

/** Handlers that note their names with what `storage` holds, until the connection is closed. */
function recorder(storage) {
  const seen = [];
  let closed;
  const isClosed = new Promise((resolve) => { closed = resolve; });
  const note = (name) => () => seen.push([name, storage.getStore()]);
  const handlers = Object.fromEntries(['open', 'message', 'ping', 'pong', 'drain', 'error'].map((name) => [name, note(name)]));
  handlers.close = () => {
    note('close')();
    closed(seen);
  };
  return { handlers, seen, closed: bounded('a close', isClosed) };
}

for (const transport of ['auto', 'stream']) {
  for (const kind of ['net', 'tls']) {
    test(`${kind}, ${transport}: that of WS.attach`, async (t) => {
      const storage = new AsyncLocalStorage();
      const { server, client } = await connected(t, kind);
      const { handlers, seen, closed } = recorder(storage);
      storage.run('mine', () => attach(server, handlers, { transport }));
      // Chunks of their own: the first of them is read otherwise.
      for (const frame of [peer.text('text'), peer.ping('ping'), peer.pong('pong')]) {
        client.write(frame);
        await new Promise(setImmediate);
      }
      await fill(server);
      client.resume();
      await until(() => seen.some(([name]) => name === 'drain'));
      client.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]));
      await closed;
      assert.deepEqual(seen.map(([, store]) => store), seen.map(() => 'mine'));
      const names = seen.map(([name]) => name);
      for (const name of ['open', 'message', 'ping', 'pong', 'drain', 'error', 'close']) assert.ok(names.includes(name), name);
    });
  }

  test(`${transport}: that of \`upgrade\``, async (t) => {
    const storage = new AsyncLocalStorage();
    const { handlers, closed } = recorder(storage);
    const upgrade = () => storage.enterWith('mine');
    const server = await serve(t, 'own', { ...handlers, upgrade }, { transport });
    const client = await dial(server);
    t.after(() => client.destroy());
    await openAsClient(client);
    for (const frame of [peer.text('text'), peer.ping('ping'), peer.close(1000)]) {
      client.write(frame);
      await new Promise(setImmediate);
    }
    assert.deepEqual(await closed, ['open', 'message', 'ping', 'close'].map((name) => [name, 'mine']));
  });
}

test('that of WS.attach, of what waits behind a pause', async (t) => {
  const storage = new AsyncLocalStorage();
  const { server, client } = await connected(t, 'net');
  const { handlers, closed } = recorder(storage);
  storage.run('mine', () => attach(server, handlers));
  WS.pause(server);
  client.end(Buffer.concat([peer.text('text'), peer.close(1000)]));
  storage.run('other', () => WS.resume(server));
  assert.deepEqual(await closed, ['open', 'message', 'close'].map((name) => [name, 'mine']));
});
