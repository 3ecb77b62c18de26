'use strict';

const { Socket } = require('node:net');
const codec = require('./codec.js');
const { Gathered, giveBack, lengthOf } = require('./gathered.js');
const { hasPlainHandle, writeToHandle } = require('./handle.js');
const errors = require('./errors.js');
const { isNodesOwn, isShadowed, restoreMethods, shadowMethods, writeAll } = require('./shadows.js');
const { ticks } = require('./ticks.js');

/** Up to here the frames of a tick, or of a chunk, are gathered. */
const GATHER_MAX = 64 * 1024;

/**
 * The frames on their way to one socket.
 *
 * The first frame of a tick is written at once, unless more are to be expected behind it. Further ones
 * of the same tick, and all that are sent while a chunk is processed, are gathered and leave in one write
 * when the tick, or the chunk, ends.
 */
class Outbox extends Gathered {
  /**
   * @param bound bytes that may wait in the socket; the peer is dropped where one more message is sent
   */
  constructor(socket, bound) {
    super();
    this.socket = socket;
    this.bound = bound;
    /** Whether a message, or a part of one, was sent since something was left to wait in the socket. */
    this.hasMessage = false;
    /** Bytes of control frames that wait in the socket behind the last message. */
    this.controlBytes = 0;
    /** The number of the connection where the reactor writes the socket, or -1. */
    this.channel = -1;
    /** Bytes that the reactor has written. */
    this.bytesWritten = 0;
    /** The error of a direct write that Node's socket has yet to tell, below 0; or 0. */
    this.fault = 0;
    this.callbacks = null;
    /**
     * Whether something is gathered for a socket of Node's, to which nothing has been done since: all of its methods
     * have that flushed first.
     */
    this.isGathering = false;
    /** Whether a chunk is being processed, which ends with a flush. */
    this.isReceiving = false;
    /** Whether the socket is being given something: what is sent from within its `write` comes behind that. */
    this.isWriting = false;
    /** The last tick in which something was sent. */
    this.tick = -1;
    /** Whether a tick's first frame may be gathered: by hand it must go at once. */
    this.mayDelay = false;
    /** Whether the next tick's first frame is gathered: this tick had several. */
    this.bursts = false;
    /** Whether the running tick's end flushes it. */
    this.queued = false;
    /** Own methods of the socket that are shadowed for now; see shadows.js. */
    this.shadowed = null;
  }

  /** Frames that count as sent have been transferred away: nothing can follow them. */
  fail(error) {
    refuse(this.takeCallback());
    if (this.shadowed !== null) restoreMethods(this.socket, this);
    this.socket.destroy?.(error);
  }

  /**
   * Sends a message that has been put in: at once, or with the rest of the tick or chunk.
   * @returns false where the socket has more in its queue than it wants: 'drain' follows
   */
  commit(callback) {
    this.hasMessage = true;
    if (callback !== undefined) {
      this.callbacks ??= [];
      this.callbacks.push(callback);
    }
    return this.commitControl();
  }

  /** The same for a control frame. */
  commitControl() {
    if (this.isGathering && isShadowed(this.socket, this)) {
      if (!this.isReceiving) this.bursts = this.mayDelay;
      return this.pending < GATHER_MAX || this.flush();
    }
    if (!this.isReceiving && !this.isWriting) {
      const isFirst = this.tick !== ticks.now();
      const { bursts } = this;
      this.bursts = this.mayDelay && !isFirst;
      if (isFirst) {
        this.tick = ticks.start();
        if (!bursts) return this.flush();
      }
    }
    if (!shadowMethods(this.socket, this)) return this.flush();
    if (!this.isReceiving && !this.queued) ticks.flushAtEnd(this);
    if (this.isWriting) return true;
    const { socket } = this;
    if (socket.writableNeedDrain === true) return false;
    this.isGathering = socket instanceof Socket;
    // Only the socket itself can say that it has too much: no 'drain' follows where it had not.
    return this.pending < GATHER_MAX || this.flush();
  }

  /**
   * Sends a buffer as it is; where nothing is gathered, without a detour.
   * @returns as `commit` does
   */
  sendWhole(buffer, callback) {
    if (!this.isFirst()) {
      this.append(buffer);
      return this.commit(callback);
    }
    this.tick = ticks.start();
    this.hasMessage = true;
    return this.write([buffer], callback);
  }

  /** Whether what is sent now is the first of its tick, and so is written at once. */
  isFirst() {
    return !this.isReceiving && !this.isWriting && !this.bursts && this.tick !== ticks.now()
      && this.isEmpty;
  }

  /**
   * Lets a buffer that is the first of its tick be given to the kernel by somebody else, who tells
   * `wrote` what has come of it.
   * @returns whether that can be done
   */
  beginDirect() {
    if (this.channel === -1 || !this.isFirst() || !isFree(this.socket)) return false;
    this.tick = ticks.start();
    return true;
  }

  /** Takes note of what a direct write of a buffer has come to; what is left of it waits in the socket. */
  wrote(buffer, result) {
    const taken = this.count(result);
    this.hasMessage = true;
    if (taken < buffer.length) this.writeToSocket([buffer.subarray(taken)]);
  }

  /**
   * Writes all that is gathered.
   * @returns false where the socket's queue is over its high-water mark
   */
  flush() {
    this.isGathering = false;
    if (this.segments !== null) return this.flushSegments();
    if (this.slab === null || (this.channel !== -1 && this.flushRegion())) return true;
    const { memory: region, socket } = this;
    const frames = this.cut();
    const callback = this.takeCallback();
    if (this.shadowed !== null) restoreMethods(socket, this);
    if (frames.length === 0) return true;
    if (isOver(socket)) return refuse(callback);
    const accepted = this.give([frames], callback);
    // Frees the end of the slab for the next frames, where the kernel has all of it already.
    // Another socket than Node's own may keep what it was given.
    if (accepted && socket.writableLength === 0 && isNodesOwn(socket)) giveBack(region, frames);
    return this.checkBound(accepted, frames.length);
  }

