'use strict';

// `node --expose-gc faults.js throws`: a handler that throws, in every place; prints what came of each.
// `node --expose-gc faults.js left`: all kinds of faults in many rounds; prints what they have left behind.

const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('../../index.js');
const { ENTRANCES } = require('../support/entrances.js');
const { LEAVES, cases, frameTour, leaveAt, play } = require('./fault-cases.js');

const SPELLS = 3;
const ROUNDS = 3;

const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));

const MODES = { throws, left };

MODES[process.argv[2]]().then((result) => console.log(JSON.stringify(result)), (error) => {
  console.error(error);
  process.exit(1);
});

async function throws() {
  const results = [];
  for (const one of cases()) {
    uncaught.length = 0;
    const record = await play(one, fail);
    results.push({ ...one, ...record, uncaught: [...uncaught] });
  }
  return results;
}

async function left() {
  const states = [];
  for (let spell = 0; spell < SPELLS; spell++) {
    for (let round = 0; round < ROUNDS; round++) await everything();
    states.push(await state());
  }
  return { states, opened: WS.stats().connections.total };
}

async function everything() {
  for (const one of cases()) {
    await play(one, fail);
    await play(one, destroy);
  }
  for (const { role, place } of Object.values(ENTRANCES)) {
    const bytes = Buffer.concat(frameTour(role).map((frame) => frame.bytes));
    const { open, close } = await place({});
    for (const leave of Object.values(LEAVES)) {
      for (let at = 0; at <= bytes.length; at += 5) await leaveAt(open, bytes, at, leave);
    }
    await close();
  }
}

function fail() {
  throw new Error('on purpose');
}

function destroy(socket) {
  socket.destroy();
}

/** What the process holds, and its memory: resident but for V8's heap, of which what is used counts. */
async function state() {
  for (let round = 0; round < 10; round++) {
    global.gc();
    await turn();
  }
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return {
    // A look at deadlines that the next turn takes is nothing that was left.
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').sort(),
    open: WS.stats().connections.open,
    heap: heapUsed + external,
    used: rss - heapTotal + heapUsed
  };
}
