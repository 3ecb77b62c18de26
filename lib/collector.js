'use strict';

const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { isMainThread } = require('node:worker_threads');
const { isNodeAlone } = require('./runtime.js');

// When V8 is to look for payloads that nobody holds any more.
//
// It collects its young generation when that is full, and a payload takes up a hundred bytes there, however long
// it is: gigabytes may have gone by. So V8 also counts the memory outside of its heap. Up to V8 12 (Node 22) it
// collected the young generation at 32 MiB. V8 13 (Node 24) goes through the whole heap at some 64 MiB, and V8 14
// (Node 26) often does, which costs the more the more a program holds.

/** Bytes that payloads are given until the young generation is collected, where V8 does not do so by itself. */
const INTERVAL = Number.parseInt(process.versions.v8) < 13 ? Infinity : 32 * 1024 * 1024;

const collector = {
  given: 0,

  /** Counts memory that a payload, or several, are given. */
  count(bytes) {
    this.given += bytes;
    // Not "at least": a program may have put something that is no number into its Buffer's `byteLength`.
    if (!(this.given < INTERVAL)) {
      this.given = 0;
      collectYoung();
    }
  }
};

/** V8's function to collect, or null; undefined until it is needed, since it keeps a context alive. */
let gc;

function collectYoung() {
  if (gc === undefined) gc = mayBeAsked() ? findGc() : null;
  gc?.({ type: 'minor' });
}

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

module.exports = { INTERVAL, collector };
