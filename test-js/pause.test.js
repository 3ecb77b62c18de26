'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { describe, test } = require('node:test');
const { attach } = require('../lib/attach.js');
const { connect } = require('../lib/connect.js');
const { info } = require('../lib/info.js');
const { messages } = require('../lib/messages.js');
const { pause, resume } = require('../lib/pause.js');
const { receive } = require('../lib/receive.js');
const { close } = require('../lib/close.js');
const { send } = require('../lib/send.js');
const { stream } = require('../lib/stream.js');
const { upgrade } = require('../lib/upgrade.js');
const { attachedPair, until } = require('./support/attached.js');
const { MARKED, deflated } = require('./support/deflate.js');
const { accepting, serve: answering } = require('./support/clients.js');
const { peerOf } = require('./support/frames.js');
const { Inbox } = require('./support/inbox.js');
const { HOST, dial, opening, recorder, serve } = require('./support/listening.js');
const { plain, nextTurn } = require('./support/plain.js');
const { connected, lasting, netPair } = require('./support/sockets.js');

const MiB = 1024 * 1024;
const turns = async (count) => { for (let i = 0; i < count; i++) await nextTurn(); };

test('nothing is delivered, and no more is read, until resume', async (t) => {
  const { server, client, at } = await attachedPair(t, { server: {}, client: {} });
  pause(server);
  const count = 400;
  for (let i = 0; i < count; i++) send(client, Buffer.alloc(100 * 1024, i));
  await turns(200);
  assert.deepEqual(at.server.inbox.left, []);
  assert.ok(info(server).bytesReceived < MiB);
  assert.ok(info(client).bufferedAmount > 16 * MiB);
  resume(server);
  const got = await at.server.inbox.take(count);
  assert.deepEqual(got.map(({ payload }) => payload[0]), Array.from({ length: count }, (_, i) => i & 0xff));
});

test('in the handshake of a client it holds the messages behind that', async (t) => {
  const { port } = await answering(t, (head) => Buffer.concat([Buffer.from(accepting(head)), peerOf('client').text('a')]));
  const inbox = new Inbox();
  const message = (_socket, payload) => inbox.push(String(payload));
  const socket = await new Promise((open, error) => {
    pause(connect(`ws://${HOST}:${port}/`, { open, error: (_socket, fault) => error(fault), message }));
  });
  t.after(() => socket.destroy());
  await turns(5);
  assert.deepEqual(inbox.left, []);
  resume(socket);
  assert.equal(await inbox.next(), 'a');
});

test('in the handshake of a server, a resume behind it loses nothing', async (t) => {
  const { handlers, inbox } = recorder({
    async upgrade({ socket }) {
      const { bytesRead } = socket;
      pause(socket);
      resume(socket);
      await turns(1);
      client.write(peerOf('server').text('a'));
      await until(() => socket.bytesRead > bytesRead);
    }
  });
  const server = await serve(t, 'own', handlers);
  const client = await dial(server);
  client.write(opening());
  const [[opened], [message, , payload]] = await inbox.take(2);
  assert.deepEqual([opened, message, String(payload)], ['open', 'message', 'a']);
});

test('a resume before WS.attach does not undo a pause after it', async (t) => {
  const { server, client } = await connected(t, 'net');
  pause(server);
  resume(server);
  attach(server, { open: pause }, { transport: 'stream' });
  await turns(2);
  assert.equal(server.isPaused(), true);
  client.destroy();
});

