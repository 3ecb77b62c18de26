'use strict';

const { isUtf8 } = require('node:buffer');
const { Readable } = require('node:stream');
const codec = require('./codec.js');
const errors = require('./errors.js');
const { JOIN_MAX } = require('./gathered.js');
const { refuse } = require('./outbox.js');
const { pack } = require('./background.js');
const { closeNow } = require('./close.js');
const { messageInTurn, pump } = require('./deferred.js');
const { NO_BYTES, allocate, view } = require('./memory.js');
const { Frame, bytesOf, isSlow, kindOf, payloadOf } = require('./payload.js');
const { SERVER, connectionOf, roleOf } = require('./connection.js');
const { ignore, rethrow } = require('./unhandled.js');

/** The longest string that is written straight into the outbox: three bytes each at most. */
const STRING_MAX = 8192;
/** The longest payload that is masked into the outbox, whose memory is used again. */
const MASK_MAX = 256 * 1024;
/** What native code wants free behind a string's bytes. */
const STRING_ROOM = 32;

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
  const data = payloadOf('payload', payload);
  const kind = kindOf(data, options);
  const connection = connectionOf(socket);
  if (!connection.canSend || connection.closing) {
    discard(data);
    return refuse(callback);
  }
  if (isLong(connection, kind, data)) {
    if (isBadText(connection, kind, data)) throw errors.invalidText(data);
    return defer(connection, data, kind, callback);
  }
  if (connection.deferred !== null || isSlow(data)) return defer(connection, data, kind, callback);
  return sendNow(connection, kind, data, callback);
}

function sendNow(connection, kind, data, callback) {
  if (mayPack(connection, kind, data)) {
    if (data instanceof Frame) return sendPrepared(connection, data, callback) ?? false;
    const sent = sendPacked(connection, kind, data, callback);
    if (sent !== null) return sent;
  }
  if (typeof data === 'string') {
    if (data.length <= STRING_MAX) {
      return sendSmall(connection, kind, data, callback, 3 * data.length + STRING_ROOM);
    }
    data = Buffer.from(data);
  }
  if (data.length <= JOIN_MAX || (data.length <= MASK_MAX && roleOf(connection.socket) !== SERVER)) {
    return sendSmall(connection, kind, data, callback, data.length + codec.HEADER_ROOM);
  }
  if (data instanceof Frame) return sendPrepared(connection, data, callback) ?? false;
  return roleOf(connection.socket) === SERVER
    ? sendLarge(connection, kind, data, callback)
    : sendLargeMasked(connection, kind, data, callback);
}

/** Whether native code is to be asked to pack the payload, or the part of a message. */
function mayPack(connection, kind, data) {
  const { agreement, threshold } = connection.extension;
  if (agreement === 0) return false;
  if (connection.inParts || (kind & codec.MORE) !== 0) return true;
  const most = typeof data === 'string' ? 3 * data.length : data.length;
  return most >= threshold && (kind & codec.AS_IT_IS) === 0;
}

/** @returns null where the payload is to be sent as it is */
function sendPacked(connection, kind, data, callback) {
  const { id, outbox, socket } = connection;
  const payload = typeof data === 'string' && data.length > STRING_MAX ? Buffer.from(data) : data;
  // Few come to more than they were.
  const room = Math.min(payload.length, JOIN_MAX) + codec.HEADER_ROOM;
  const end = outbox.put(id, roleOf(socket), kind | codec.PACK, payload, room);
  if (end === codec.REFUSED_PLAIN) return null;
  if (end < 0 && end > codec.ON_DESK) return refused(connection, end, kind, data, callback);
  accepted(connection, kind);
  if (end <= codec.ON_DESK) outbox.putPacked(codec.ON_DESK - end);
  return outbox.commit(callback);
}

/** Payloads of more bytes are packed in the background. */
const INLINE_MAX = 128 * 1024;

/** Whether a payload takes too long to be packed at once. */
function isLong(connection, kind, data) {
  if (connection.extension.agreement === 0) return false;
  const { length } = data instanceof Frame ? data.payload : data;
  return length > INLINE_MAX && (connection.inParts || (kind & codec.AS_IT_IS) === 0);
}

/**
 * Whether bytes that are to be a whole text message are none, which is the caller's to hear at once. The
 * last part of a message is looked at in its turn: it may begin inside of a character.
 */
