'use strict';

// Payloads that stay in the chunk that they came in: which do, which must not, and that nobody sees
// it but by the memory that a payload shares.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { WS } = require('..');
const { attach } = require('../lib/attach.js');
const { pause, resume } = require('../lib/pause.js');
const { attachedPair, keeper, until } = require('./support/attached.js');
const { deflated } = require('./support/deflate.js');
const { peerOf } = require('./support/frames.js');
const { connected } = require('./support/sockets.js');

const peer = peerOf('server');
const KiB = 1024;

/** Text of no period that a chunk or a mask has, with characters of more than one byte. */
function textOf(length, seed = 0) {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = 0x61 + (at * 7 + (at >> 5) + seed) % 26;
  bytes.write('\u00e9', length >> 1);
  return bytes;
}

/** A chunk as Node reads one: bytes in memory of their own. */
function chunkOf(...parts) {
  const bytes = Buffer.concat(parts);
  const chunk = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(chunk);
  return chunk;
}

/** A chunk that is one message. */
const message = () => chunkOf(peer.text(textOf(5000)));

/** Has a chunk come out of a socket by 'data', as Node does when it has read one. */
async function bring(socket, chunk) {
  await until(() => socket.readableFlowing && socket.readableLength === 0);
  socket.push(chunk);
  await until(() => socket.readableLength === 0);
}

/** A server's end that is read over streams, and what it gets. */
async function served(t, options = {}, kind = 'net') {
  const { server, client, at } = await attachedPair(t, { server: { transport: 'stream', ...options } }, kind);
  return { server, client, ...at.server };
}

/** Tries to transfer a payload's memory away. Older versions of Node copy what must not be; newer ones throw. */
function transfer(payload) {
  try {
    structuredClone(payload, { transfer: [payload.buffer] });
  } catch (error) {
    assert.equal(error.name, 'DataCloneError');
  }
}

const isIn = (payload, chunk) => payload.buffer === chunk.buffer;

for (const kind of ['net', 'tls']) {
  test(`${kind}: what Node has read is not copied`, async (t) => {
    const { server, client, inbox } = await served(t, {}, kind);
    server.write(Buffer.alloc(100));
    const [chunk] = await once(client, 'data');
    if (chunk.buffer.byteLength !== chunk.length) {
      t.skip('this Node puts chunks of one socket, or several, into one buffer');
      return;
    }
    for (let size = 2 * KiB + 1; size < 4 * KiB; size += 300) {
      const frame = peer.text(textOf(size));
      client.write(frame);
      const { payload } = await inbox.next();
      assert.ok(payload.equals(textOf(size)));
      assert.equal(payload.buffer.byteLength, frame.length);
      const header = frame.length - size;
      assert.deepEqual(Buffer.from(payload.buffer, 0, header), frame.subarray(0, header));
    }
  });

  test(`${kind}: payloads that are kept stay as they are while others come`, async (t) => {
    const { client, inbox } = await served(t, {}, kind);
    const sizes = Array.from({ length: 300 }, (_, i) => 1 + (i * 977) % (40 * KiB));
    for (const [i, size] of sizes.entries()) client.write(peer.binary(Buffer.alloc(size, i)));
    const kept = await inbox.take(sizes.length);
    for (const [i, { payload }] of kept.entries()) assert.ok(payload.equals(Buffer.alloc(sizes[i], i)), `${i}`);
  });
}

test('a lone message has its chunk, and may be transferred', async (t) => {
  const { server, inbox } = await served(t);
  const chunk = chunkOf(peer.binary(textOf(5000)));
  await bring(server, chunk);
  const { payload } = await inbox.next();
  assert.ok(isIn(payload, chunk));
  transfer(payload);
  assert.equal(payload.length, 0);
});

test('so has one whose chunk is most of a buffer, as Node 26 leaves it', async (t) => {
  const { server, inbox } = await served(t);
  const frame = message();
  const chunk = chunkOf(frame, Buffer.alloc(1000)).subarray(0, frame.length);
  await bring(server, chunk);
  const { payload } = await inbox.next();
  assert.ok(payload.equals(textOf(5000)));
  assert.ok(isIn(payload, chunk));
});