  flushSegments() {
    const { socket } = this;
    const buffers = this.take();
    if (buffers.length === 0) return true;
    const callback = this.takeCallback();
    if (this.shadowed !== null) restoreMethods(socket, this);
    return isOver(socket) ? refuse(callback) : this.write(buffers, callback);
  }

  /** Gives the region straight to the kernel → whether that has taken all of it; the rest stays. */
  flushRegion() {
    const { end, slab: region, socket, start } = this;
    if (isOver(socket) || !isFree(socket) || region.length === 0) return false;
    // An empty write would consume the socket's pending error without reporting it.
    const taken = start === end ? 0 : this.count(this.writeRegion(this.channel));
    this.start += taken;
    if (taken !== end - start) return false;
    this.leave(start);
    if (this.shadowed !== null) restoreMethods(socket, this);
    if (this.callbacks !== null) process.nextTick(this.takeCallback(), null);
    return true;
  }

  /** Writes buffers, straight to the kernel where that can be done. */
  write(buffers, callback) {
    const { channel, socket } = this;
    const rest = channel !== -1 && isFree(socket) ? this.writeDirect(buffers) : buffers;
    if (rest.length > 0) return this.writeToSocket(rest, callback);
    if (callback !== undefined) process.nextTick(callback, null);
    return true;
  }

  /** Gives buffers to the socket, whose peer is dropped where too much waits there. */
  writeToSocket(buffers, callback) {
    const written = lengthOf(buffers);
    return this.checkBound(this.give(buffers, callback), written);
  }

  /**
   * Gives buffers to the socket, whose `write` may be the program's, and send something itself.
   * @returns false where the socket's queue is over its high-water mark
   */
  give(buffers, callback) {
    const { isWriting, socket } = this;
    const isPast = this.channel === -1 && !isWriting && hasPlainHandle(socket) && isFree(socket);
    let isLeft = false;
    // Some versions of Node tell no error of a write that is under way as its socket is destroyed.
    const told = callback && ((error) => callback(isLeft ? error ?? socket.errored : error));
    this.isWriting = true;
    try {
      if (isPast && writeToHandle(socket, buffers)) {
        renewTimeout(socket);
        if (callback !== undefined) process.nextTick(callback, null);
        return true;
      }
      return writeAll(socket, buffers, told) !== false;
    } finally {
      this.isWriting = isWriting;
      isLeft = socket.writableLength > 0;
    }
  }

  /**
   * Gives buffers to the kernel, which takes what it has room for.
   * @returns what is left of them
   */
  writeDirect(buffers) {
    const { channel } = this;
    if (buffers.length === 2) {
      const taken = this.count(codec.writeBoth(channel, buffers[0], buffers[1]));
      return behind(buffers, 0, taken);
    }
    for (const [at, buffer] of buffers.entries()) {
      const taken = this.count(codec.write(channel, buffer, 0, buffer.length));
      if (taken < buffer.length) return behind(buffers, at, taken);
    }
    return [];
  }

  /**
   * Takes note of what a direct write has come to. Where it has failed, its bytes go to Node's socket
   * all the same, which is told the error then (reactor.js).
   * @returns the bytes that the kernel has taken
   */
  count(result) {
    if (result < 0) {
      this.fault = result;
      return 0;
    }
    this.bytesWritten += result;
    renewTimeout(this.socket);
    return result;
  }

  /**
   * Destroys the socket if more than `bound` bytes wait in front of a message; the message itself may be any
   * size. Control frames may wait behind it: of them only those sent since are counted.
   */
  checkBound(accepted, written) {
    const { bound, hasMessage, socket } = this;
    // What was sent from within that write comes later.
    this.hasMessage = this.pending > 0;
    this.controlBytes = accepted || hasMessage ? 0 : this.controlBytes + written;
    const waiting = hasMessage ? socket.writableLength - written : this.controlBytes;
    if (!accepted && waiting > bound) socket.destroy(errors.bufferOverflow(socket.writableLength, bound));
    return accepted;
  }

  takeCallback() {
    const { callbacks } = this;
    this.callbacks = null;
    if (callbacks === null) return undefined;
    if (callbacks.length === 1) return callbacks[0];
    // One that throws is an uncaught exception, and the others are called all the same.
    return (error) => callbacks.forEach((callback) => process.nextTick(callback, error));
  }
}

/** Whether nothing can be written to a socket any more. */
function isOver(socket) {
  return socket.destroyed === true || socket.writableEnded === true;
}

/** Whether nothing waits in a socket of Node's, which would be overtaken, or is to wait there. */
function isFree(socket) {
  return socket.writableLength === 0 && socket.writableCorked === 0;
}

/** Begins a socket's idle time anew, as a write of Node's does. */
function renewTimeout(socket) {
  if (socket.timeout) socket._unrefTimer();
}

/** What comes behind so many bytes of the buffers from `at` on. */
function behind(buffers, at, bytes) {
  while (at < buffers.length && bytes >= buffers[at].length) bytes -= buffers[at++].length;
  if (at === buffers.length) return [];
  return [buffers[at].subarray(bytes), ...buffers.slice(at + 1)];
}

/** Tells whoever sends that the connection is closing or closed, which is no error of theirs. */
function refuse(callback) {
  if (callback !== undefined) process.nextTick(callback, errors.socketClosed());
  return false;
}

module.exports = { Outbox, refuse };
