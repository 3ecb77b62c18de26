'use strict';

// How bytes get from a socket's handle to the library where Node's streams carry them: past the stream
// where nobody else reads it, and through it as ever where somebody does.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { Duplex, Readable } = require('node:stream');
const { test } = require('node:test');
const tls = require('node:tls');
const { inspect } = require('node:util');
const { WS } = require('..');
const { attach } = require('../lib/attach.js');
const { attachedPair, keeper, until } = require('./support/attached.js');
const { selfSigned } = require('./support/certificate.js');
const { peerOf } = require('./support/frames.js');
const { as } = require('./support/plain.js');
const { closed: gone, connect, connected, listen } = require('./support/sockets.js');
const { uncaught } = require('./support/uncaught.js');

const peer = peerOf('server');
const KiB = 1024;

/** Text of no period that a chunk or a mask has, with characters of more than one byte. */
function textOf(length, seed = 0) {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = 0x61 + (at * 7 + (at >> 5) + seed) % 26;
  bytes.write('\u00e9', length >> 1);
  return bytes;
}

/** Sends messages until a socket is read so: the first chunk comes as ever. */
async function untilDirect(socket, client, inbox) {
  while (!isDirect(socket)) {
    client.write(peer.text('first'));
    await inbox.next();
  }
}

/** A server's end that Node reads over streams, into the library's buffer, and what it gets from then on. */
async function served(t, { handlers = {}, ...options } = {}, kind = 'net') {
  const own = handlers.message;
  let message = own;
  if (own !== undefined) handlers = { ...handlers, message: (...args) => message(...args) };
  const { server, client, at } = await attachedPair(t, { server: { transport: 'stream', handlers, ...options } }, kind);
  if (kind !== 'duplex') {
    const { inbox } = at.server;
    message = (_socket, payload) => inbox.push({ payload });
    await untilDirect(server, client, inbox);
    message = own;
  }
  return { server, client, ...at.server };
}

/** Sends message after message, as fast as they are taken. */
function flood(client) {
  const frame = peer.binary(Buffer.alloc(15_000));
  while (client.write(frame));
  client.once('drain', () => flood(client));
}

/** Whether Node reads a socket into the library's buffer. */
function isDirect(socket) {
  return socket._handle.onread.name === 'handleOnRead';
}