test('messages of one chunk are independent, and none takes the chunk away', async (t) => {
  const { server, inbox } = await served(t);
  const chunk = chunkOf(peer.text(textOf(3000, 1)), peer.ping('ping'), peer.text(textOf(4000, 2)));
  await bring(server, chunk);
  const [first, second] = (await inbox.take(2)).map(({ payload }) => payload);
  assert.ok(isIn(first, chunk) && isIn(second, chunk));
  first.fill(0);
  transfer(first);
  assert.equal(first.length, 3000);
  assert.ok(second.equals(textOf(4000, 2)));
});

test('nor does one behind which some of the chunk is still to be read', async (t) => {
  const payloads = [];
  const handlers = {
    message(socket, payload) {
      payloads.push(payload);
      if (payloads.length === 1) transfer(payload);
    }
  };
  const { server } = await served(t, { handlers });
  const half = peer.binary(textOf(9000, 2));
  await bring(server, chunkOf(peer.binary(textOf(9000, 1)), half.subarray(0, 4000)));
  await bring(server, chunkOf(half.subarray(4000)));
  assert.deepEqual(payloads, [textOf(9000, 1), textOf(9000, 2)]);
});

test('a short payload does not keep a long chunk', async (t) => {
  const { server, inbox } = await served(t);
  const long = peer.binary(textOf(60 * KiB));
  const sizes = [20, 2 * KiB, 3 * KiB, 5 * KiB];
  const chunk = chunkOf(long, ...sizes.map((size) => peer.binary(textOf(size, size))));
  await bring(server, chunk);
  const [first, ...others] = (await inbox.take(1 + sizes.length)).map(({ payload }) => payload);
  assert.ok(isIn(first, chunk));
  assert.deepEqual(others, sizes.map((size) => textOf(size, size)));
  assert.deepEqual(others.map((payload) => isIn(payload, chunk)), [false, false, false, true]);
});

// What must not be changed: each is a way to a chunk that somebody else may hold.

async function checkUnchanged(socket, inbox, chunk) {
  const before = Buffer.from(chunk);
  await bring(socket, chunk);
  const { payload } = await inbox.next();
  assert.ok(payload.equals(textOf(5000)));
  assert.ok(!isIn(payload, chunk));
  assert.deepEqual(chunk, before);
}

test('a chunk of a stream that is not Node\'s is not changed', async (t) => {
  const { client, inbox } = await served(t, {}, 'duplex');
  const chunk = message();
  const before = Buffer.from(chunk);
  client.write(chunk);
  const { payload } = await inbox.next();
  assert.ok(payload.equals(textOf(5000)));
  assert.deepEqual(chunk, before);
});

test('a chunk that a program hands to WS.receive is not changed', async (t) => {
  const { server } = await connected(t, 'net');
  const chunk = message();
  const before = Buffer.from(chunk);
  assert.ok(WS.receive(server, chunk, () => {}).equals(textOf(5000)));
  assert.deepEqual(chunk, before);
});

test('a part of a larger buffer is not changed', async (t) => {
  const { server, inbox } = await served(t);
  const buffer = chunkOf(Buffer.alloc(8), message());
  await checkUnchanged(server, inbox, buffer.subarray(8));
  const chunk = message();
  await checkUnchanged(server, inbox, chunkOf(chunk, chunk).subarray(0, chunk.length));
});

test('what has been given back to the stream before is not changed', async (t) => {
  const { server } = await connected(t, 'net');
  const { handlers, inbox } = keeper();
  const chunk = message();
  const before = Buffer.from(chunk);
  server.unshift(chunk);
  attach(server, handlers, { transport: 'stream' });
  assert.ok((await inbox.next()).payload.equals(textOf(5000)));
  assert.deepEqual(chunk, before);
  // What Node reads after it is the library's.
  const next = message();
  await bring(server, next);
  assert.ok(isIn((await inbox.next()).payload, next));
});

