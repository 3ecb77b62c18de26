'use strict';

// Peers that mean to cost more than they spend: who never reads, and who says little at a time. What
// they cost is counted in calls and bytes, not in time.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('../index.js');
const codec = require('../lib/codec.js');
const native = require('../lib/native.js');
const { peek } = require('../lib/connection.js');
const { until } = require('./support/attached.js');
const { ENTRANCES } = require('./support/entrances.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient, requestHead, requestHeaders } = require('./support/handshake.js');
const { frames } = require('./support/inbox.js');
const { dial, emptied, recorder, serve } = require('./support/listening.js');
const { connected } = require('./support/sockets.js');

const KIB = 1024;
const MIB = 1024 * KIB;

describe('a peer that sends a byte at a time to who does not read', { timeout: 20_000 }, () => {
  const COUNT = 65_000;

  /** How many frames of a byte are taken before the peer is stopped, and then the bytes that come of all. */
  async function stopsAt(t, wireOf, begin) {
    const { server, client } = await connected(t, 'net');
    const reader = begin(server);
    const wire = wireOf(peerOf('server'));
    // Many chunks, so that it is not one of them that bounds the rest.
    for (let at = 0; at < wire.length; at += KIB) {
      client.write(wire.subarray(at, at + KIB));
      await turn();
    }
    const readable = await reader;
    await until(() => server.isPaused());
    const waiting = readable.readableLength;
    let bytes = 0;
    readable.on('data', (chunk) => { bytes += chunk.length; });
    await until(() => bytes === COUNT);
    return waiting;
  }

  const message = (peer) => Buffer.concat(Array.from({ length: COUNT }, (_, at) => (
    at === 0 ? peer.binary('x', { fin: false }) : peer.more('x', { fin: at === COUNT - 1 })
  )));
  const messages = (peer) => Buffer.concat(Array.from({ length: COUNT }, () => peer.binary('x')));

  test('is stopped: a message as a stream', async (t) => {
    const waiting = await stopsAt(t, message, (socket) => new Promise((resolve) => {
      WS.attach(socket, { message: (_socket, incoming) => resolve(incoming) }, { stream: true });
    }));
    assert.ok(waiting < 1000, `${waiting} parts wait`);
  });

  for (const [what, wireOf] of [['parts', message], ['messages', messages]]) {
    test(`is stopped: ${what} for WS.stream`, async (t) => {
      const waiting = await stopsAt(t, wireOf, (socket) => WS.stream(socket));
      assert.ok(waiting < 1000, `${waiting} parts wait`);
    });
  }

  test('does not stop who waits for more of them than that', async (t) => {
    const { server, client } = await connected(t, 'net');
    const stream = WS.stream(server);
    client.write(messages(peerOf('server')));
    let whole = null;
    stream.on('readable', () => { whole ??= stream.read(COUNT); });
    await until(() => whole !== null);
    assert.equal(whole.length, COUNT);
  });
});

describe('a peer that never reads', () => {
  const BOUND = MIB;
  const BLOCK = 64 * KIB;

  test('is dropped, and nobody else is harmed', { timeout: 30_000 }, async (t) => {
    const sockets = new Set();
    const ends = new Map();
    const errors = new Map();
    const server = await serve(t, 'own', {
      open: (socket) => sockets.add(socket),
      error: (socket, error) => errors.set(socket, error.code),
      close(socket, code) { sockets.delete(socket); ends.set(socket, code); }
    }, { maxBufferedAmount: BOUND });

    const deaf = await dial(server);
    await openAsClient(deaf);
    const [victim] = sockets;
    const others = [];
    for (let count = 0; count < 5; count++) {
      const client = await dial(server);
      await openAsClient(client);
      others.push(frames(client));
    }

    let sent = 0;
    let most = 0;
    while (!ends.has(victim)) {
      const block = Buffer.alloc(BLOCK, sent++);
      WS.broadcast(sockets, block);
      most = Math.max(most, WS.info(victim).bufferedAmount);
      for (const inbox of others) assert.equal((await inbox.next()).binary, block.toString('hex'));
    }
    assert.ok(most > BOUND / 2, `${most} bytes waited at most`);
    assert.ok(most <= BOUND + 2 * BLOCK, `${most} bytes waited`);
    assert.equal(victim.writableLength, 0);
    assert.equal(errors.get(victim), 'ERR_WS13_BUFFER_OVERFLOW');
    assert.deepEqual([...ends], [[victim, 1006]]);
    assert.equal(sockets.size, 5);
    assert.equal(WS.broadcast(sockets, 'still here'), 5);
    for (const inbox of others) assert.deepEqual(await inbox.next(), { text: 'still here' });
    deaf.destroy();
  });

  for (const [entrance, { place }] of Object.entries(ENTRANCES)) {
    test(`is dropped: ${entrance}`, { timeout: 30_000 }, async () => {
      const calls = [];
      const { open, close } = await place({
        error: (_socket, error) => calls.push(error.code),
        close: (_socket, ...end) => calls.push(end)
      }, { maxBufferedAmount: BOUND });
      const { ours, peer } = await open();
      let most = 0;
      while (!ours.destroyed) {
        WS.send(ours, Buffer.alloc(BLOCK));
        most = Math.max(most, WS.info(ours).bufferedAmount);
        await turn();
      }
      await until(() => calls.length === 2);
      assert.deepEqual(calls, ['ERR_WS13_BUFFER_OVERFLOW', [1006, '', false]]);
      assert.ok(most <= BOUND + 2 * BLOCK, `${most} bytes waited`);
      peer.destroy();
      await close();
    });
  }
});

describe('a handshake byte by byte', () => {
  const HEAD = Buffer.from(requestHead(requestHeaders({ 'x-padding': 'x'.repeat(2000) })));

  test('is read once: no byte is handed over twice', async (t) => {
    const feed = t.mock.method(native.RequestReader.prototype, 'feed');
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'net', handlers);
    const client = await dribble(server, HEAD);
    assert.equal((await inbox.next())[0], 'open');
    const sizes = feed.mock.calls.map(({ arguments: [chunk] }) => chunk.length);
    assert.deepEqual(sizes, Array(HEAD.length).fill(1));
    client.destroy();
    await emptied(server);
  });

  test('without an end is refused at a bounded size', async (t) => {
    const feed = t.mock.method(native.RequestReader.prototype, 'feed');
    const server = await serve(t, 'net', {});
    const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
    let answer = '';
    client.setEncoding('latin1').on('data', (text) => { answer += text; });
    client.write('GET / HTTP/1.1\r\nX: ');
    while (!end.writableEnded) {
      client.write('x');
      await once(end, 'data');
    }
    await once(client, 'close');
    assert.match(answer, /^HTTP\/1\.1 431 /);
    const bytes = feed.mock.calls.reduce((sum, { arguments: [chunk] }) => sum + chunk.length, 0);
    assert.ok(bytes <= 64 * KIB, `${bytes} bytes of a head were read`);
    await emptied(server);
  });

  test('is not mixed with those that come, or are refused, meanwhile', async (t) => {
    const requests = [];
    const server = await serve(t, 'net', { open: (_socket, request) => requests.push(request.url) });
    const headOf = (path) => requestHead(requestHeaders()).toString().replace('GET /', `GET ${path}`);
    const clients = [];
    const begin = async (bytes) => {
      const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
      const arrived = once(end, 'data');
      clients.push(client);
      client.write(bytes);
      await arrived;
      return client;
    };
    const [first, second] = [headOf('/first'), headOf('/second')];
    const slow = [await begin(first.slice(0, 9)), await begin(second.slice(0, 50))];
    for (const whole of [headOf('/third'), 'GET / HTTP/1.1\r\n\r\n', headOf('/fourth')]) await begin(whole);
    slow[1].write(second.slice(50));
    await until(() => requests.length === 3);
    slow[0].write(first.slice(9));
    await until(() => requests.length === 4);
    assert.deepEqual(requests, ['/third', '/fourth', '/second', '/first']);
    for (const client of clients) client.destroy();
    await emptied(server);
  });

  test('does not outlive its time, whatever still arrives', async (t) => {
    const server = await serve(t, 'net', {}, { handshakeTimeout: 100 });
    const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
    let answer = '';
    client.setEncoding('latin1').on('data', (text) => { answer += text; });
    client.write('GET / HTTP/1.1\r\nX: ');
    await until(() => {
      client.write('x');
      return end.writableEnded;
    });
    await once(client, 'close');
    assert.match(answer, /^HTTP\/1\.1 408 /);
    await emptied(server);
  });

  /** Sends each byte when the one before it has been read. */
  async function dribble(server, bytes) {
    const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
    for (let at = 0; at < bytes.length; at++) {
      const arrived = once(end, 'data');
      client.write(bytes.subarray(at, at + 1));
      await arrived;
    }
    return client;
  }
});

