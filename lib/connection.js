'use strict';

const { constants } = require('node:buffer');
const { Socket } = require('node:net');
const codec = require('./codec.js');
const { deadlinesBy } = require('./deadlines.js');
const { NO_EXTENSION } = require('./deflate.js');
const errors = require('./errors.js');
const { leave } = require('./adopted.js');
const { handshakeOf } = require('./listener.js');
const { Outbox } = require('./outbox.js');
const { integer } = require('./options.js');
const { keepResting } = require('./rest.js');
const { inScope } = require('./scope.js');
const { countOpened } = require('./stats.js');

const kConnection = Symbol('ws13.connection');

/** Roles as native code counts them. */
const NO_ROLE = 0;
const SERVER = 1;
const CLIENT = 2;

// Who wants nothing more to be read and delivered, as bits of `paused`: none undoes what another has asked for.
/** The program, by WS.pause. */
const PROGRAM = 1;
/** Messages that are handed on as streams, and not read. */
const INCOMING = 2;
/** A WS.stream or WS.messages whose reader is slow. */
const READER = 4;
/** A message that is unpacked in the background. */
const BACKGROUND = 8;

/** What every way to a connection takes, with its checks and defaults. */
const limitOptions = {
  maxPayload: integer(1, Number.MAX_SAFE_INTEGER),
  maxFragments: integer(1, 0xffff_ffff),
  maxPendingPongs: integer(1, 0xffff),
  closeTimeout: integer(1, 0x7fff_ffff)
};
const limitDefaults = {
  maxPayload: 100 * 1024 * 1024,
  maxFragments: 131_072,
  maxPendingPongs: 16,
  closeTimeout: 5000
};

/** The longest message that one Buffer holds and the core's table can tell, in bytes. */
const WHOLE_MAX = Math.min(constants.MAX_LENGTH, 0xffff_ffff);

/** Frees the core's half of a connection whose socket nobody holds any more. */
const collected = new FinalizationRegistry((id) => codec.release(id));

/** What belongs to one socket. */
class Connection {
  constructor(socket, limits, extension) {
    this.socket = socket;
    /** The number of the core's half, -1 once that is freed. */
    this.id = openCore(limits, extension);
    /** What the handshake has agreed to; see deflate.js. */
    this.extension = extension;
    /** The handlers' side where the library reads the socket itself, or null; see attachment.js. */
    this.attachment = null;
    /** A handshake that is under way, or null: nothing can be sent until it is done. */
    this.handshake = null;
    this.limits = limits;
    this.outbox = new Outbox(socket, limits.maxBufferedAmount ?? Infinity);

    // Receiving.
    /** Whether the program has handed in bytes of the socket, by WS.receive. */
    this.isFed = false;
    /** The memory of the message in progress. */
    this.assembly = undefined;
    /** Who wants nothing to be delivered for now. */
    this.paused = 0;
    /** Events and chunks that are still to be processed, or null; see feed.js. */
    this.backlog = null;
    /** Messages for the next calls of a program that gives no callback, or null. */
    this.inbox = null;
    /** Whether the peer has ended its half while some of what it sent is yet to be delivered. */
    this.isLate = false;
    /** Whether the socket is closed. */
    this.isOver = false;
    /** The first message of the running call. */
    this.first = undefined;
    /** Payloads of pings that are not answered because the peer does not read, or null. */
    this.pongs = null;

    /** The async context of the handlers, see scope.js; null where there are none. */
    this.scope = null;
    /** Bytes that the reactor has read from the socket, and Node has not. */
    this.bytesRead = 0;

    // Sending.
    /** The last of the sends that wait for the bytes of a Blob or Readable, as a promise, or null. */
    this.deferred = null;
    /** Bytes that wait behind it. */
    this.deferredBytes = 0;
    /** Whether a sender was told to wait for 'drain' because of them. */
    this.owesDrain = false;
    /** Whether the last of them is a part of a message, of which more follow. */
    this.defersParts = false;
    /** Whether a message in parts may be in progress, where there is an extension. */
    this.inParts = false;
    /** Whether the program has asked to close: nothing is delivered to it after that. */
    this.closing = false;
    /** When the first ping without an answer was sent, in ms; 0 for none. */
    this.pingedAt = 0;

    // What WS.info tells.
    this.protocol = '';
    this.closeCode = null;
    this.closeReason = null;
    this.wasClean = false;
    this.latency = null;
    /** The peer's violation, or null. */
    this.error = null;
    /** The counters, once the core's half is freed. */
    this.last = null;

    /** Whether closeTimeout has begun. */
    this.isEnding = false;
  }