for (const kind of ['net', 'tls']) {
  test(`${kind}: what the library alone reads is not pushed into the stream`, async (t) => {
    const { client, inbox } = await served(t, {}, kind);
    const push = t.mock.method(Readable.prototype, 'push');
    client.write(peer.text(textOf(5000)));
    const { payload } = await inbox.next();
    assert.ok(payload.equals(textOf(5000)));
    assert.equal(push.mock.callCount(), 0);
  });

  test(`${kind}: payloads that are kept stay as they are while others come`, async (t) => {
    const { client, inbox } = await served(t, {}, kind);
    const sizes = Array.from({ length: 300 }, (_, i) => 1 + (i * 977) % (150 * KiB));
    for (const [i, size] of sizes.entries()) client.write(peer.binary(Buffer.alloc(size, i)));
    const kept = await inbox.take(sizes.length);
    for (const [i, { payload }] of kept.entries()) assert.ok(payload.equals(Buffer.alloc(sizes[i], i)), `${i}`);
  });

  test(`${kind}: the small messages of a chunk lie in one slab`, async (t) => {
    const { client, inbox } = await served(t, {}, kind);
    const chunk = Buffer.concat(Array.from({ length: 100 }, (_, i) => peer.text(textOf(64, i))));
    const slabs = [];
    for (let round = 0; round < 12; round++) {
      client.write(chunk);
      const messages = await inbox.take(100);
      for (const [i, { payload }] of messages.entries()) assert.ok(payload.equals(textOf(64, i)));
      slabs.push(new Set(messages.map(({ payload }) => payload.buffer)).size);
    }
    // The system may cut one of them.
    assert.ok(slabs.filter((count) => count === 1).length >= 9, slabs.join());
  });

  test(`${kind}: what is behind a handler that throws, or pauses, outlives what is read meanwhile`, async (t) => {
    const got = [];
    const handlers = {
      message(socket, payload) {
        got.push(payload);
        if (got.length === 1) throw new Error('on purpose');
        if (got.length === 2) WS.pause(socket);
      }
    };
    const { server, client } = await served(t, { handlers }, kind);
    const other = await served(t, {}, kind);
    const bodies = [1, 2, 3, 4].map((seed) => textOf(3000 * seed, seed));
    const bytes = Buffer.concat(bodies.map((body) => peer.text(body)));
    const thrown = uncaught();
    client.write(bytes.subarray(0, -5000));
    assert.equal((await thrown).message, 'on purpose');
    await until(() => got.length === 2);
    other.client.write(peer.binary(Buffer.alloc(100 * KiB)));
    await other.inbox.next();
    WS.resume(server);
    client.write(bytes.subarray(-5000));
    await until(() => got.length === 4);
    assert.deepEqual(got, bodies);
  });

  test(`${kind}: messages that a chunk holds many of come in order, whole, until one of them pauses or closes`, async (t) => {
    const sizes = [30, 5000, 0, 2049, 16 * KiB, 1, 3000, 125, 40_000, 2048, 7000, 9, 20_000];
    const bodies = sizes.map((size, i) => textOf(size + 2, i).subarray(2));
    const got = [];
    const handlers = {
      message(socket, payload) {
        got.push(payload);
        if (got.length === 3) setImmediate(() => WS.resume(socket));
        if (got.length === 3) WS.pause(socket);
        if (got.length === 7) throw new Error('on purpose');
        if (got.length === 11) WS.close(socket);
      },
      ping: (_socket, payload) => got.push(payload)
    };
    const { client, closed } = await served(t, { handlers }, kind);
    const frames = bodies.map((body, i) => (i === 5 ? peer.ping(body) : peer.binary(body)));
    const thrown = uncaught();
    client.resume().write(Buffer.concat([...frames, peer.close(1000)]));
    assert.equal((await thrown).message, 'on purpose');
    await closed;
    assert.deepEqual(got.map(({ length }) => length), sizes.slice(0, 11));
    for (const [i, payload] of got.entries()) assert.ok(payload.equals(bodies[i]), `${i}`);
  });

  test(`${kind}: a program's own pause holds what comes, and its resume brings it`, async (t) => {
    const { server, client, inbox } = await served(t, {}, kind);
    server.pause();
    client.write(peer.text('held'));
    await until(() => server.readableLength > 0);
    assert.deepEqual(inbox.left, []);
    server.resume();
    assert.equal(String((await inbox.next()).payload), 'held');
    client.write(peer.text('after'));
    assert.equal(String((await inbox.next()).payload), 'after');
    assert.ok(isDirect(server));
  });

  test(`${kind}: a peer that sends without end to a paused socket is stopped`, async (t) => {
    const { server, client, inbox } = await served(t, {}, kind);
    WS.pause(server);
    const frame = peer.binary(Buffer.alloc(64 * KiB));
    let sent = 0;
    while (client.write(frame) || client.writableLength < 64 * frame.length) {
      sent++;
      await new Promise(setImmediate);
    }
    assert.ok(server.readableLength <= server.readableHighWaterMark + 128 * KiB, `${server.readableLength}`);
    WS.resume(server);
    await inbox.take(sent);
  });

  test(`${kind}: nothing of what others send is seen in a socket`, async (t) => {
    const { server, client, inbox } = await served(t, {}, kind);
    const secret = 'not for the log';
    client.write(peer.text(secret));
    await inbox.next();
    const shown = inspect(server, { depth: 5, showHidden: true, maxArrayLength: Infinity });
    assert.ok(!shown.includes(Buffer.from(secret).toString('hex').replace(/..(?!$)/g, '$& ')));
  });

  for (const [how, act] of Object.entries({
    'WS.pause': (socket) => {
      WS.pause(socket);
      setImmediate(WS.resume, socket);
    },
    'pause': (socket) => {
      socket.pause();
      setImmediate(() => socket.resume());
    }
  })) {
    test(`${kind}: a reader that stops by ${how} at every message does not take the flood of a peer`, async (t) => {
      let count = 0;
      let most = 0;
      const handlers = {
        message(socket) {
          count++;
          most = Math.max(most, socket.readableLength);
          act(socket);
        }
      };
      const { client } = await served(t, { handlers }, kind);
      flood(client);
      await until(() => count >= 300);
      assert.ok(most <= 256 * KiB, `${most} bytes waited in the stream`);
    });
  }

  test(`${kind}: a reader by 'readable' does not take the flood of a peer either`, async (t) => {
    const { server, client } = await served(t, {}, kind);
    let read = 0;
    let most = 0;
    server.on('readable', () => {});
    const step = setInterval(() => {
      most = Math.max(most, server.readableLength);
      read += server.read(100)?.length ?? 0;
    }, 1);
    t.after(() => clearInterval(step));
    flood(client);
    await until(() => read >= 20_000);
    assert.ok(most <= 256 * KiB, `${most} bytes waited in the stream`);
  });

  test(`${kind}: a write of nothing in a handler leaves what is behind its message as it is`, async (t) => {
    const got = [];
    const handlers = {
      message(socket, payload) {
        got.push(payload);
        socket.write('');
      }
    };
    const { client } = await served(t, { handlers }, kind);
    const bodies = [textOf(100), textOf(9000, 1), textOf(9000, 2), textOf(9000, 3)];
    client.cork();
    client.write(Buffer.concat(bodies.slice(0, 2).map((body) => peer.text(body))));
    for (const body of bodies.slice(2)) client.write(peer.text(body));
    client.uncork();
    await until(() => got.length === bodies.length);
    assert.deepEqual(got, bodies);
  });

  test(`${kind}: an 'emit' that is put there later sees all that comes`, async (t) => {
    const { server, client, inbox } = await served(t, {}, kind);
    const { emit } = server;
    const seen = [];
    server.emit = function (name, ...args) {
      if (name === 'data') seen.push(args[0]);
      return Reflect.apply(emit, this, [name, ...args]);
    };
    const frame = peer.text('text');
    client.write(frame);
    await inbox.next();
    assert.deepEqual(Buffer.concat(seen), frame);
  });
}