describe('a message of 100 MiB', () => {
  const SIZE = 100 * MIB;
  const SINGLE = 4000;
  // The reactor asks which sockets are ready, reads one, and asks whether there are more.
  const CALLS = { stream: 1, reactor: 3 };

  /** Counts the native calls that read, and what memory they were lent. */
  function counted(t) {
    const calls = { count: 0, assemblies: new Set() };
    for (const name of ['receive', 'turn', 'read'].filter((one) => one in codec)) {
      const original = codec[name];
      t.mock.method(codec, name, (...args) => {
        calls.count++;
        if (name !== 'turn') calls.assemblies.add(args.at(-1));
        return original(...args);
      });
    }
    return calls;
  }

  for (const [entrance, { role, place }] of Object.entries(ENTRANCES)) {
    test(`byte by byte: ${entrance}`, { timeout: 60_000 }, async (t) => {
      const calls = counted(t);
      const messages = [];
      const { open, close } = await place({ message: (_socket, payload) => messages.push(payload) });
      const { ours, peer } = await open();
      peer.resume();
      const message = peerOf(role).binary(Buffer.alloc(SIZE, '0123456789'));

      for (let at = 0; at < SINGLE; at++) {
        peer.write(message.subarray(at, at + 1));
        await until(() => WS.info(ours).bytesReceived === at + 1);
      }
      assert.deepEqual(messages, []);
      const most = 1.1 * CALLS[WS.info(ours).transport] * SINGLE;
      assert.ok(calls.count < most, `${calls.count} native calls for ${SINGLE} bytes`);
      const held = peek(ours).assembly.length;
      assert.ok(held < 4 * SINGLE, `${held} bytes are held for ${SINGLE} that came`);

      // The rest in pieces of a size that a socket reads at once.
      calls.assemblies.clear();
      peer.write(message.subarray(SINGLE));
      await until(() => messages.length === 1);
      assert.ok(messages[0].equals(Buffer.alloc(SIZE, '0123456789')));
      // What was held is copied each time that it grows; it doubles, so that is never much.
      assert.ok(calls.assemblies.size < 30, `${calls.assemblies.size} pieces of memory`);
      peer.destroy();
      await close();
    });
  }
});
