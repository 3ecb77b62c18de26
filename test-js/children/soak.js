'use strict';

// npm run soak -- [--minutes N] [--lives N] [--seed N] [--transport stream]
// Connections that open, talk, pause, half-close, reset and destroy at random, both ends in this
// process. What comes back has to be what was sent, in its order; and when all are gone, so has to be
// every descriptor, handle and connection, and the memory. Prints a line of JSON; fails where not.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { readdirSync } = require('node:fs');
const { setImmediate: turn } = require('node:timers/promises');
const { parseArgs } = require('node:util');
const { WS } = require('../../index.js');
const { connections } = require('../../lib/adopted.js');
const codec = require('../../lib/codec.js');
const { generator } = require('../support/generator.js');

const { values } = parseArgs({ options: {
  minutes: { type: 'string' },
  lives: { type: 'string', default: '1000' },
  seed: { type: 'string', default: '1' },
  transport: { type: 'string', default: 'auto' }
} });

const AT_ONCE = 40;
/** What is there for a moment, and holds nothing. */
const PASSING = ['Timeout', 'Immediate'];
const MIB = 1 << 20;
/** What may remain for good: code that was compiled; and of the process what the allocator keeps free. */
const HEAP_MAX = 4 * MIB;
const BUFFERS_MAX = 2 * MIB;
const RSS_MAX = 128 * MIB;
/** Places in the table of connections: of those at once, and those whose 'close' is yet to be told. */
const PLACES_MAX = 4 * AT_ONCE;

const options = { transport: values.transport, heartbeat: 0, closeTimeout: 200, handshakeTimeout: 60_000 };
const random = generator(Number(values.seed));
const tally = {};
/** What `codec.totals` writes: the core's connections first. */
const totals = new Float64Array(11);
/** The server's end of each life, by the number in its URL. */
const ends = new Map();

main();

async function main() {
  const server = WS.listen({ port: 0, host: '127.0.0.1' }, {
    open(socket, { url }) {
      ends.get(url).server = socket;
    },
    message(socket, payload, isBinary) {
      WS.send(socket, payload, { binary: isBinary });
    }
  }, options);
  await once(server, 'listening');
  const { port } = server.address();

  await round(port, (lives) => lives >= 10 * AT_ONCE);
  const before = await remains();
  const end = Date.now() + Number(values.minutes) * 60_000;
  const lives = await round(port, (count) => (
    values.minutes === undefined ? count >= Number(values.lives) : Date.now() >= end
  ));
  const after = await remains();
  await WS.shutdown(server);

  console.log(JSON.stringify({ seed: values.seed, transport: values.transport, lives, before, after, tally }));
  assert.deepEqual(after.connections, { open: 0, reactor: 0, inCore: 0, held: 0 }, 'connections are left');
  assert.ok(after.places <= PLACES_MAX, `the table of connections has grown to ${after.places} places`);
  assert.equal(after.descriptors, before.descriptors, 'descriptors are left');
  assert.deepEqual(after.resources, before.resources, 'handles are left');
  assert.ok(after.heap - before.heap < HEAP_MAX, `the heap has grown by ${after.heap - before.heap} bytes`);
  assert.ok(after.buffers - before.buffers < BUFFERS_MAX, `${after.buffers - before.buffers} bytes of Buffers are left`);
  assert.ok(after.rss - before.rss < RSS_MAX, `the process has grown by ${after.rss - before.rss} bytes`);
}

/** Lives, so many at once, until there are enough of them → how many there were. */
async function round(port, enough) {
  let lives = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (!enough(lives)) {
      lives++;
      await live(port, `/${lives}`);
    }
  }));
  return lives;
}

/** What is there while nothing goes on. */
async function remains() {
  for (let turns = 0; turns < 20; turns++) {
    await turn();
    globalThis.gc();
  }
  const { open, reactor } = WS.stats().connections;
  codec.totals(new Uint8Array(totals.buffer));
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage();
  return {
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    resources: process.getActiveResourcesInfo().filter((name) => !PASSING.includes(name)).sort(),
    connections: { open, reactor, inCore: totals[0], held: connections.filter(Boolean).length },
    places: connections.length,
    heap: heapUsed,
    buffers: arrayBuffers,
    rss
  };
}

/** One connection, from its handshake until both of its ends are closed. */
async function live(port, url) {
  const life = { sent: [], server: null };
  ends.set(url, life);
  const client = WS.connect(`ws://127.0.0.1:${port}${url}`, {
    // An echo is the oldest that is still owed.
    message(_socket, payload) {
      assert.ok(life.sent.length > 0, 'more came back than was sent');
      assert.ok(payload.equals(life.sent.shift()), 'what came back is not what was sent');
    }
  }, options);
  await until(() => WS.info(client).state !== 'connecting' && life.server !== null);
  for (let steps = random.below(12); steps > 0 && !client.destroyed; steps--) await step(life, client);
  end(life, client);
  // A pause holds back whatever ends the other side.
  for (const socket of [client, life.server]) {
    WS.resume(socket);
    socket.resume();
  }
  await until(() => client.closed && life.server.closed);
  ends.delete(url);
}

/** Something that leaves the connection as it is. */
async function step(life, client) {
  const sockets = [client, life.server];
  const one = sockets[random.below(2)];
  const what = ['small', 'burst', 'large', 'pause', 'ping', 'raw pause', 'wait', 'settle'][random.below(8)];
  count(what);
  switch (what) {
    case 'small': return send(life, client, random.below(200));
    case 'burst':
      for (let rest = random.below(400); rest > 0; rest--) send(life, client, random.below(300));
      return undefined;
    case 'large': return send(life, client, random.below(2 * MIB));
    case 'ping': return WS.ping(one, 'x');
    case 'pause':
      WS.pause(one);
      await turns(random.below(10));
      return WS.resume(one);
    case 'raw pause':
      one.pause();
      await turns(random.below(10));
      return one.resume();
    case 'settle': return until(() => life.sent.length === 0 || sockets.some(({ destroyed }) => destroyed));
    default: return turns(random.below(10));
  }
}

/** Ends it in one of all ways. */
function end(life, client) {
  const one = [client, life.server][random.below(2)];
  const ways = {
    'half-close': () => client.end(),
    'end': () => life.server.end(),
    'close': () => WS.close(one, 1000),
    'destroy': () => one.destroy(),
    'reset': () => one.resetAndDestroy(),
    'reset behind data': () => { send(life, client, 100_000); one.resetAndDestroy(); },
    'close behind data': () => { send(life, client, 100_000); WS.close(one, 1000); },
    'violation': () => client.write(Buffer.from([0xff, 0xff])),
    'both': () => { client.end(); life.server.end(); }
  };
  const names = Object.keys(ways);
  const name = names[random.below(names.length)];
  count(name);
  ways[name]();
}

function send(life, client, size) {
  const payload = Buffer.alloc(size, random.bytes(7));
  if (WS.info(client).state !== 'open') return;
  life.sent.push(payload);
  WS.send(client, payload);
}

async function until(condition) {
  while (!condition()) await turn();
}

async function turns(number) {
  for (let rest = number; rest > 0; rest--) await turn();
}

function count(what) {
  tally[what] = (tally[what] ?? 0) + 1;
}
