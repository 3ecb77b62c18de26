'use strict';

// When V8 is asked for a collection: what is counted as memory of payloads, and what a process does for it.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { WS } = require('..');
const { collector } = require('../lib/collector.js');
const { attachedPair } = require('./support/attached.js');
const { run } = require('./support/child.js');
const { peerOf } = require('./support/frames.js');
const { Inbox } = require('./support/inbox.js');
const { serve } = require('./support/listening.js');
const { plain } = require('./support/plain.js');

const KiB = 1024;
const peer = peerOf('server');

/** Does something, and returns how many KiB of memory were counted meanwhile. */
async function counted(t, action) {
  const count = t.mock.method(collector, 'count');
  await action();
  const bytes = count.mock.calls.reduce((sum, { arguments: [size] }) => sum + size, 0);
  count.mock.restore();
  return bytes / KiB;
}

function assertAbout(actual, expected) {
  assert.ok(Math.abs(actual - expected) <= 0.1 * expected, `${actual}, about ${expected} expected`);
}

/** Has `count` messages of `size` bytes come as one chunk each. */
function byHand(size, count) {
  const socket = plain('server');
  for (let i = 0; i < count; i++) WS.receive(socket, peer.binary(Buffer.alloc(size)), () => {});
}

test('by hand a chunk is counted, and the memory of its message', async (t) => {
  assertAbout(await counted(t, () => byHand(64 * KiB, 10)), 2 * 640);
});

test('messages that share a pool are counted once', async (t) => {
  // Six of ten KiB to a pool.
  assertAbout(await counted(t, () => byHand(10 * KiB, 60)), 600 + 640);
});

test('slabs are counted, of small messages too', async (t) => {
  assertAbout(await counted(t, () => byHand(KiB, 1024)), 2 * 1024);
  assertAbout(await counted(t, () => byHand(64, 16 * 1024)), 2 * 1024);
});

for (const transport of ['auto', 'stream']) {
  test(`what the library reads itself counts by its messages: ${transport}`, async (t) => {
    const { client, at } = await attachedPair(t, { server: { transport } });
    const amount = await counted(t, async () => {
      for (let i = 0; i < 10; i++) client.write(peer.binary(Buffer.alloc(64 * KiB)));
      await at.server.inbox.take(10);
    });
    // A message that comes in parts may have been given half as much before.
    assert.ok(amount >= 640 && amount <= 1.6 * 640, `${amount}`);
  });
}

test('chunks that others listen for count, too', async (t) => {
  const { server, client, at } = await attachedPair(t, { server: { transport: 'stream' } });
  server.on('data', () => {});
  const amount = await counted(t, async () => {
    for (let i = 0; i < 10; i++) client.write(peer.binary(Buffer.alloc(64 * KiB)));
    await at.server.inbox.take(10);
  });
  assert.ok(amount >= 2 * 640 && amount <= 2.6 * 640, `${amount}`);
});

test("a client's frames are counted where they are given memory of their own", async (t) => {
  const socket = plain('client');
  assertAbout(await counted(t, () => WS.send(socket, Buffer.alloc(300 * KiB))), 300);
  assertAbout(await counted(t, () => WS.send(socket, Buffer.alloc(200 * KiB))), 200);
});

test('what threads pack and unpack is counted on both sides', async (t) => {
  const options = { perMessageDeflate: { threshold: 0 } };
  const inbox = new Inbox();
  const server = await serve(t, 'own', { message: (socket, payload) => inbox.push(payload.length) }, options);
  const opened = new Inbox();
  const client = WS.connect(`ws://127.0.0.1:${server.address().port}/`, {
    open: (socket) => opened.push(socket), message() {}
  }, options);
  t.after(() => client.destroy());
  await opened.next();
  const long = randomBytes(1024 * KiB);
  const amount = await counted(t, async () => {
    await promisify(WS.send)(client, long);
    assert.equal(await inbox.next(), long.length);
  });
  // Room to pack it into, and for the message as it grows.
  assertAbout(amount, 3340);
});

test('a length that is no number does not stop the count', (t) => {
  const { given } = collector;
  t.after(() => { collector.given = given; });
  collector.count(Number.NaN);
  assert.ok(collector.given >= 0);
  collector.count(5);
  assert.equal(collector.given, 5);
});

async function collections(flags = [], env = {}, how = 'main') {
  const { code, stdout, stderr } = await run('collections', [how], flags, env);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test('as payloads go by, V8 is asked to collect its young generation', async () => {
  const { forced, exposed } = await collections();
  // Each 8 MiB, of 160 that are counted.
  assert.equal(forced, 20);
  assert.equal(exposed, false, 'a new context has no gc()');
});

test('where payloads are kept for a while, or a collection takes long, it is asked less often', async () => {
  const isOld = Number.parseInt(process.versions.v8) < 13;
  // After 8 MiB, and then each 64 or 32.
  assert.equal((await collections([], {}, 'kept')).forced, isOld ? 3 : 5);
  assert.equal((await collections([], {}, 'slow')).forced, isOld ? 3 : 5);
  // After 136, or 104, each 8 again.
  assert.equal((await collections([], {}, 'kept-first')).forced, isOld ? 6 : 11);
});

test('with WS13_COLLECT=never, in a thread, or where flags are frozen, that is left to V8', async () => {
  assert.equal((await collections([], { WS13_COLLECT: 'never' })).forced, 0);
  assert.equal((await collections([], {}, 'thread')).forced, 0);
  assert.equal((await collections(['--freeze-flags-after-init'])).forced, 0);
  assert.equal((await collections(['--expose_gc_as=collect'])).forced, 0);
});

test("the program's own gc() is left as it is", async () => {
  const { forced, exposed } = await collections(['--expose-gc']);
  assert.equal(forced, 20);
  assert.equal(exposed, true);
  assert.equal((await collections([], {}, 'replaced')).forced, 20);
});
