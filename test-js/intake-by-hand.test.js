'use strict';

// How bytes get to a program that reads its socket itself and hands them to WS.receive: from the second chunk on they
// are read into the library's buffer, and the program gets copies by the stream, as if they came from Node.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { PassThrough } = require('node:stream');
const { test } = require('node:test');
const tls = require('node:tls');
const { WS } = require('..');
const { keeper, until } = require('./support/attached.js');
const { selfSigned } = require('./support/certificate.js');
const { peerOf } = require('./support/frames.js');
const { requestHeaders } = require('./support/handshake.js');
const { as } = require('./support/plain.js');
const { closed, connect, connected, lasting, listen } = require('./support/sockets.js');

const KiB = 1024;
const KINDS = ['net', 'tls', 'upgrade'];

/** Whether Node reads a socket into the library's buffer. */
function isDirect(socket) {
  return socket._handle?.onread.name === 'handleOnRead';
}

/** Has a socket read by 'data', as a program does: `chunks` and `payloads` keep all that comes. */
function readByData(socket) {
  const chunks = [];
  const payloads = [];
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    WS.receive(socket, chunk, (payload) => payloads.push(payload));
  });
  return { chunks, payloads };
}

/** A server's end that is read into the buffer, and what it got: one chunk, with the message 'first'. */
async function reading(t, kind = 'net') {
  const { server, client } = await connected(t, kind);
  const got = readByData(server);
  while (!isDirect(server) || got.payloads.length === 0) {
    got.chunks.length = got.payloads.length = 0;
    client.write(peerOf('server').text('first'));
    await until(() => got.payloads.length === 1);
  }
  return { server, client, ...got };
}