for (const event of ['data', 'readable']) {
  test(`a chunk is not changed where the program listens for '${event}'`, async (t) => {
    const { server, client, inbox } = await served(t);
    const seen = [];
    server.on(event, (chunk = server.read()) => { if (chunk !== null) seen.push(chunk); });
    const frame = message();
    client.write(frame);
    assert.ok((await inbox.next()).payload.equals(textOf(5000)));
    await until(() => seen.length > 0);
    assert.deepEqual(Buffer.concat(seen), frame);
  });
}

test('nor where somebody has listened for \'data\' first, if only once', async (t) => {
  const { server } = await connected(t, 'net');
  const { handlers, inbox } = keeper();
  const first = once(server, 'data');
  attach(server, handlers, { transport: 'stream' });
  const chunk = message();
  await checkUnchanged(server, inbox, chunk);
  assert.deepEqual(await first, [chunk]);
});

test('nor where the program has put its own \'emit\' in front', async (t) => {
  const { server } = await connected(t, 'net');
  const { handlers, inbox } = keeper();
  const { emit } = server;
  server.emit = function (...args) { return emit.apply(this, args); };
  attach(server, handlers, { transport: 'stream' });
  await checkUnchanged(server, inbox, message());
});

// The rest goes on as it does with memory of ours.

test('a message in parts, or compressed, or cut, is put together elsewhere', async (t) => {
  const { server, inbox } = await served(t, { perMessageDeflate: true });
  const body = textOf(9000);
  const packed = peer.text(deflated(body), { rsv: 4 });
  await bring(server, chunkOf(
    peer.text(body.subarray(0, 4000), { fin: false }), peer.more(body.subarray(4000)), packed,
    peer.text(body).subarray(0, 5000)
  ));
  for (const { payload } of await inbox.take(2)) assert.ok(payload.equals(body));
  assert.equal(inbox.left.length, 0);
});

test('events behind a handler that throws, or pauses, keep their payloads', async (t) => {
  const got = [];
  const handlers = {
    message(socket, payload) {
      got.push(payload);
      if (got.length === 1) throw new Error('on purpose');
      if (got.length === 2) pause(socket);
    }
  };
  const { server } = await served(t, { handlers });
  const bodies = [1, 2, 3, 4].map((seed) => textOf(3000 * seed, seed));
  const last = peer.text(bodies[3]);
  const chunk = chunkOf(...bodies.slice(0, 3).map((body) => peer.text(body)), last.subarray(0, 5000));
  await until(() => server.readableFlowing);
  assert.throws(() => server.push(chunk), /on purpose/);
  await until(() => got.length === 2);
  server.push(chunkOf(last.subarray(5000)));
  resume(server);
  await until(() => got.length === 4);
  assert.deepEqual(got, bodies);
  assert.ok(got.slice(0, 3).every((payload) => isIn(payload, chunk)));
});

test('text that is not UTF-8 fails the connection, the messages before it are delivered', async (t) => {
  const { server, client, inbox, closed } = await served(t);
  client.on('error', () => {});
  const bad = textOf(3000);
  bad[2000] = 0xff;
  await bring(server, chunkOf(peer.text(textOf(4000)), peer.text(bad), peer.text(textOf(3000))));
  assert.ok((await inbox.next()).payload.equals(textOf(4000)));
  assert.equal(server.writableEnded, true);
  client.resume().end();
  const { error } = await closed;
  assert.deepEqual([error.code, error.closeCode], ['WS_ERR_INVALID_UTF8', 1007]);
  assert.deepEqual(inbox.left, []);
});

test('parts of a message that is handed on as a stream stay in their chunks', async (t) => {
  const parts = [];
  const handlers = {
    message(_socket, payload) { payload.on('data', (part) => parts.push(part)); }
  };
  const { server } = await served(t, { handlers, stream: true });
  const body = textOf(9000);
  const frame = peer.text(body);
  const chunks = [chunkOf(frame.subarray(0, 5000)), chunkOf(frame.subarray(5000))];
  for (const chunk of chunks) await bring(server, chunk);
  await until(() => parts.length === 2);
  assert.ok(Buffer.concat(parts).equals(body));
  assert.ok(parts.every((part, i) => isIn(part, chunks[i])));
});
