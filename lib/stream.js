'use strict';

const { Duplex } = require('node:stream');
const errors = require('./errors.js');
const { READER } = require('./connection.js');
const { pauseFor, resumeFor } = require('./pause.js');
const { boolean } = require('./options.js');
const { isSlow } = require('./payload.js');
const { readWith, readerOptions } = require('./reader.js');
const { endSending } = require('./close.js');
const { send } = require('./send.js');
const { Unread } = require('./unread.js');

const streamOptions = { binary: boolean, readableObjectMode: boolean, writableObjectMode: boolean };
const streamDefaults = { binary: undefined, readableObjectMode: false, writableObjectMode: false };

/** Enough to keep a fast peer busy, little enough for ten thousand of them. */
const HIGH_WATER = 64 * 1024;
const HIGH_WATER_OBJECTS = 16;

/**
 * The messages of a socket as a Duplex of Node's.
 *
 * What is written is sent, a message for each `write`: strings as text, all else as binary, or as
 * `binary` says. What comes in is read as bytes, one message behind the other, as they arrive; with
 * `readableObjectMode` as one chunk for each message, a string where it is text. With
 * `writableObjectMode` all that WS.send takes can be written.
 *
 * A socket that is not attached is attached, with the options of WS.attach beside these (`head`
 * among them). Of one that is, the stream takes over the messages: the `message` handler gets none
 * from here on, all other handlers what they got before.
 *
 * Ends: the readable side ends when the connection is closed cleanly. `end()` sends a close frame
 * with 1000 behind all that was written; what the peer sends before its own is still read, and
 * 'finish' follows when the closing handshake is done. `destroy()` destroys the socket. A connection
 * that ends without a close frame destroys the stream: 'close' comes without 'end', which pipelines
 * and iterators take as an error. The peer's violation and the socket's error are told by 'error',
 * if somebody listens for it.
 */
function stream(socket, options) {
  const fixed = { text: 'buffer', stream: true };
  const checked = readerOptions(socket, options, streamOptions, streamDefaults, fixed);
  const reader = new StreamReader(socket, checked);
  readWith(socket, reader, { ...checked, ...fixed, stream: reader.takesParts });
  return reader.duplex;
}

/** What the program holds: all that it does is the reader's. */
class MessageStream extends Duplex {
  #reader;
  #waiting;

  constructor(reader, { readableObjectMode, writableObjectMode }) {
    super({
      allowHalfOpen: false,
      decodeStrings: false,
      readableObjectMode,
      writableObjectMode,
      readableHighWaterMark: readableObjectMode ? HIGH_WATER_OBJECTS : HIGH_WATER,
      writableHighWaterMark: writableObjectMode ? HIGH_WATER_OBJECTS : HIGH_WATER
    });
    this.#reader = reader;
    this.#waiting = new Unread(this);
  }

  /** Hands on a message, or a part of one. */
  add(part) {
    if (this.destroyed) return;
    this.#waiting.push(part);
    if (this.#waiting.isFull) pauseFor(this.#reader.connection, READER);
  }

  read(size) {
    const chunk = super.read(size);
    if (this.#waiting.noteRead(size, chunk)) this.#settle();
    return chunk;
  }

  _read() {
    this.#settle();
  }

  /** Lets the peer go on, if there is room. */
  #settle() {
    if (!this.#waiting.isFull) resumeFor(this.#reader.connection, READER);
  }

  _write(chunk, encoding, callback) {
    this.#reader.write(chunk, encoding, callback);
  }

  _final(callback) {
    this.#reader.end(callback);
  }

  _destroy(error, callback) {
    this.#reader.destroy(error);
    const isHeard = !this.#reader.isOver || this.listenerCount('error') > 0;
    callback(isHeard ? error : null);
  }
}

/** The connection's side of the stream; see reader.js. */
class StreamReader {
  #socket;
  #sendOptions;
  /** The callback of a write that waits for 'drain', or null. */
  #written = null;
  /** The callback of `end`, which waits for the socket's end, or null. */
  #finished = null;

  /** Null where the socket was closed before it could be attached. */
  connection = null;
  /** Whether the connection has ended, or ends without our help. */
  isOver = false;

  constructor(socket, options) {
    const { binary, readableObjectMode } = options;
    this.#socket = socket;
    this.#sendOptions = binary === undefined ? undefined : { binary };
    this.takesParts = !readableObjectMode;
    this.duplex = new MessageStream(this, options);
  }

  message(payload, isBinary) {
    const isText = !this.takesParts && !isBinary && Buffer.isBuffer(payload);
    this.add(isText ? payload.toString() : payload);
  }

  add(part) {
    this.duplex.add(part);
  }

  finish(part) {
    if (part.length > 0) this.add(part);
  }

  /** The message ends with the connection, and so does the stream. */
  abort() {}

  drain() {
    this.#endWrite(null);
  }

  fail(error) {
    this.isOver = true;
    this.duplex.destroy(error);
  }

  close(isClean) {
    const { duplex } = this;
    this.isOver = true;
    if (!isClean) {
      duplex.destroy();
      return;
    }
    if (!duplex.destroyed) duplex.push(null);
    this.#endWrite(errors.socketClosed());
    this.#finished?.();
  }

  write(chunk, encoding, callback) {
    const { connection } = this;
    if (connection.state !== 'open') {
      callback(errors.socketClosed());
      return;
    }
    const payload = isEncoded(chunk, encoding) ? Buffer.from(chunk, encoding) : chunk;
    try {
      // Behind a Blob or Readable nothing tells of 'drain' before its turn has come.
      if (connection.deferred !== null || isSlow(payload)) {
        send(this.#socket, payload, this.#sendOptions, callback);
      } else if (send(this.#socket, payload, this.#sendOptions)) {
        callback();
      } else {
        this.#written = callback;
      }
    } catch (error) {
      callback(error);
    }
  }

  end(callback) {
    if (this.isOver) {
      callback();
      return;
    }
    this.#finished = callback;
    endSending(this.connection);
  }

  destroy(error) {
    // A peer that has broken the protocol is told so, which takes the socket a moment yet.
    if (!this.isOver) this.#socket.destroy();
    // It may have closed before, with the end of the connection still behind what nobody reads now.
    if (this.connection?.isLate) resumeFor(this.connection, READER);
    this.#endWrite(error ?? errors.socketClosed());
  }

  /** Ends the write that waits; with an error where its message has not gone out. */
  #endWrite(error) {
    const callback = this.#written;
    this.#written = null;
    callback?.(error);
  }
}

/** Whether a string stands for bytes, as "ff" does for one with the encoding 'hex'. */
function isEncoded(chunk, encoding) {
  return typeof chunk === 'string' && encoding !== undefined && !/^utf-?8$/i.test(encoding);
}

module.exports = { stream, streamDefaults, streamOptions };
