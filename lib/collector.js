'use strict';

const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { isNode } = require('./runtime.js');

// When V8 is to look for payloads that nobody holds any more.
//
// It collects its young generation when that is full, and a payload takes up a hundred bytes there, however long
// it is: gigabytes may have gone by. So V8 also counts the memory outside of its heap, and from some 64 MiB on goes
// through the whole heap, which costs the more the more a program holds (before V8 12, in Node 20, the young
// generation at 32 MiB). To collect that sooner costs a fraction of a millisecond, and what comes next is given
// memory that is still in the processor's cache. docs/benchmarks.md tells what it is worth.

const MiB = 1024 * 1024;

/** Bytes that payloads are given from one collection to the next, at least and at most. */
const LEAST = 8 * MiB;
const MOST = 24 * MiB;
/** Bytes to the next look at the clock. */
const STEP = MiB;
/** How many times as long as a collection there is to be none, if that is not more than `MOST` bytes. */
const REST = 16;

class Collector {
  /**
   * @param {() => void} collect
   * @param {() => number} now in milliseconds
   */
  constructor(collect, now) {
    this.collect = collect;
    this.now = now;
    /** Bytes since the last collection, and at which of them to look whether it is time for the next. */
    this.given = 0;
    this.due = LEAST;
    /** When that is. */
    this.earliest = 0;
  }

  /** Counts the bytes of memory that payloads are given. */
  count(bytes) {
    this.given += bytes;
    if (this.given >= this.due) this.look();
  }

  look() {
    const begin = this.now();
    if (begin < this.earliest && this.given < MOST) {
      this.due = this.given + STEP;
      return;
    }
    this.given = 0;
    this.due = LEAST;
    this.collect();
    const end = this.now();
    this.earliest = end + REST * (end - begin);
  }
}

/** V8's own function, which is taken from it when it is needed first: it brings a context along. */
let collectYoung = () => {
  collectYoung = collectionOf(findGc());
  collectYoung();
};

function collectionOf(gc) {
  return gc === null ? () => {} : () => gc({ type: 'minor' });
}

/** The function that `--expose-gc` is for; null where there is none, or it is not wanted. */
function findGc() {
  if (!isNode || process.env.WS13_COLLECT === 'never') return null;
  if (typeof globalThis.gc === 'function') return globalThis.gc;
  try {
    setFlagsFromString('--expose-gc');
    return runInNewContext('gc');
  } catch {
    return null;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

const collector = new Collector(() => collectYoung(), () => performance.now());

module.exports = { Collector, LEAST, MOST, REST, STEP, collector };
