'use strict';

const { Readable } = require('node:stream');
const errors = require('./errors.js');
const { INCOMING } = require('./connection.js');
const { pauseFor, resumeFor } = require('./pause.js');
const { Unread } = require('./unread.js');

/** Bytes that may wait unread, of one message in progress, or of all that have arrived whole. */
const HIGH_WATER = 64 * 1024;
/** What a message that nobody has read is counted as, beside its bytes. */
const OVERHEAD = 1024;

/**
 * A message that is handed on as its bytes arrive. Its end is the message's end. A reader that is
 * slow, or that leaves messages unread, stops the peer through TCP.
 *
 * Where the connection ends before the message does, the stream is destroyed with an error. That
 * error is a peer's doing: where nobody listens for it, only 'close' without 'end' tells.
 */
class IncomingMessage extends Readable {
  #connection;
  #waiting = new Unread(this);
  /** What this message adds to the attachment's `unread`. */
  #unread = 0;
  #isAborted = false;

  constructor(connection) {
    super({ highWaterMark: HIGH_WATER });
    this.#connection = connection;
  }

  /** Hands on a part of the message; more follow. */
  add(part) {
    // Who has destroyed the stream does not want the rest: it is read, and dropped.
    if (this.destroyed) return;
    this.#waiting.push(part);
    if (this.isFull) pauseFor(this.#connection, INCOMING);
  }

  /** Hands on the last part. */
  finish(part) {
    if (this.destroyed) return;
    if (part.length > 0) this.#waiting.push(part);
    // A reader may have destroyed it for that.
    if (this.destroyed) return;
    this.push(null);
    this.#unread = this.#waiting.size + OVERHEAD;
    this.#connection.attachment.unread += this.#unread;
    this.#settle();
  }

  /** The connection has ended, or is closing: no more comes. */
  abort(error = errors.messageCut()) {
    this.#isAborted = true;
    this.destroy(error);
  }

  /** Whether so much of it is unread that no more should come. */
  get isFull() {
    return this.#waiting.isFull;
  }

  read(size) {
    const chunk = super.read(size);
    if (this.#waiting.noteRead(size, chunk)) this.#settle();
    return chunk;
  }

  /** Stops the peer while too much is unread, and lets it go on after that. */
  #settle() {
    const { incoming, unread } = this.#connection.attachment;
    if (unread > HIGH_WATER || incoming?.isFull) pauseFor(this.#connection, INCOMING);
    else resumeFor(this.#connection, INCOMING);
  }

  _read() {
    this.#settle();
  }

  _destroy(error, callback) {
    this.#connection.attachment.unread -= this.#unread;
    this.#unread = 0;
    this.#settle();
    callback(this.#isAborted && this.listenerCount('error') === 0 ? null : error);
  }
}

module.exports = { IncomingMessage };
