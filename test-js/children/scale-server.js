'use strict';

// `node --expose-gc scale-server.js <connections> <rounds> <heartbeat in ms>`: a server of WS.listen with
// that many connections at once, and its clients in a process of their own. Each round opens them all,
// broadcasts 1 KiB, lets each be pinged by its heartbeat, measures, and shuts down. After a small round
// to warm up it prints a line of JSON a round; whatever is wrong ends it with another exit code than 0.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { WS } = require('../../index.js');
const { HOST } = require('../support/sockets.js');

const [most, rounds, heartbeat] = process.argv.slice(2).map(Number);
const payload = Buffer.alloc(1024, 'broadcast ');

/** The connections of the running round, and what its handlers count. */
let count = 0;
let seen = null;

const handlers = {
  open(socket) {
    seen.sockets.add(socket);
    if (seen.sockets.size === count) seen.allOpen();
  },
  pong(socket) {
    seen.answered.add(socket);
    if (seen.answered.size === count) seen.allAnswered();
  },
  close(socket, code, reason, wasClean) {
    assert.ok(seen.sockets.delete(socket), 'closed twice');
    assert.deepEqual([code, reason, wasClean], [1001, '', true]);
  },
  error: (_socket, error) => { throw error; }
};

main();

async function main() {
  const clients = fork(join(__dirname, 'scale-clients.js'), { timeout: 120_000 });
  await play(clients, Math.ceil(most / 20));
  for (let round = 1; round <= rounds; round++) {
    const before = await settled();
    const { during, ...times } = await play(clients, most);
    const after = await settled();
    console.log(JSON.stringify({ round, before: level(before), during, after: level(after), times }));
  }
  clients.send('end');
  await once(clients, 'close');
}

async function play(clients, connections) {
  count = connections;
  const allOpen = new Promise((resolve) => { seen = { sockets: new Set(), answered: new Set(), allOpen: resolve }; });
  const allAnswered = new Promise((resolve) => { seen.allAnswered = resolve; });
  const server = WS.listen({ port: 0, host: HOST }, handlers, { heartbeat });
  await once(server, 'listening');
  const time = stopwatch();

  clients.send({ port: server.address().port, count, payload: payload.toString('latin1') });
  await allOpen;
  const open = time();

  const received = once(clients, 'message');
  assert.equal(WS.broadcast(seen.sockets, payload), count);
  assert.deepEqual((await received)[0], { received: count });
  const broadcast = time();

  await allAnswered;
  seen.answered.clear();
  assert.equal(WS.stats().connections.open, count);
  const during = level(await settled());

  time();
  const closed = once(clients, 'message');
  await WS.shutdown(server, { timeout: 30_000 });
  assert.equal(seen.sockets.size, 0);
  assert.equal(WS.stats().connections.open, 0);
  assert.deepEqual((await closed)[0], { closed: count });
  return { during, open, broadcast, shutdown: time() };
}

/** Gives the ms since the last call. */
function stopwatch() {
  let last = performance.now();
  return () => {
    const since = performance.now() - last;
    last += since;
    return Math.round(since);
  };
}

/** `used` is resident memory, but of V8's heap only what is in use: how much it keeps is V8's own choice. */
function level({ rss, heapTotal, heapUsed, external }) {
  return { rss, used: rss - heapTotal + heapUsed, heap: heapUsed + external };
}

async function settled() {
  for (let round = 0; round < 5; round++) {
    global.gc();
    await new Promise(setImmediate);
  }
  return process.memoryUsage();
}
