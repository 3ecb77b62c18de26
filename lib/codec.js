'use strict';

// The Rust core's side of every connection: numbers in, numbers out. Nothing here or above it knows
// a header bit; what a chunk held comes back as events in `table` (laid out in src/node/receive.rs).

const { markAsUntransferable } = require('node:worker_threads');
const native = require('./native.js');

const EVENTS_A_CALL = 1024;
/** Words of the table before its events, and words of an event. */
const EVENTS = 12;
const EVENT_WORDS = 3;

/** Bytes that any header fits in. */
const HEADER_ROOM = 14;

/** Shared with the native functions for good: never transferred, never handed out. */
const table = new Uint32Array(EVENTS + EVENT_WORDS * EVENTS_A_CALL);
markAsUntransferable(table.buffer);

module.exports = {
  ...native.bind(table),
  table,

  // Words of the table.
  READ: 0,
  SLAB_USED: 1,
  NEEDED: 2,
  NEEDS: 3,
  KEEP: 4,
  MORE_READY: 5,
  RECEIVED: 6,
  // Of these, `put` makes a frame, and `writeLent` writes what was put.
  FRAME_OF: 7,
  FRAME_ROLE: 8,
  FRAME_KIND: 9,
  FRAME_AT: 10,
  FRAME_LIMIT: 11,
  EVENTS,
  EVENT_WORDS,

  // What MORE_READY tells, beside that there is nothing (0).
  NOW: 1,
  LATER: 2,

  // What NEEDS tells beside a slab (0).
  ASSEMBLY: 1,
  BACKGROUND: 2,

  // Kinds of frames and events: the opcodes of RFC 6455 §11.8, and VIOLATION.
  TEXT: 0x1,
  BINARY: 0x2,
  CLOSE: 0x8,
  PING: 0x9,
  PONG: 0xa,
  VIOLATION: 0xf,

  // Entries of the table that name a socket of the reactor's (src/node/reactor/turn.rs). All from
  // SOCKET on do.
  SOCKET: 0x80,
  ENDED: 0x81,
  FAILED: 0x82,
  LARGE: 0x83,

  /** Added to an event's kind: its message is the connection's assembly. */
  IN_ASSEMBLY: 0x10,
  /** Added to an event's kind: it is a part of a message, more follow. */
  PART: 0x20,
  /** Added to the kind of a frame to send: more parts of its message follow. */
  MORE: 0x10,
  /** Added to the kind of a frame to send: only the header is written. */
  HEADER_ONLY: 0x20,
  /** Added to the kind of a frame to send: no extension transforms the message. */
  AS_IT_IS: 0x40,
  /** Added to the kind of a frame to put: the extension transforms the message, where that is worth it. */
  PACK: 0x80,
  /** Added to the kind of a frame to put: the payload is a string. */
  STRING: 0x100,

  /** Bits of a close event's length; the frame's code is above them. */
  CODE: 8,

  /** What `receive` tells of a chunk that another thread may write to while it is read. */
  SHARED: -1,

  /** What becomes of a target of `broadcast` for which nothing was done. */
  SEND_ALONE: -0x80000000,

  // Why `put` or `frame` refused.
  REFUSED_CLOSING: -1,
  REFUSED_UTF8: -2,
  /** Another thread may write to the payload while it is read. */
  REFUSED_SHARED: -3,
  REFUSED_PLAIN: -4,
  /** What `put` answers, less the length, of a frame that was packed and does not fit: `packed` has it. */
  ON_DESK: -16,
  // What `prepared` answers, and `shared` of these the first.
  ADMITTED: 1,
  TO_ENCODE: 0,
  /** What is subtracted from any greater answer to get a parameter set. */
  FIRST_SET: 2,

  HEADER_ROOM,
  /** Bytes that any whole control frame fits in. */
  CONTROL_ROOM: HEADER_ROOM + 125,
  /** Bytes that a packed frame fits in, whatever its payload is. */
  packRoom: (length) => HEADER_ROOM + length + Math.ceil(length / 8) + Math.ceil(length / 64) + 64,

  // States of a connection, by number.
  STATES: [undefined, 'open', 'closing', 'closed']
};