test('a pause before WS.upgrade holds until the resume', async (t) => {
  const { server, client } = lasting(t, await netPair());
  const inbox = new Inbox();
  pause(server);
  upgrade(server, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
  server.on('data', (chunk) => receive(server, chunk, (payload) => inbox.push(String(payload))));
  client.write(peerOf('server').text('a'));
  await turns(5);
  assert.deepEqual(inbox.left, []);
  resume(server);
  assert.equal(await inbox.next(), 'a');
});

test('in a handler it holds the messages of the same chunk', async (t) => {
  const got = [];
  const handlers = {
    message(socket, payload) {
      got.push(payload.toString());
      pause(socket);
    }
  };
  const { server, client } = await attachedPair(t, { server: { handlers } });
  const peer = peerOf('server');
  client.write(Buffer.concat(['a', 'b', 'c'].map((text) => peer.text(text))));
  for (const text of ['a', 'b', 'c']) {
    await until(() => got.at(-1) === text);
    await turns(5);
    assert.equal(got.at(-1), text);
    resume(server);
  }
  assert.deepEqual(got, ['a', 'b', 'c']);
});

test('thousands of messages that are taken one by one do not fill the memory that may wait', async (t) => {
  let count = 0;
  const handlers = {
    message(socket) {
      count++;
      pause(socket);
      setImmediate(resume, socket);
    }
  };
  const { server, client } = await attachedPair(t, { server: { handlers, maxPayload: 1 } });
  const peer = peerOf('server');
  client.write(Buffer.concat(Array.from({ length: 10_000 }, () => peer.text('x'))));
  await until(() => count === 10_000 || info(server).error !== null);
  assert.equal(info(server).error, null);
});

test('in the open handler it holds the head', async (t) => {
  const handlers = { open: (socket) => pause(socket) };
  const { server, at } = await attachedPair(t, { server: { handlers, head: peerOf('server').text('head') } });
  await turns(5);
  assert.deepEqual(at.server.inbox.left, []);
  resume(server);
  assert.equal((await at.server.inbox.next()).payload.toString(), 'head');
});

test('in the same handler it may be undone', async (t) => {
  const { client, at } = await attachedPair(t, { server: {}, client: {} });
  const keep = at.server.handlers.message;
  at.server.handlers.message = (socket, ...message) => {
    pause(socket);
    resume(socket);
    keep(socket, ...message);
  };
  for (let i = 0; i < 100; i++) send(client, `${i}`);
  const got = await at.server.inbox.take(100);
  assert.deepEqual(got.map(({ payload }) => `${payload}`), Array.from({ length: 100 }, (_, i) => `${i}`));
});

test('a socket that the program reads keeps the callbacks of its calls', async () => {
  const socket = plain('server');
  const got = [];
  const peer = peerOf('server');
  pause(socket);
  receive(socket, Buffer.concat([peer.text('a'), peer.text('b')]), (payload) => got.push(`one ${payload}`));
  receive(socket, peer.text('c'), (payload) => got.push(`two ${payload}`));
  assert.deepEqual(got, []);
  resume(socket);
  await nextTurn();
  assert.deepEqual(got, ['one a', 'one b', 'two c']);
});

describe('a pause by the program and that of a slow reader do not undo each other', () => {
  test('WS.stream', async (t) => {
    const { server, client } = await attachedPair(t, { client: {} });
    const duplex = stream(server);
    send(client, Buffer.alloc(8 * MiB));
    await until(() => server.isPaused());
    pause(server);
    const before = info(server).bytesReceived;
    let bytes = 0;
    duplex.on('data', (chunk) => { bytes += chunk.length; });
    await turns(50);
    assert.equal(info(server).bytesReceived, before);
    assert.ok(bytes < MiB);
    resume(server);
    await until(() => bytes === 8 * MiB);
    duplex.pause();
    send(client, Buffer.alloc(8 * MiB));
    await until(() => server.isPaused());
    resume(server);
    await turns(20);
    assert.equal(server.isPaused(), true);
  });

  test('WS.messages', async (t) => {
    const { server, client } = await attachedPair(t, { client: {} });
    const iterator = messages(server);
    for (let i = 0; i < 100; i++) send(client, Buffer.alloc(100_000, i));
    await until(() => server.isPaused());
    resume(server);
    await turns(20);
    assert.equal(server.isPaused(), true);
    pause(server);
    const before = info(server).bytesReceived;
    const first = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    await first[0];
    await turns(20);
    assert.equal(info(server).bytesReceived, before);
    resume(server);
    for (const [i, call] of first.entries()) assert.equal((await call).value.payload[0], i);
    for (let i = 4; i < 100; i++) assert.equal((await iterator.next()).value.payload[0], i);
  });

  test('an incoming message', async (t) => {
    const { server, client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    send(client, Buffer.alloc(8 * MiB));
    const { payload: incoming } = await at.server.inbox.next();
    await until(() => server.isPaused());
    resume(server);
    await turns(20);
    assert.equal(server.isPaused(), true);
    pause(server);
    let bytes = 0;
    incoming.on('data', (chunk) => { bytes += chunk.length; });
    await turns(50);
    assert.ok(bytes < MiB);
    resume(server);
    await until(() => bytes === 8 * MiB);
  });
});

test('a paused socket that the program closes still hears the peer\'s close frame', async (t) => {
  const { server, at } = await attachedPair(t, { server: { closeTimeout: 60_000 }, client: {} });
  pause(server);
  close(server, 1000);
  const { code, wasClean } = await at.server.closed;
  assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
});

test('a paused socket that is gone is resumed without harm', async (t) => {
  const { server, client, at } = await attachedPair(t, { server: {} });
  const peer = peerOf('server');
  at.server.handlers.message = (socket) => pause(socket);
  client.write(Buffer.concat([peer.text('a'), peer.text('b'), peer.close(1000)]));
  await until(() => server.isPaused());
  server.destroy();
  assert.equal((await at.server.closed).code, 1006);
  resume(server);
  await turns(3);
  assert.deepEqual(at.server.inbox.left, []);
});

describe('what waits is delivered in the async context of its connection', { timeout: 20_000 }, () => {
  const storage = new AsyncLocalStorage();
  const peer = peerOf('server');
  const [ab, c] = [Buffer.concat([peer.text('a'), peer.text('b')]), peer.text('c')];

  /** A server's socket that is attached in the context 'own', and what it gets, with the context of each. */
  async function owned(t, options, kind = 'net') {
    const { server, client } = await connected(t, kind);
    const got = [];
    const note = (what) => got.push(`${what} ${storage.getStore()}`);
    const handlers = {
      open: (socket) => pause(socket),
      message: (_socket, payload) => note(`${payload}`.slice(0, 1))
    };
    storage.run('own', () => attach(server, handlers, options));
    return { server, client, handlers, note, got };
  }

  const ways = [['net', {}], ['net', { transport: 'stream' }], ['tls', {}], ['duplex', {}]];
  for (const [kind, { transport = 'auto' }] of ways) {
    const name = `${kind}, ${transport}`;
    test(`by WS.resume: ${name}`, async (t) => {
      const { server, client, got } = await owned(t, { transport, head: ab }, kind);
      client.write(c);
      await turns(20);
      assert.deepEqual(got, []);
      storage.run('other', resume, server);
      await until(() => got.length >= 2);
      assert.deepEqual(got.slice(0, 2), ['a own', 'b own']);
      await until(() => got.length === 3);
      assert.notEqual(got[2], 'c other');
    });
  }

  test('in the stream that the socket is', async (t) => {
    const { server, client, got } = await owned(t, {}, 'duplex');
    client.write(ab);
    await until(() => server.readableLength === ab.length);
    storage.run('other', resume, server);
    await until(() => got.length === 2);
    assert.deepEqual(got, ['a own', 'b own']);
  });

  test('by the reader of a message', async (t) => {
    const head = Buffer.concat([peer.binary(Buffer.alloc(200_000)), c]);
    const { server, got, handlers, note } = await owned(t, { head, stream: true });
    const incoming = new Promise((resolve) => { handlers.message = (_socket, payload) => resolve(payload); });
    resume(server);
    const payload = await incoming;
    handlers.message = () => note('next');
    await turns(20);
    assert.deepEqual(got, []);
    storage.run('other', () => payload.resume());
    await until(() => got.length === 1);
    assert.deepEqual(got, ['next own']);
  });

  test('by a thread that unpacks', async (t) => {
    const long = peer.text(deflated(Buffer.alloc(4 * MiB, 'l')), MARKED);
    const head = Buffer.concat([long, ab]);
    const { server, got } = await owned(t, { head, perMessageDeflate: true });
    storage.run('other', resume, server);
    await until(() => got.length === 3);
    assert.deepEqual(got, ['l own', 'a own', 'b own']);
  });
});
