'use strict';

const errors = require('./errors.js');
const { NORMAL, close } = require('./close.js');
const { READER } = require('./connection.js');
const { pauseFor, resumeFor } = require('./pause.js');
const { Queue } = require('./queue.js');
const { readWith, readerOptions } = require('./reader.js');

/** Bytes that may wait for a slow consumer, overhead included; the peer is stopped past them. */
const HIGH_WATER = 64 * 1024;

/**
 * The messages of a socket as an async iterator of `{ payload, isBinary }`, the payload being what
 * the `message` handler would get.
 *
 * A socket that is not attached is attached, with the options of WS.attach. Of one that is, the
 * iterator takes over the messages: the `message` handler gets none from here on, all other handlers
 * what they got before.
 *
 * It ends when the connection is closed cleanly, and throws where it was lost or the peer has broken
 * the protocol; either after the messages that came before. Leaving the loop closes the connection
 * with 1000.
 */
function messages(socket, options) {
  const checked = readerOptions(socket, options, {}, {}, {});
  const reader = new MessageReader(socket);
  readWith(socket, reader, checked);
  return new MessageIterator(reader);
}

/** What the program holds: all that it does is the reader's. */
class MessageIterator {
  #reader;

  constructor(reader) {
    this.#reader = reader;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    return this.#reader.next();
  }

  return(value) {
    return this.#reader.leave(value);
  }
}

const DONE = { done: true, value: undefined };

/** The connection's side of the iterator; see reader.js. */
class MessageReader {
  #socket;
  /** Messages that nobody has asked for yet. */
  #queue = new Queue();
  /** The calls of `next` that wait for a message. */
  #waiting = [];
  #isOver = false;
  /** What the next call of `next` throws, or null. */
  #error = null;

  /** Null where the socket was closed before it could be attached. */
  connection = null;
  takesParts = false;

  constructor(socket) {
    this.#socket = socket;
  }

  async next() {
    if (!this.#queue.isEmpty) {
      const value = this.#queue.shift();
      if (this.#queue.bytes <= HIGH_WATER) resumeFor(this.connection, READER);
      return { done: false, value };
    }
    if (this.#isOver) return this.#conclude();
    return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }); });
  }

  /** Leaves the loop: the rest is not wanted. */
  async leave(value) {
    this.#queue = new Queue();
    this.#end(null);
    this.#error = null;
    if (this.connection !== null) resumeFor(this.connection, READER);
    close(this.#socket, NORMAL);
    return { done: true, value };
  }

  message(payload, isBinary) {
    if (this.#isOver) return;
    const value = { payload, isBinary };
    if (this.#waiting.length > 0) {
      this.#waiting.shift().resolve({ done: false, value });
      return;
    }
    this.#queue.push(value, payload.length ?? 0);
    if (this.#queue.bytes > HIGH_WATER) pauseFor(this.connection, READER);
  }

  drain() {}

  fail(error) {
    this.#end(error);
  }

  close(isClean) {
    this.#end(isClean ? null : errors.abnormalClosure());
  }

  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      this.#conclude().then(resolve, reject);
    }
  }

  async #conclude() {
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    return DONE;
  }
}

module.exports = { messages };