for (const kind of ['net', 'tls']) {
  for (const paused of [false, true]) {
    test(`${kind}: a reset of a socket that is ${paused ? 'paused' : 'read'} is told as ever`, async (t) => {
      const { server, client, reset } = await resettable(t, kind);
      const { handlers, inbox, closed } = keeper();
      attach(as('server', server), handlers, { transport: 'stream' });
      await untilDirect(server, client, inbox);
      // The second of the two finds a stream that does not flow.
      if (paused) server.pause();
      if (paused) WS.pause(server);
      await new Promise(setImmediate);
      reset();
      const { code, wasClean, error } = await closed;
      assert.deepEqual([code, wasClean, error.code], [1006, false, 'ECONNRESET']);
      await gone(client);
    });
  }
}

/** A server's socket whose peer is reset by `reset`, under TLS too. */
async function resettable(t, kind) {
  const identity = selfSigned();
  const listener = kind === 'net' ? net.createServer() : tls.createServer(identity);
  t.after(() => listener.close());
  const accepted = once(listener, kind === 'net' ? 'connection' : 'secureConnection');
  const raw = await connect(await listen(listener));
  raw.on('error', () => {});
  const client = kind === 'net' ? raw : tls.connect({ socket: raw, servername: 'localhost', ca: identity.cert });
  client.on('error', () => {});
  const [server] = await accepted;
  return { server, client, reset: () => raw.resetAndDestroy() };
}

// Who else reads gets the bytes as they came.

for (const event of ['data', 'readable']) {
  test(`a listener for '${event}' that comes later hears all that comes`, async (t) => {
    const { server, client, inbox } = await served(t);
    client.write(peer.text('before'));
    await inbox.next();
    const seen = [];
    server.on(event, (chunk = server.read()) => { if (chunk !== null) seen.push(chunk); });
    const frame = peer.text(textOf(5000));
    client.write(frame);
    assert.ok((await inbox.next()).payload.equals(textOf(5000)));
    await until(() => Buffer.concat(seen).length === frame.length);
    assert.deepEqual(Buffer.concat(seen), frame);
  });
}

test('a chunk that such a listener keeps is its own', async (t) => {
  const { server, client, inbox } = await served(t);
  const first = once(server, 'data');
  const frame = peer.text(textOf(5000));
  client.write(frame);
  const [chunk] = await first;
  client.write(peer.text(textOf(5000, 1)));
  await inbox.take(2);
  assert.deepEqual(chunk, frame);
});

test('one that is gone again leaves the library alone with the socket', async (t) => {
  const { server, client, inbox } = await served(t);
  const first = once(server, 'data');
  client.write(peer.text('one'));
  await first;
  const push = t.mock.method(Readable.prototype, 'push');
  client.write(peer.text('two'));
  assert.deepEqual((await inbox.take(2)).map(({ payload }) => String(payload)), ['one', 'two']);
  assert.equal(push.mock.callCount(), 0);
});

test('a pause leaves one for \'readable\' as it is', async (t) => {
  const { server, client } = await served(t);
  const seen = [];
  server.on('readable', () => {
    for (let chunk = server.read(); chunk !== null; chunk = server.read()) seen.push(chunk);
  });
  const frames = [peer.text('one'), peer.text('two')];
  client.write(frames[0]);
  await until(() => seen.length === 1);
  server.pause();
  client.write(frames[1]);
  await until(() => seen.length === 2);
  assert.deepEqual(Buffer.concat(seen), Buffer.concat(frames));
});

test('a socket that is connected again is Node\'s to read', async (t) => {
  const close = Buffer.from([0x88, 2, 0x03, 0xe8]);
  const listener = net.createServer((socket) => socket.on('error', () => {}).end(close));
  t.after(() => listener.close());
  const port = await listen(listener);
  const client = await connect(port);
  const { handlers, closed } = keeper();
  attach(as('client', client), handlers, { transport: 'stream' });
  const over = new Promise((resolve) => { client.prependOnceListener('close', () => resolve(client.connect(port))); });
  await Promise.all([over, closed]);
  const seen = [];
  client.on('data', (chunk) => seen.push(chunk));
  await once(client, 'end');
  assert.deepEqual(Buffer.concat(seen), close);
});