function isBadText({ deferred, defersParts, inParts }, kind, data) {
  const isWhole = kind === codec.TEXT && !(deferred === null ? inParts : defersParts);
  return isWhole && Buffer.isBuffer(data) && !isUtf8(data);
}

/** Packs a long payload in the background and sends it, in its turn. */
async function sendLong(connection, kind, data, callback) {
  if (data instanceof Frame) return sendLongFrame(connection, data, callback);
  const { outbox, socket } = connection;
  const payload = typeof data === 'string' ? Buffer.from(data) : data;
  connection.deferredBytes += payload.length;
  const packed = pack(connection, roleOf(socket), kind, payload);
  const { room, start, end } = await packed.finally(() => { connection.deferredBytes -= payload.length; });
  if (end === codec.REFUSED_PLAIN) return sendNow(connection, kind | codec.AS_IT_IS, payload, callback);
  if (end < 0) return refused(connection, end, kind, data, callback);
  accepted(connection, kind);
  if (!connection.canSend) return refuse(callback);
  outbox.append(view(room, start, end));
  return outbox.commit(callback);
}

async function sendLongFrame(connection, frame, callback) {
  const { kind, payload } = frame;
  const verdict = admit(connection, frame);
  // Accepted already, since it is below the threshold.
  if (verdict === codec.ADMITTED) return sendAccepted(connection, frame, callback);
  if (verdict <= codec.FIRST_SET) return sendLong(connection, kind, payload, callback);
  await frame.packInBackground(verdict - codec.FIRST_SET);
  return connection.canSend ? sendPrepared(connection, frame, callback) : refuse(callback);
}

/** A frame that is written side by side with what is gathered, in at most `room` bytes. */
function sendSmall(connection, kind, data, callback, room) {
  const { outbox, id, socket } = connection;
  const end = outbox.put(id, roleOf(socket), kind, data, room);
  if (end < 0) return refused(connection, end, kind, data, callback);
  accepted(connection, kind);
  return outbox.commit(callback);
}

/** Takes note of a message, or a part, that goes out; where it is refused, one in progress is where it was. */
function accepted(connection, kind) {
  connection.inParts = (kind & codec.MORE) !== 0;
}

/**
 * A server's payload goes out as it is. It is not copied, so it leaves before the caller can change
 * it, even from within `receive`.
 */
function sendLarge(connection, kind, data, callback) {
  const { outbox } = connection;
  // The header tells of all its bytes, whatever the program has made of its `length`.
  if (data.length !== data.byteLength) data = view(data, 0, data.byteLength);
  const end = outbox.put(connection.id, SERVER, kind | codec.HEADER_ONLY, data, codec.HEADER_ROOM);
  if (end < 0) return refused(connection, end, kind, data, callback);
  accepted(connection, kind);
  if (outbox.isWriting) {
    // From within the socket's own write it has to wait.
    outbox.append(Buffer.from(data));
    return outbox.commit(callback);
  }
  outbox.append(data);
  const result = outbox.commit(callback);
  return outbox.flush() && result;
}

function sendLargeMasked(connection, kind, data, callback) {
  const { outbox, socket } = connection;
  const frame = allocate(data.length + codec.HEADER_ROOM);
  const end = codec.frame(connection.id, roleOf(socket), kind, data, frame, 0);
  if (end < 0) return refused(connection, end, kind, data, callback);
  accepted(connection, kind);
  outbox.append(view(frame, 0, end));
  return outbox.commit(callback);
}

/** Sends a frame of WS.frame, as `sendPrepared` does, in its turn. */
function sendFrame(connection, frame) {
  if (!connection.canSend || connection.closing) return null;
  if (connection.deferred !== null || isLong(connection, frame.kind, frame)) {
    return defer(connection, frame, frame.kind);
  }
  return sendPrepared(connection, frame);
}

/**
 * Sends the bytes that a frame was encoded to, or encodes its payload anew where they do not fit:
 * for a client, and as the continuation of a message.
 * @returns null where nothing was sent, else as `send` does
 */
function sendPrepared(connection, frame, callback) {
  const { kind, payload } = frame;
  const verdict = admit(connection, frame);
  if (verdict === codec.ADMITTED) return sendAccepted(connection, frame, callback);
  if (verdict > codec.FIRST_SET) return sendShared(connection, frame, verdict - codec.FIRST_SET, callback);
  if (verdict === codec.TO_ENCODE) return sendNow(connection, kind, payload, callback);
  refuse(callback);
  return null;
}