  /** Whether anything can be written: the handshake is done, and the socket has not ended. */
  get canSend() {
    const { outbox, socket } = this;
    if (this.id === -1 || this.handshake !== null) return false;
    return outbox.isGathering || (socket.destroyed !== true && socket.writableEnded !== true);
  }

  get state() {
    const { socket } = this;
    if (this.id === -1 || socket.destroyed === true) return 'closed';
    if (this.handshake !== null) return 'connecting';
    const state = codec.STATES[codec.state(this.id)];
    if (state === 'closed') return state;
    if (this.closing || socket.writableEnded === true) return 'closing';
    // The core has read the peer's close frame, or fault, behind what is being delivered; ours has not gone.
    return this.closeCode === null && !this.isEnding ? 'open' : state;
  }

  get bytesReceived() {
    return this.last === null ? codec.bytesReceived(this.id) : this.last.bytesReceived;
  }

  get bytesSent() {
    return this.last === null ? codec.bytesSent(this.id) : this.last.bytesSent;
  }

  get volumes() {
    return this.last === null ? readVolumes(this.id) : this.last.volumes;
  }

  /** Sends our close frame, or none if it was sent before, and ends the socket. */
  finish() {
    const { outbox, socket } = this;
    outbox.reserve(codec.CONTROL_ROOM);
    const end = codec.answer(this.id, roleOf(socket), outbox.slab, outbox.end);
    if (end !== codec.REFUSED_CLOSING) outbox.end = end;
    outbox.flush();
    if (socket.writableEnded !== true) socket.end();
    this.startCloseTimer();
  }

  /** Destroys the socket if the peer does not close its half in time (RFC 6455 §7.1.1). */
  startCloseTimer() {
    const { socket } = this;
    const ends = typeof socket.destroy === 'function' && typeof socket.once === 'function';
    if (!ends || this.isEnding || socket.destroyed === true) return;
    this.isEnding = true;
    closings.start(this, this.limits.closeTimeout);
  }

  /** Restarts closeTimeout if it is running: a deferred send has made progress. */
  renewCloseTimer() {
    if (this.isEnding) closings.start(this, this.limits.closeTimeout);
  }

  stopCloseTimer() {
    if (this.isEnding) closings.cancel(this, this.limits.closeTimeout);
    this.isEnding = false;
  }

  /** Frees what the core holds; the socket is closed. */
  release() {
    if (this.id === -1) return;
    leave(this);
    this.stopCloseTimer();
    // RFC 6455 §7.1.5: 1006 stands for a connection that ended without a close frame.
    this.closeCode ??= 1006;
    this.closeReason ??= '';
    const { bytesReceived, bytesSent, extension } = this;
    const volumes = extension.agreement === 0 ? null : this.volumes;
    this.last = { bytesReceived, bytesSent, volumes };
    codec.release(this.id);
    collected.unregister(this);
    this.id = -1;
    this.assembly = undefined;
    this.pongs = null;
    this.backlog = null;
    this.inbox = null;
  }

  /** Whether something is yet to be delivered, by a resume or behind a handler that has thrown. */
  get waits() {
    return this.backlog !== null && (this.paused !== 0 || this.attachment !== null);
  }

  /** Ends our half behind the peer's. */
  endToo() {
    const { socket } = this;
    if (socket.writableEnded !== true && socket.destroyed !== true) socket.end();
    this.startCloseTimer();
  }

  /** Ends the connection of a socket that has ended or is closed, once all it brought is delivered. */
  settle() {
    if (this.isLate && this.waits && !isDropped(this.socket)) return;
    if (this.isLate) this.endToo();
    if (!this.isOver || this.id === -1) return;
    this.release();
    if (this.attachment !== null) inScope(this, this.attachment.close, this.attachment);
  }
}

function openCore(limits, { agreement, tuning, threshold }) {
  const { maxFragments, maxPayload, stream } = limits;
  if (agreement !== 0) keepResting();
  return stream === true
    ? codec.open(maxPayload, maxFragments, 1, agreement, tuning, threshold)
    : codec.open(Math.min(maxPayload, WHOLE_MAX), maxFragments, 0, agreement, tuning, threshold);
}

/** What an extension has done, both ways: `codec.volumes` writes six numbers. */
const volumes = new Float64Array(6);
const volumeBytes = new Uint8Array(volumes.buffer);

function readVolumes(id) {
  codec.volumes(id, volumeBytes);
  return [...volumes];
}

const closings = deadlinesBy(({ socket }) => socket.destroy());

/** The connections of objects that take no properties; no socket of Node's is one. */
const sealed = new WeakMap();
let anySealed = false;

/** The connection of a socket, or undefined. */
function peek(socket) {
  const connection = socket?.[kConnection];
  return connection === undefined && anySealed ? sealed.get(socket) : connection;
}

