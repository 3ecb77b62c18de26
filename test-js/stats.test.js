'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { join } = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { WS } = require('../index.js');
const { attach } = require('../lib/attach.js');
const { broadcast } = require('../lib/broadcast.js');
const { close } = require('../lib/close.js');
const { ping } = require('../lib/control.js');
const { send } = require('../lib/send.js');
const { stats } = require('../lib/stats.js');
const { upgrade } = require('../lib/upgrade.js');
const { accepting, serve } = require('./support/clients.js');
const { attachedPair } = require('./support/attached.js');
const { requestHeaders } = require('./support/handshake.js');
const { plain } = require('./support/plain.js');
const { connected, lasting, netPair } = require('./support/sockets.js');

/** How many connections there are and were, whatever reads them. */
function counted(before) {
  const { open, total } = since(before).connections;
  return { open, total };
}

/** What has been added to every counter since `before`. */
function since(before) {
  const now = stats();
  const minus = (a, b) => Object.fromEntries(Object.entries(a).map(([name, value]) => [
    name, typeof value === 'object' ? minus(value, b[name] ?? {}) : value - (b[name] ?? 0)
  ]));
  return minus(now, before);
}

test('messages and bytes are those of both ends', async (t) => {
  const before = stats();
  const { server, client, at } = await attachedPair(t, { server: {}, client: {} });
  send(client, 'Hello');
  send(server, Buffer.alloc(200));
  send(client, 'two ', { fin: false });
  send(client, 'parts');
  ping(client, 'p');
  broadcast([server], 'all');
  await at.server.inbox.take(2);
  await at.client.inbox.take(2);
  close(client, 1000);
  await Promise.all([at.server.closed, at.client.closed]);
  const { connections, messages, bytes } = since(before);
  assert.deepEqual(messages, { received: 4, sent: 4 });
  // Frames: 11 + 10 + 11 + 7 masked and a close of 8; 204 + 5 and a pong of 3, a close of 4.
  const sum = (6 + 5) + (6 + 4) + (6 + 5) + (6 + 1) + (6 + 2) + (4 + 200) + (2 + 3) + (2 + 1) + (2 + 2);
  assert.deepEqual(bytes, { received: sum, sent: sum });
  assert.deepEqual(connections, { open: 0, total: 2, reactor: 0 });
});

test('a connection counts as open until its socket is closed, and once', async (t) => {
  const before = stats();
  const { server, client } = await connected(t, 'net');
  attach(server, {});
  attach(client, {});
  assert.deepEqual(counted(before), { open: 2, total: 2 });
  send(server, 'x');
  const gone = [once(server, 'close'), once(client, 'close')];
  server.destroy();
  client.destroy();
  await Promise.all(gone);
  assert.deepEqual(counted(before), { open: 0, total: 2 });
  assert.equal(since(before).messages.sent, 1);
});

test('a socket that was closed before its first call is no connection', async (t) => {
  const { server } = lasting(t, await netPair());
  server.destroy();
  await once(server, 'close');
  const before = stats();
  server._is_server = true;
  assert.equal(send(server, 'late'), false);
  assert.equal(ping(server), false);
  assert.equal(broadcast([server], 'late'), 0);
  assert.equal(WS.info(server).state, 'closed');
  assert.deepEqual(counted(before), { open: 0, total: 0 });
});

test('a client counts from the end of its handshake on, whatever became of others', async (t) => {
  const before = stats();
  const none = { open: 0, total: 0 };
  // A server that leaves the first without an answer, refuses the second, redirects the third and takes the fourth.
  const answers = [
    () => undefined,
    () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
    () => 'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
    accepting
  ];
  const { url } = await serve(t, (head) => answers.shift()(head));

  const failure = (options) => new Promise((resolve) => {
    const error = (socket, error) => resolve({ socket, error, connections: counted(before) });
    WS.connect(url, { error }, options);
    assert.deepEqual(counted(before), none);
  });
  const unanswered = await failure({ handshakeTimeout: 50 });
  const refused = await failure();
  assert.equal(unanswered.error.code, 'WS_ERR_HANDSHAKE_TIMEOUT');
  assert.equal(refused.error.status, 403);
  assert.deepEqual([unanswered.connections, refused.connections], [none, none]);
  assert.equal(WS.info(refused.socket).state, 'closed');
  assert.equal(WS.send(refused.socket, 'late'), false);

  const socket = await new Promise((resolve, reject) => {
    WS.connect(url, { open: resolve, error: (_socket, error) => reject(error) }, { maxRedirects: 1 });
  });
  assert.deepEqual(counted(before), { open: 1, total: 1 });
  socket.destroy();
  await once(socket, 'close');
  assert.deepEqual(counted(before), { open: 0, total: 1 });
});

test('refusals are counted by their reason', () => {
  const before = stats();
  upgrade(plain(), requestHeaders({ 'sec-websocket-key': undefined }));
  upgrade(plain(), requestHeaders({ 'sec-websocket-version': '8' }));
  upgrade(plain(), requestHeaders({ 'sec-websocket-version': '7' }));
  const counts = Object.values(since(before).refusals).filter((count) => count > 0).sort();
  assert.deepEqual(counts, [1, 2]);
  for (const reason of Object.keys(stats().refusals)) assert.match(reason, /^[\w-]+$/);
});

test('what is told is a copy', () => {
  const told = stats();
  told.messages.sent = -1;
  told.refusals.made = 1;
  assert.notEqual(stats().messages.sent, -1);
  assert.equal(stats().refusals.made, undefined);
});

test('a worker has counters of its own', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const { stats } = require(${JSON.stringify(join(__dirname, '../lib/stats.js'))});
    parentPort.postMessage(stats());`;
  const worker = new Worker(code, { eval: true });
  // Both may come in one tick.
  const exited = once(worker, 'exit');
  const [told] = await once(worker, 'message');
  assert.deepEqual(told, {
    connections: { open: 0, total: 0, reactor: 0 },
    messages: { received: 0, sent: 0 },
    bytes: { received: 0, sent: 0 },
    compression: {
      received: { messages: 0, compressed: 0, plain: 0 }, sent: { messages: 0, compressed: 0, plain: 0 }
    },
    refusals: {}
  });
  await exited;
});
