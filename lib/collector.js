'use strict';

const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { isMainThread } = require('node:worker_threads');
const codec = require('./codec.js');
const { isNodeAlone } = require('./runtime.js');

// When V8 is to look for payloads that nobody holds any more.
//
// It collects its young generation when that is full, and a payload takes up a hundred bytes there, however long
// it is: gigabytes may have gone by. So V8 also counts the memory outside of its heap. Up to V8 12 (Node 22) it
// collects the young generation at 32 MiB. V8 13 (Node 24) goes through the whole heap at some 64 MiB, and V8 14
// (Node 26) often does, which costs the more the more a program holds.
//
// The memory that was freed last is given out first. So the sooner payloads are found the less memory is in use,
// and the more of it is in the processor's caches; a collection itself is a fifth of a millisecond. But what has
// outlived two of them is looked for in the whole heap only, and to have something outlive one takes time, whatever
// it is. So it is not sooner where payloads are kept for a while, or much else that the program has just made.

const MiB = 1024 * 1024;

/** Bytes that payloads are given until the next collection, where few of them are kept for half of that. */
const SHORT = 8 * MiB;
/** The same where many are, or a collection was slow; up to V8 12 not before V8 has collected by itself. */
const LONG = (Number.parseInt(process.versions.v8) < 13 ? 64 : 32) * MiB;

/** Bytes between two payloads that are watched: the last four before a collection say how long to wait for the next. */
const SAMPLE = 2 * MiB;
/** How many of the four are many that are still held. The last one is: it has just been given its memory. */
const MANY = 3;
/** Milliseconds that only a collection takes which has much to keep. */
const SLOW = 1;

const collector = {
  /** Bytes since the last collection. */
  given: 0,
  /** At how many of them there is something to do. */
  due: SAMPLE,
  interval: SHORT,

  /**
   * Counts memory that a payload, or several, are given.
   * @param memory what they are given, where that is the library's own
   */
  count(bytes, memory) {
    this.given += bytes;
    // Not "at least": a program may have put something that is no number into its Buffer's `byteLength`.
    if (!(this.given < this.due)) this.reach(memory);
  },

  reach(memory) {
    // A chunk is the program's, and may be one of many from the same memory: the next payload is watched.
    if (memory !== undefined) {
      codec.sample(memory);
      this.due = this.given + SAMPLE;
    }
    if (this.given < this.interval) return;
    this.given = 0;
    if (gc === undefined) gc = mayBeAsked() ? findGc() : null;
    this.due = gc === null ? Infinity : SAMPLE;
    if (gc === null) return;
    const start = performance.now();
    gc({ type: 'minor' });
    const isSlow = performance.now() - start > SLOW;
    this.interval = codec.survivors() >= MANY || isSlow ? LONG : SHORT;
  }
};

/** V8's function to collect, or null; undefined until it is needed, since it keeps a context alive. */
let gc;

/** Flags with which the one below is fatal, or brings another name. */
const FOREIGN_FLAGS = /^--(freeze[-_]flags|expose[-_]gc[-_]as)/;

/** Flags are the process's: of two threads that set one each could undo what the other needs. So only one does. */
function mayBeAsked() {
  return isNodeAlone && isMainThread && process.env.WS13_COLLECT !== 'never'
    && !process.execArgv.some((flag) => FOREIGN_FLAGS.test(flag));
}

/** What `--expose-gc` gives to each new context: it is set for one, unless the program has set it for all. */
function findGc() {
  try {
    const present = runInNewContext('globalThis.gc');
    if (present !== undefined) return present;
    setFlagsFromString('--expose-gc');
    try {
      return runInNewContext('globalThis.gc') ?? null;
    } finally {
      setFlagsFromString('--no-expose-gc');
    }
  } catch {
    // There is no stack, or no memory, left for a context. V8 does as it would.
    return null;
  }
}

module.exports = { collector };