function remember(socket, connection) {
  if (Object.isExtensible(socket)) {
    Object.defineProperty(socket, kConnection, { value: connection, writable: true, configurable: true });
  } else {
    anySealed = true;
    sealed.set(socket, connection);
  }
}

/**
 * The connection of a socket, or undefined. A socket of WS.listen whose handshake is not done is given one
 * that refuses sends, which would precede the answer.
 */
function knownOf(socket) {
  const known = peek(socket);
  if (known !== undefined) return known;
  const handshake = handshakeOf(socket);
  return handshake === undefined ? undefined : open(socket, limitDefaults, { handshake });
}

/**
 * The connection of a socket; a new one where it has none yet.
 * @throws TypeError for what is no socket
 */
function connectionOf(socket) {
  return knownOf(socket) ?? open(socket, limitDefaults);
}

/**
 * For calls of a program that reads its socket itself.
 * @throws Error where the library reads it
 */
function checkNotRead(connection) {
  if (connection === undefined || (connection.attachment === null && connection.handshake === null)) return;
  throw errors.invalidState('The library reads this socket itself: its messages go to the handlers');
}

function checkSocket(socket, name = 'socket') {
  if (typeof socket?.write !== 'function' || typeof socket.end !== 'function') {
    throw errors.invalidArgType(name, 'an object with write and end methods', socket);
  }
}

/**
 * Gives a socket a new connection: its handshake has just ended.
 * @param agreed what it has come to: `extension`; or a `handshake` that is not done
 */
function open(socket, limits, { extension = NO_EXTENSION, handshake = null } = {}) {
  checkSocket(socket);
  const known = peek(socket);
  // What it has gathered goes before all that is sent from here on.
  known?.outbox.flush();
  const connection = new Connection(socket, limits, extension);
  connection.handshake = handshake;
  remember(socket, connection);
  if (!endsByItself(socket)) collected.register(connection, connection.id, connection);
  if (known !== undefined) {
    known.release();
    return connection;
  }
  if (socket.destroyed === true && handshake === null) {
    // It is no connection any more, and its 'close' may be over.
    connection.release();
    return connection;
  }
  if (handshake === null) countOpened();
  if (typeof socket.on === 'function') {
    // A help, not a need: without events the garbage collector does the rest.
    socket.on('end', socketOnEnd);
    socket.on('close', socketOnClose);
  }
  return connection;
}

/** Whether a socket lives until its 'close': Node holds a connected one of its own. */
function endsByItself(socket) {
  return socket instanceof Socket && socket.pending === false && socket.destroyed === false;
}

/** The peer has ended its half. Whatever it was, this connection is over (RFC 6455 §7.1.7). */
function socketOnEnd() {
  const connection = peek(this);
  if (connection.waits) connection.isLate = true;
  else connection.endToo();
}

/** Once a handshake is done: the peer may have ended its half before, and no 'end' follows then. */
function lookForEnd(socket) {
  if (socket.readableEnded === true) process.nextTick(socketOnEnd.bind(socket));
}

/**
 * Whether the program has destroyed a socket that had neither ended nor failed. False for streams other than
 * Node's sockets: their transport destroys them, too.
 */
function isDropped(socket) {
  const { destroyed, errored, writableFinished } = socket;
  return destroyed === true && writableFinished === false && errored?.syscall === undefined
    && socket instanceof Socket;
}

function socketOnClose() {
  const connection = peek(this);
  leave(connection);
  connection.isOver = true;
  connection.stopCloseTimer();
  connection.settle();
  if (connection.id !== -1) heedDestroy(connection);
}

/** Has a further `destroy` of a closed socket drop what is still to be delivered. */
function heedDestroy(connection) {
  const { destroy } = connection.socket;
  if (typeof destroy !== 'function') return;
  const value = function (...args) {
    connection.isLate = false;
    process.nextTick(settle, connection);
    return Reflect.apply(destroy, this, args);
  };
  Reflect.defineProperty(connection.socket, 'destroy', { value, writable: true, configurable: true });
}

function settle(connection) {
  connection.settle();
}

/** Our role, as the flags of the socket tell it at this moment. */
function roleOf(socket) {
  if (socket._is_server === true) return SERVER;
  return socket._is_client === true ? CLIENT : NO_ROLE;
}

module.exports = {
  SERVER,
  CLIENT,
  PROGRAM,
  INCOMING,
  READER,
  BACKGROUND,
  checkNotRead,
  checkSocket,
  connectionOf,
  isDropped,
  knownOf,
  limitDefaults,
  limitOptions,
  lookForEnd,
  open,
  peek,
  roleOf
};
