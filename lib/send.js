'use strict';

const { isAnyArrayBuffer, isArrayBufferView, isSharedArrayBuffer } = require('node:util').types;
const codec = require('./codec.js');
const native = require('./native.js');
const errors = require('./errors.js');
const { boolean, checkOptions } = require('./options.js');
const { JOIN_MAX } = require('./outbox.js');
const { FastBuffer, view } = require('./memory.js');
const { SERVER, connectionOf, roleOf } = require('./connection.js');

/** The longest string that is written straight into the outbox: three bytes each at most. */
const STRING_MAX = 8192;
/** What native code wants free behind a string's bytes. */
const STRING_ROOM = 32;

const sendOptions = { binary: boolean, fin: boolean };

/**
 * Sends a message, or a part of one.
 * @returns false where nothing was sent, or the socket's queue is over its high-water mark
 */
function send(socket, payload, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  } else if (callback !== undefined && typeof callback !== 'function') {
    throw errors.invalidArgType('callback', 'a function', callback);
  }
  const data = typeof payload === 'string' ? payload : bytesOf('payload', payload, true);
  const kind = options === undefined ? kindOf(data, undefined) : kindFrom(data, options);
  const connection = connectionOf(socket);
  if (connection.gone || connection.closing) return refuse(callback);
  if (connection.deferred !== null || data instanceof Blob) {
    return defer(connection, data, kind, callback);
  }
  return sendNow(connection, kind, data, callback);
}

const sendDefaults = { binary: undefined, fin: true };

function kindFrom(data, options) {
  const { binary, fin } = arePlain(options) ? options : checkOptions(options, sendOptions, sendDefaults);
  return kindOf(data, binary) | (fin === false ? codec.MORE : 0);
}

/** Whether options are right at first sight: every message has them checked. */
function arePlain(options) {
  if (options === null || typeof options !== 'object') return false;
  for (const name in options) {
    if (name !== 'binary' && name !== 'fin') return false;
    if (typeof options[name] !== 'boolean') return false;
  }
  return true;
}

function kindOf(data, binary) {
  return (binary ?? typeof data !== 'string') ? codec.BINARY : codec.TEXT;
}

/** The payload as a Buffer, or as the Blob it is. */
function bytesOf(name, payload, blobs) {
  if (Buffer.isBuffer(payload) && payload.buffer instanceof ArrayBuffer) return payload;
  if (isArrayBufferView(payload)) return ownBytes(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isAnyArrayBuffer(payload)) return ownBytes(payload, 0, payload.byteLength);
  if (blobs && payload instanceof Blob) return payload;
  const expected = 'a string, Buffer, TypedArray, DataView, ArrayBuffer';
  throw errors.invalidArgType(name, blobs ? `${expected} or Blob` : expected, payload);
}

function ownBytes(memory, offset, length) {
  const bytes = new FastBuffer(memory, offset, length);
  // Another thread may write to shared memory while it is read: read it once.
  return isSharedArrayBuffer(memory) ? Buffer.from(bytes) : bytes;
}

function sendNow(connection, kind, data, callback) {
  if (typeof data === 'string') {
    if (data.length <= STRING_MAX) {
      return sendSmall(connection, kind, data, callback, 3 * data.length + STRING_ROOM);
    }
    data = Buffer.from(data);
  }
  if (data.length <= JOIN_MAX) {
    return sendSmall(connection, kind, data, callback, data.length + codec.HEADER_ROOM);
  }
  return roleOf(connection.socket) === SERVER
    ? sendLarge(connection, kind, data, callback)
    : sendLargeMasked(connection, kind, data, callback);
}

/** A frame that is written side by side with what is gathered, in at most `room` bytes. */
function sendSmall(connection, kind, data, callback, room) {
  const { outbox, id, socket } = connection;
  outbox.reserve(room);
  const end = codec.frame(id, roleOf(socket), kind, data, outbox.slab, outbox.end);
  if (end < 0) return refused(end, data, callback);
  outbox.end = end;
  return outbox.commit(callback);
}

/**
 * A server's payload goes out as it is. It is not copied, so it leaves before the caller can change
 * it, even from within `receive`.
 */
function sendLarge(connection, kind, data, callback) {
  const { outbox } = connection;
  outbox.reserve(codec.HEADER_ROOM);
  const header = kind | codec.HEADER_ONLY;
  const end = codec.frame(connection.id, SERVER, header, data, outbox.slab, outbox.end);
  if (end < 0) return refused(end, data, callback);
  outbox.end = end;
  outbox.append(data);
  const result = outbox.commit(callback);
  return outbox.flush() && result;
}