for (const kind of KINDS) {
  for (const role of ['server', 'client']) {
    test(`${kind}, ${role}: chunks and payloads that are kept stay as they are while others come`, async (t) => {
      const pair = await connected(t, kind);
      const [near, far] = role === 'server' ? [pair.server, pair.client] : [pair.client, pair.server];
      const { chunks, payloads } = readByData(near);
      const sizes = Array.from({ length: 300 }, (_, i) => 1 + (i * 977) % (i % 3 === 0 ? 150 * KiB : 600));
      const frames = sizes.map((size, i) => peerOf(role).binary(Buffer.alloc(size, i)));
      for (const [i, frame] of frames.entries()) {
        far.write(frame);
        // Some come one by one.
        if (i % 4 === 0) await until(() => payloads.length === i + 1);
      }
      await until(() => payloads.length === sizes.length);
      for (const [i, payload] of payloads.entries()) assert.ok(payload.equals(Buffer.alloc(sizes[i], i)), `${i}`);
      assert.ok(Buffer.concat(chunks).equals(Buffer.concat(frames)));
      assert.ok(isDirect(near));
      assert.ok(near.bytesRead >= Buffer.concat(frames).length);
    });
  }

  test(`${kind}: a chunk shares its memory with others of its size, or has memory of its own`, async (t) => {
    const { client, chunks, payloads } = await reading(t, kind);
    const send = async (size) => {
      chunks.length = payloads.length = 0;
      client.write(peerOf('server').binary(Buffer.alloc(size)));
      await until(() => payloads.length === 1);
      return [...chunks];
    };
    const all = [];
    for (const size of [500, 600, 10, 10_000, 20, 200 * KiB]) all.push(...await send(size));
    for (const { buffer, length } of all) {
      const expected = length <= 512 ? 8 * KiB : length <= 32 * KiB ? 64 * KiB : length;
      assert.equal(buffer.byteLength, expected, `${length}`);
    }
  });

  test(`${kind}: slabs are used to their ends`, async (t) => {
    const { client, chunks, payloads } = await reading(t, kind);
    chunks.length = payloads.length = 0;
    // 128 bytes each, with its header.
    const frames = Array.from({ length: 150 }, (_, i) => peerOf('server').binary(Buffer.alloc(122, i)));
    for (const [i, frame] of frames.entries()) {
      client.write(frame);
      await until(() => payloads.length === i + 1);
    }
    assert.deepEqual(chunks, frames);
    assert.ok(new Set(chunks.map(({ buffer }) => buffer)).size <= 4);
    assert.ok(chunks.some(({ buffer, byteOffset, length }) => byteOffset + length === buffer.byteLength));
  });

  test(`${kind}: what waits in a stream pins nothing but itself`, async (t) => {
    const { server, client, chunks, payloads } = await reading(t, kind);
    server.pause();
    for (const size of [1, 2, 3]) {
      const before = server.readableLength;
      client.write(peerOf('server').binary(Buffer.alloc(size)));
      await until(() => server.readableLength > before);
    }
    server.resume();
    await until(() => payloads.length === 4);
    for (const { buffer, length } of chunks.slice(1)) assert.equal(buffer.byteLength, length);
  });

  test(`${kind}: a program that pauses its socket at every chunk does not take the flood of a peer`, async (t) => {
    const { server, client } = await reading(t, kind);
    let count = 0;
    let most = 0;
    server.on('data', () => {
      count++;
      most = Math.max(most, server.readableLength);
      server.pause();
      setImmediate(() => server.resume());
    });
    const frame = peerOf('server').binary(Buffer.alloc(15_000));
    const flood = () => {
      while (client.write(frame));
      client.once('drain', flood);
    };
    flood();
    await until(() => count >= 300);
    assert.ok(most <= 256 * KiB, `${most} bytes waited in the stream`);
  });

  test(`${kind}: what is given back to the stream comes first`, async (t) => {
    const { server, client } = await connected(t, kind);
    const payloads = [];
    let isGivenBack = false;
    server.on('data', (chunk) => {
      if (isGivenBack) {
        WS.receive(server, chunk, (payload) => payloads.push(String(payload)));
        return;
      }
      isGivenBack = true;
      WS.receive(server, chunk.subarray(0, 5), (payload) => payloads.push(String(payload)));
      server.unshift(chunk.subarray(5));
    });
    client.write(peerOf('server').text('one'));
    await until(() => payloads.length === 1);
    client.write(peerOf('server').text('two'));
    await until(() => payloads.length === 2);
    assert.deepEqual(payloads, ['one', 'two']);
  });

  test(`${kind}: the peer's end is told, and the end of all`, async (t) => {
    const { server, client, payloads } = await reading(t, kind);
    const ended = once(server, 'end');
    const errors = closed(server);
    client.end(peerOf('server').text('last'));
    client.resume();
    await ended;
    assert.deepEqual(payloads.map(String), ['first', 'last']);
    server.end();
    assert.deepEqual(await errors, []);
  });
}

test('a reset is told as ever', async (t) => {
  const { server, client } = await reading(t);
  const errors = closed(server);
  client.resetAndDestroy();
  assert.deepEqual((await errors).map(({ code }) => code), ['ECONNRESET']);
});

test('a program that reads by \'readable\' gets all of it', async (t) => {
  const { server, client } = await connected(t, 'net');
  const payloads = [];
  server.on('readable', () => {
    for (let chunk = server.read(); chunk !== null; chunk = server.read()) {
      WS.receive(server, chunk, (payload) => payloads.push(payload.length));
    }
  });
  for (const size of [5, 70_000, 300]) {
    client.write(peerOf('server').binary(Buffer.alloc(size)));
    await until(() => payloads.at(-1) === size);
  }
  assert.ok(isDirect(server));
  assert.deepEqual(payloads, [5, 70_000, 300]);
});

test('one that goes through its socket by `for await` does, too', async (t) => {
  const { server, client } = await connected(t, 'net');
  const payloads = [];
  const done = (async () => {
    for await (const chunk of server) WS.receive(server, chunk, (payload) => payloads.push(payload.length));
  })();
  for (const size of [5, 70_000, 300]) {
    client.write(peerOf('server').binary(Buffer.alloc(size)));
    await until(() => payloads.at(-1) === size);
  }
  client.end();
  await done;
  assert.deepEqual(payloads, [5, 70_000, 300]);
});