test('an encoding that comes later fails the connection, as one before does', async (t) => {
  const { server, client, closed } = await served(t);
  server.setEncoding('latin1');
  client.write(peer.text('text'));
  assert.equal((await closed).error.code, 'ERR_INVALID_STATE');
});

test('what has been given back to the stream before comes first', async (t) => {
  const { server, client } = await connected(t, 'net');
  const { handlers, inbox } = keeper();
  const chunk = peer.text(textOf(5000));
  const before = Buffer.from(chunk);
  server.unshift(chunk);
  attach(server, handlers, { transport: 'stream' });
  client.write(peer.text('behind'));
  const [first, second] = (await inbox.take(2)).map(({ payload }) => String(payload));
  assert.deepEqual([first, second], [String(textOf(5000)), 'behind']);
  assert.deepEqual(chunk, before);
});

// Who has been there before.

test('one for whose data somebody has listened before', async (t) => {
  const { server, client } = await connected(t, 'net');
  const { handlers, inbox } = keeper();
  const seen = [];
  server.on('data', (chunk) => seen.push(chunk));
  attach(server, handlers, { transport: 'stream' });
  const frame = peer.text('text');
  client.write(frame);
  assert.equal(String((await inbox.next()).payload), 'text');
  assert.deepEqual(Buffer.concat(seen), frame);
});

for (const name of ['emit', 'push']) {
  test(`one with an own '${name}'`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const { handlers, inbox } = keeper();
    const original = server[name];
    let calls = 0;
    server[name] = function (...args) {
      calls++;
      return Reflect.apply(original, this, args);
    };
    attach(server, handlers, { transport: 'stream' });
    client.write(peer.text('text'));
    assert.equal(String((await inbox.next()).payload), 'text');
    assert.ok(calls > 0);
  });
}

test('one that was made with the option', async (t) => {
  const listener = net.createServer((socket) => socket.end('bytes'));
  t.after(() => listener.close());
  const got = [];
  const callback = (length, buffer) => { got.push(buffer.toString('latin1', 0, length)); };
  const client = await connect(await listen(listener), { onread: { buffer: Buffer.alloc(64), callback } });
  const { handlers, closed } = keeper();
  attach(as('client', client), handlers, { transport: 'stream' });
  await closed;
  assert.equal(got.join(''), 'bytes');
});

test('a stream that is not Node\'s, whose chunks are not changed', async (t) => {
  const { client, inbox } = await served(t, {}, 'duplex');
  const chunk = peer.text(textOf(5000));
  const before = Buffer.from(chunk);
  client.write(chunk);
  assert.ok((await inbox.next()).payload.equals(textOf(5000)));
  assert.deepEqual(chunk, before);
});

test('TLS over a Duplex, which may be fed in the middle of another socket\'s chunk', async (t) => {
  const { secure, feed } = await tlsOverDuplex(t);
  const inner = keeper();
  attach(as('server', secure.server), inner.handlers);
  const texts = [1, 2, 3].map((seed) => textOf(4 * KiB, seed));
  const kept = [];
  const message = (_socket, payload) => {
    kept.push(payload);
    feed();
  };
  const outer = await served(t, { handlers: { message } });
  secure.client.write(peer.binary(Buffer.alloc(50 * KiB, 0xff)));
  outer.client.write(Buffer.concat(texts.map((text) => peer.text(text))));
  await until(() => kept.length === 3);
  assert.deepEqual(kept, texts);
  assert.deepEqual((await inner.inbox.next()).payload, Buffer.alloc(50 * KiB, 0xff));
});

/** Both ends of TLS over Duplexes. What the client sends waits for `feed`, once both are there. */
async function tlsOverDuplex(t) {
  const waiting = [];
  let isHeld = false;
  const feed = () => {
    for (const chunk of waiting.splice(0)) near.push(chunk);
  };
  const near = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      far.push(chunk);
      done();
    }
  });
  const far = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      waiting.push(chunk);
      if (!isHeld) feed();
      done();
    }
  });
  const identity = selfSigned();
  const server = new tls.TLSSocket(near, { isServer: true, ...identity });
  const client = tls.connect({ socket: far, servername: 'localhost', ca: identity.cert });
  t.after(() => { for (const each of [server, client, near, far]) each.destroy(); });
  for (const each of [server, client]) each.on('error', () => {});
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  isHeld = true;
  return { secure: { server, client }, feed };
}
