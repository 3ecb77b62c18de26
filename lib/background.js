'use strict';

const codec = require('./codec.js');
const { NO_BYTES, allocate } = require('./memory.js');
const { Queue } = require('./queue.js');

// Large messages are packed and unpacked on libuv's thread pool, two at a time: half of its default
// four threads are left to other users (fs, dns). Further jobs queue here, in the order they came.

const MOST = 2;

let running = 0;
/** Whether those that wait are being started: what is done at once is not to start the next by itself. */
let isStarting = false;
const waiting = new Queue();

/**
 * Runs `start(done)` as soon as there is a thread for it; it calls `done` when that is free again.
 */
function whenFree(start) {
  if (running < MOST) run(start);
  else waiting.push(start, 0);
}

function run(start) {
  running++;
  start(done);
}

function done() {
  running--;
  if (isStarting) return;
  isStarting = true;
  try {
    while (running < MOST && !waiting.isEmpty) run(waiting.shift());
  } finally {
    isStarting = false;
  }
}

/**
 * Unpacks what native code has set aside of a connection's message.
 * @param capacity bytes that the assembly is to have
 * @param keep bytes of the present one that it begins with
 * @param then called when it is done, with whether there was memory for it
 */
function unpack(connection, capacity, keep, then) {
  whenFree((free) => {
    const settle = (isDone) => {
      free();
      then(connection, isDone);
    };
    if (connection.id === -1 || connection.error !== null) {
      settle(true);
      return;
    }
    const present = connection.assembly;
    if (present?.length === capacity) {
      codec.unpack(connection.id, present, NO_BYTES, 0, () => settle(true));
      return;
    }
    let assembly;
    try {
      assembly = allocate(capacity);
    } catch {
      process.nextTick(settle, false);
      return;
    }
    // What is there already is copied by the thread.
    connection.assembly = assembly;
    codec.unpack(connection.id, assembly, present ?? NO_BYTES, keep, () => settle(true));
  });
}

/**
 * Packs a message, or a part of one.
 * @param payload bytes that nobody changes
 * @returns a promise of `{ room, start, end }`, the place of the frame; `end` is negative where there
 *   is none, and tells why
 */
function pack(connection, role, kind, payload) {
  return inRoom(payload.length, (room, then) => (
    connection.canSend ? codec.packLater(connection.id, role, kind, payload, room, then) : codec.REFUSED_CLOSING
  ));
}

/** Packs a message for all connections that share a parameter set; resolves as `pack` does. */
function share(kind, payload, set) {
  return inRoom(payload.length, (room, then) => codec.shareLater(kind, payload, set, room, then));
}

/** @param start starts the work → 1, or why there is none */
function inRoom(length, start) {
  return new Promise((resolve, reject) => {
    whenFree((free) => {
      try {
        const room = allocate(codec.packRoom(length));
        const settle = (end, begin) => {
          free();
          resolve({ room, start: begin, end });
        };
        const verdict = start(room, settle);
        if (verdict !== 1) settle(verdict, 0);
      } catch (error) {
        // There is no memory for it.
        free();
        reject(error);
      }
    });
  });
}

module.exports = { pack, share, unpack };