test('a pipe gets the bytes as they came', async (t) => {
  const { server, client, payloads } = await reading(t);
  const pipe = server.pipe(new PassThrough());
  const frames = [5, 20_000, 300].map((size) => peerOf('server').binary(Buffer.alloc(size, size)));
  for (const frame of frames) client.write(frame);
  await until(() => payloads.length === 4);
  client.end();
  assert.ok(Buffer.concat(await pipe.toArray()).equals(Buffer.concat(frames)));
});

test('an encoding that comes later turns chunks into strings, which are no Buffers to WS.receive', async (t) => {
  const { server, client, chunks, payloads } = await reading(t);
  server.setEncoding('latin1');
  const frame = peerOf('server').text('text');
  client.write(frame);
  await until(() => chunks.length === 2);
  assert.equal(chunks[1], frame.toString('latin1'));
  assert.deepEqual(payloads.slice(1), [null]);
});

for (const name of ['emit', 'push']) {
  test(`an own '${name}' sees all that comes`, async (t) => {
    const { server, client, payloads } = await reading(t);
    const original = server[name];
    const seen = [];
    server[name] = function (...args) {
      if (name === 'push' || args[0] === 'data') seen.push(args.at(-1));
      return Reflect.apply(original, this, args);
    };
    const frame = peerOf('server').text('text');
    client.write(frame);
    await until(() => payloads.length === 2);
    assert.deepEqual(Buffer.concat(seen), frame);
  });
}

test('the socket\'s own timeout begins anew with what comes', async (t) => {
  const { server, client, payloads } = await reading(t);
  server.setTimeout(60_000);
  const renewed = t.mock.method(server, '_unrefTimer');
  client.write(peerOf('server').text('text'));
  await until(() => payloads.length === 2);
  assert.ok(renewed.mock.callCount() > 0);
});

test('no other chunk is lost where somebody transfers the memory of one', async (t) => {
  const { client, chunks, payloads } = await reading(t);
  const texts = ['one', 'two', 'three'];
  for (const [i, text] of texts.entries()) {
    client.write(peerOf('server').text(text));
    await until(() => payloads.length === i + 2);
    // Some versions of Node refuse, others copy.
    try {
      structuredClone(chunks.at(-1), { transfer: [chunks.at(-1).buffer] });
    } catch (error) {
      assert.equal(error.name, 'DataCloneError');
    }
  }
  assert.equal(chunks[1].buffer, chunks[3].buffer);
  assert.deepEqual(payloads.slice(1).map(String), texts);
  assert.deepEqual(chunks.slice(1).map(({ length }) => length), texts.map(({ length }) => 6 + length));
});

test('where there is no memory for a chunk, the socket is destroyed with that error', async (t) => {
  const { server, client } = await reading(t);
  const errors = closed(server);
  const failure = new RangeError('Array buffer allocation failed');
  const mock = t.mock.method(Buffer, 'allocUnsafeSlow', () => { throw failure; });
  client.write(peerOf('server').binary(Buffer.alloc(100 * KiB)));
  assert.deepEqual(await errors, [failure]);
  mock.mock.restore();
});

test('a socket that is upgraded once more, and left to the reactor, fails as ever', async (t) => {
  const { server, client } = await reading(t);
  server.removeAllListeners('data');
  assert.ok(WS.upgrade(server, requestHeaders()));
  const { handlers, inbox, closed: over } = keeper();
  WS.attach(server, handlers);
  for (const text of ['one', 'two']) {
    client.write(peerOf('server').text(text));
    assert.equal(String((await inbox.next()).payload), text);
  }
  client.resetAndDestroy();
  const { code, error } = await over;
  assert.deepEqual([code, error.code, inbox.left], [1006, 'ECONNRESET', []]);
});

// Handles that something else reads as well.