/** Asks native code to accept a frame as it is: `prepared`'s answer. */
function admit({ id, socket }, { kind, payload }) {
  return codec.prepared(id, roleOf(socket), kind, payload.length);
}

/** Sends a frame that native code has accepted as it is. */
function sendAccepted(connection, { bytes, kind }, callback) {
  accepted(connection, kind);
  return connection.outbox.sendWhole(bytes, callback);
}

/** Sends a frame that was packed once for all connections with the same parameters. */
function sendShared(connection, frame, set, callback) {
  const { id, outbox } = connection;
  const { bytes, kind, payload } = frame;
  const packed = frame.packed(set);
  const verdict = packed === null
    ? codec.prepared(id, SERVER, kind | codec.AS_IT_IS, payload.length)
    : codec.shared(id, kind, payload.length, packed.length);
  if (verdict === codec.ADMITTED) return outbox.sendWhole(packed ?? bytes, callback);
  refuse(callback);
  return null;
}

function refused(connection, reason, kind, data, callback) {
  if (reason === codec.REFUSED_UTF8) throw errors.invalidText(data);
  // What another thread may change is read once.
  if (reason === codec.REFUSED_SHARED) return sendNow(connection, kind, Buffer.from(data), callback);
  return refuse(callback);
}

/** Sends a payload that has to be waited for, or one that comes behind such a one. */
function defer(connection, data, kind, callback) {
  // The caller may change its bytes after the call.
  const kept = Buffer.isBuffer(data) ? Buffer.from(data) : readableOf(data);
  const job = kept instanceof Readable ? sendReadable : sendLater;
  // Nobody listens to it until its turn comes, which finds the error.
  if (kept instanceof Readable) kept.on('error', ignore);
  connection.defersParts = (kind & codec.MORE) !== 0;
  return messageInTurn(connection, kept.length ?? 0, () => job(connection, kind, kept, callback));
}

/** Of a ReadableStream a Readable, which reads no further than one chunk ahead of the peer. */
function readableOf(data) {
  // Its chunks are of all kinds that those of a Readable may be.
  const isWeb = typeof data === 'object' && data instanceof ReadableStream;
  return isWeb ? Readable.fromWeb(data, { objectMode: true, highWaterMark: 1 }) : data;
}

/** A Readable is ours, sent or not. */
function discard(data) {
  if (isSlow(data)) readableOf(data).destroy?.();
}

async function sendLater(connection, kind, data, callback) {
  try {
    const ready = data instanceof Blob ? Buffer.from(await data.arrayBuffer()) : data;
    if (!connection.canSend) refuse(callback);
    else if (isLong(connection, kind, ready)) await sendLong(connection, kind, ready, callback);
    else sendNow(connection, kind, ready, callback);
  } catch (error) {
    // A Blob that cannot be read, or text that is none: the caller's, as an uncaught exception
    // where there is no callback to tell.
    process.nextTick(callback ?? rethrow, error);
  }
}

/** RFC 6455 §7.4.1, 1011: "it encountered an unexpected condition that prevented it from fulfilling the request". */
const INTERNAL_ERROR = 1011;

/**
 * Sends a Readable as one message: each of its chunks is a fragment, and an empty one ends it. A
 * message that has begun cannot be taken back, so a Readable that fails in the middle of it fails
 * the connection; one that fails before costs nothing but its own callback.
 */
async function sendReadable(connection, kind, readable, callback) {
  let begun = false;
  try {
    await pump(connection, readable, async (chunk) => {
      const part = bytesOf('chunk', chunk);
      // The Readable may use the memory of its chunk again, or transfer it away, while a thread reads it.
      const sent = isLong(connection, kind, part)
        ? await sendLong(connection, kind | codec.MORE, Buffer.from(part))
        : sendNow(connection, kind | codec.MORE, part);
      begun = true;
      return sent;
    });
    if (!connection.canSend) {
      readable.destroy();
      refuse(callback);
    } else {
      sendNow(connection, kind, NO_BYTES, callback);
    }
  } catch (error) {
    readable.destroy();
    if (begun) {
      connection.closing = true;
      connection.attachment?.stop();
      closeNow(connection, INTERNAL_ERROR);
    }
    process.nextTick(callback ?? rethrow, error);
  }
}

module.exports = { send, sendFrame };
