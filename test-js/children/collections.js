'use strict';

// Has 80 MiB of messages of 64 KiB go by, by hand, and prints how many collections of V8's young generation somebody
// has asked for meanwhile: `node collections.js main`, or in a `thread`, or with a global gc() that was `replaced`, or
// with the last 7 MiB always `kept`, or only in the first half of the time (`kept-first`), or with a clock by which
// each collection is `slow`. By the clock of all others none is.

const { constants, PerformanceObserver } = require('node:perf_hooks');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { runInNewContext } = require('node:vm');
const { Worker, isMainThread } = require('node:worker_threads');
const { WS } = require('../../index.js');
const { peerOf } = require('../support/frames.js');
const { plain } = require('../support/plain.js');

const COUNT = 1280;
const { NODE_PERFORMANCE_GC_MINOR: MINOR, NODE_PERFORMANCE_GC_FLAGS_FORCED: FORCED } = constants;

let forced = 0;

function note(entries) {
  forced += entries.filter(({ detail: { kind, flags } }) => kind === MINOR && (flags & FORCED) !== 0).length;
}

/** The messages that are kept: few enough that V8 does not go through its whole heap for them. */
const kept = new Array(112).fill(null);

function keep(payload, i) {
  const isKept = how === 'kept' || (how === 'kept-first' && i < COUNT / 2);
  kept[i % kept.length] = isKept ? payload : null;
}

async function main() {
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const socket = plain('server');
  const chunk = peerOf('server').binary(Buffer.alloc(64 * 1024));
  for (let i = 0; i < COUNT; i++) WS.receive(socket, chunk, (payload) => keep(payload, i));
  // Node tells of a collection in the next turn.
  await nextTurn();
  await nextTurn();
  note(observer.takeRecords());
  observer.disconnect();
  console.log(JSON.stringify({ forced, exposed: runInNewContext("typeof gc === 'function'") }));
}

const [how] = process.argv.slice(2);
let now = 0;
performance.now = () => {
  if (how === 'slow') now += 2;
  return now;
};
if (how === 'replaced') {
  globalThis.gc = () => {
    throw new Error('not the one of V8');
  };
}
if (how === 'thread' && isMainThread) new Worker(__filename, { argv: [how] });
else main();