function sendLargeMasked(connection, kind, data, callback) {
  const { outbox, socket } = connection;
  const frame = Buffer.allocUnsafeSlow(data.length + codec.HEADER_ROOM);
  const end = codec.frame(connection.id, roleOf(socket), kind, data, frame, 0);
  if (end < 0) return refused(end, data, callback);
  outbox.append(view(frame, 0, end));
  return outbox.commit(callback);
}

function refused(reason, data, callback) {
  if (reason === codec.REFUSED_UTF8) {
    throw errors.invalidArgValue('payload', 'must be valid UTF-8 to be sent as text', data);
  }
  return refuse(callback);
}

/** The connection is closing or closed: that is no error of the caller's. */
function refuse(callback) {
  if (callback !== undefined) process.nextTick(callback, errors.socketClosed());
  return false;
}

/**
 * Sends a Blob once its bytes are there; everything sent after it waits its turn.
 */
function defer(connection, data, kind, callback) {
  // The caller may change its bytes after the call.
  const kept = Buffer.isBuffer(data) ? Buffer.from(data) : data;
  inTurn(connection, async () => {
    try {
      const bytes = kept instanceof Blob ? Buffer.from(await kept.arrayBuffer()) : kept;
      if (connection.gone) refuse(callback);
      else sendNow(connection, kind, bytes, callback);
    } catch (error) {
      // A Blob that cannot be read, or text that is none: the caller's, as an uncaught exception
      // where there is no callback to tell.
      process.nextTick(callback ?? rethrow, error);
    }
  });
  return true;
}

/** Runs `job` when all that was deferred before it is done. */
function inTurn(connection, job) {
  const turn = Promise.resolve(connection.deferred).then(job).then(() => {
    if (connection.deferred === turn) connection.deferred = null;
  });
  connection.deferred = turn;
}

function rethrow(error) {
  throw error;
}

/** Sends a ping (RFC 6455 §5.5.2). */
function ping(socket, payload) {
  const bytes = controlPayload(payload);
  const connection = connectionOf(socket);
  const sent = sendControl(connection, codec.PING, bytes);
  if (sent) connection.pingedAt ||= performance.now();
  return sent;
}

/** Sends a pong that answers nothing, a heartbeat (RFC 6455 §5.5.3). */
function pong(socket, payload) {
  const bytes = controlPayload(payload);
  return sendControl(connectionOf(socket), codec.PONG, bytes);
}

const NO_BYTES = Buffer.alloc(0);
const CONTROL_MAX = 125;

function controlPayload(payload) {
  if (payload === undefined) return NO_BYTES;
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : bytesOf('payload', payload, false);
  if (bytes.length > CONTROL_MAX) {
    throw errors.outOfRange('payload.byteLength', `at most ${CONTROL_MAX}`, bytes.length);
  }
  return bytes;
}

/**
 * Sends a ping or pong; it may overtake what waits for a Blob.
 * @returns whether it was accepted
 */
function sendControl(connection, kind, bytes) {
  if (connection.gone) return false;
  const { outbox } = connection;
  outbox.reserve(codec.CONTROL_ROOM);
  const end = codec.frame(connection.id, roleOf(connection.socket), kind, bytes, outbox.slab, outbox.end);
  if (end < 0) return false;
  outbox.end = end;
  outbox.commit();
  return true;
}

const REASON_MAX = 123;

/** Starts the closing handshake (RFC 6455 §7.1.2). */
function close(socket, code, reason) {
  checkClose(code, reason);
  const connection = connectionOf(socket);
  if (connection.gone || connection.closing) return false;
  connection.closing = true;
  if (connection.deferred === null) return closeNow(connection, code, reason);
  inTurn(connection, () => closeNow(connection, code, reason));
  return true;
}

function closeNow(connection, code = 0, reason = '') {
  if (connection.gone) return false;
  const { outbox, socket } = connection;
  outbox.reserve(codec.CONTROL_ROOM);
  const end = codec.close(connection.id, roleOf(socket), code, reason, outbox.slab, outbox.end);
  if (end < 0) return false;
  outbox.end = end;
  connection.startCloseTimer();
  outbox.commit();
  return true;
}

function checkClose(code, reason) {
  if (code !== undefined) {
    if (typeof code !== 'number') throw errors.invalidArgType('code', 'a number', code);
    if (!native.isCloseCode(code)) {
      throw errors.outOfRange('code', '1000-1003, 1007-1014 or 3000-4999', code);
    }
  }
  if (reason === undefined) return;
  if (typeof reason !== 'string') throw errors.invalidArgType('reason', 'a string', reason);
  if (code === undefined && reason !== '') {
    throw errors.invalidArgValue('reason', 'needs a code before it', reason);
  }
  const length = Buffer.byteLength(reason);
  if (length > REASON_MAX) {
    throw errors.outOfRange('reason', `at most ${REASON_MAX} bytes of UTF-8`, length);
  }
}

module.exports = { send, sendControl, ping, pong, close };