test('an HTTP server that is given the socket, and gives it back, leaves it in order', async (t) => {
  const { server, client, chunks } = await reading(t);
  server.removeAllListeners('data');
  const listener = http.createServer((request, response) => response.end('answer'));
  const upgraded = once(listener, 'upgrade');
  listener.emit('connection', server);
  const head = (target, more = '') => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  client.write(head('/'));
  await until(() => client.readableLength > 0 || client.bytesRead > 150);
  client.write(head('/', 'Connection: Upgrade\r\nUpgrade: other\r\n'));
  await upgraded;
  chunks.length = 0;
  server.on('data', (chunk) => chunks.push(chunk));
  const ended = once(server, 'end');
  client.end('hello');
  await ended;
  assert.equal(String(Buffer.concat(chunks)), 'hello');
});

test('one that keeps the socket hears of its end, and of a reset', async (t) => {
  for (const finish of ['end', 'resetAndDestroy']) {
    const { server, client } = await reading(t);
    server.removeAllListeners('data');
    const listener = http.createServer((request, response) => request.resume().on('end', () => response.end()));
    const errors = [];
    listener.on('clientError', ({ code }) => errors.push(code));
    listener.emit('connection', server);
    const answered = once(client, 'data');
    client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`);
    await answered;
    const gone = closed(server);
    client[finish]();
    await gone;
    assert.deepEqual(errors, finish === 'end' ? [] : ['ECONNRESET']);
  }
});

for (const [what, when] of Object.entries({ before: 0, 'between two calls of': 1, after: 2 })) {
  test(`TLS that is begun ${what} WS.receive is not cut off`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const chunk = peerOf('server').text('in the clear');
    for (let call = 0; call < when; call++) {
      const arrived = once(server, 'data');
      client.write(chunk);
      WS.receive(server, ...await arrived);
    }
    const identity = selfSigned();
    const secure = new tls.TLSSocket(server, { isServer: true, ...identity });
    if (when < 2) WS.receive(server, chunk);
    const peer = tls.connect({ socket: client, servername: 'localhost', ca: identity.cert });
    for (const socket of [secure, peer]) socket.on('error', () => {});
    const heard = once(secure, 'data');
    peer.write('hello');
    assert.equal(String(await heard), 'hello');
    secure.destroy();
  });
}

// Sockets that are read as before.

test('a socket that is connected again', async (t) => {
  const text = peerOf('client').text('text');
  const listener = net.createServer((socket) => socket.on('error', () => {}).end(text));
  const port = await listen(listener);
  const client = await connect(port);
  lasting(t, { release: () => { client.destroy(); listener.close(); } });
  const { chunks, payloads } = readByData(as('client', client));
  await once(client, 'close');
  assert.equal(String(payloads[0]), 'text');
  client.connect(port);
  await once(client, 'connect');
  assert.ok(!isDirect(client));
  await once(client, 'close');
  assert.deepEqual(chunks, [text, text]);
});

test('one that was made with the option `onread`', async (t) => {
  const text = Buffer.concat([Buffer.from([0x81, 4]), Buffer.from('text')]);
  const listener = net.createServer((socket) => socket.end(Buffer.concat([text, text])));
  const port = await listen(listener);
  const payloads = [];
  const callback = (length, buffer) => {
    WS.receive(client, buffer.subarray(0, length), (payload) => payloads.push(String(payload)));
    return true;
  };
  const client = net.connect({ port, host: '127.0.0.1', onread: { buffer: Buffer.alloc(7), callback } });
  lasting(t, { release: () => { client.destroy(); listener.close(); } });
  await once(as('client', client), 'close');
  assert.deepEqual(payloads, ['text', 'text']);
});

test('one of a class of the program\'s', async (t) => {
  class Own extends net.Socket {}
  const listener = net.createServer();
  const port = await listen(listener);
  const client = as('client', new Own());
  lasting(t, { release: () => { client.destroy(); listener.close(); } });
  const { payloads } = readByData(client);
  const seen = [];
  client.on('data', () => seen.push(isDirect(client)));
  client.connect(port);
  const [server] = await once(listener, 'connection');
  for (const count of [1, 2, 3]) {
    server.write(peerOf('client').text('text'));
    await until(() => payloads.length === count);
  }
  assert.deepEqual(seen, [false, false, false]);
});
