'use strict';

const { Socket } = require('node:net');
const codec = require('./codec.js');
const { FastBuffer, NO_BYTES, allocateShared } = require('./memory.js');
const { hasPlainHandle, writeToHandle } = require('./handle.js');
const { hold, isNodesOwn, isShadowed, letGo, writeOf, writeTo } = require('./hold.js');
const errors = require('./errors.js');
const { ticks } = require('./ticks.js');

const { table } = codec;

/** Bytes of a slab of outgoing frames. */
const OUTBOUND_SLAB = 64 * 1024;

/** The least that a region grows by: a few small frames. */
const REGION_STEP = 512;

/** Up to here several buffers are joined by a copy; beyond, they are written by writev. */
const JOIN_MAX = 16 * 1024;

/** Up to here the frames of a tick, or of a chunk, are gathered. */
const GATHER_MAX = 64 * 1024;

/** Where frames are put: regions of it belong to the connections that frames are gathered for. */
let slab;
let memory;
let top;
renewSlab(OUTBOUND_SLAB);

/** A new slab, with room for `size` bytes; native code holds it. */
function renewSlab(size) {
  const next = allocateShared(Math.max(OUTBOUND_SLAB, size));
  // Whatever ends this half-way, it is found to be gone, and renewed.
  slab = NO_BYTES;
  codec.lend(next);
  memory = next.buffer;
  top = 0;
  slab = next;
}

/**
 * The frames on their way to one socket.
 *
 * The first frame of a tick is written at once, unless more are to be expected behind it. Further ones
 * of the same tick, and all that are sent while a chunk is processed, are gathered side by side in a
 * region of the slab and leave in one write when the tick, or the chunk, ends.
 */
class Outbox {
  /**
   * @param bound bytes that may wait in the socket; the peer is dropped where one more message is sent
   */
  constructor(socket, bound) {
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
    /** The region: `slab` from `start` to `limit`; up to `end` it is filled. */
    this.slab = null;
    this.memory = null;
    this.start = 0;
    this.end = 0;
    this.limit = 0;
    /** What was gathered before the region, or null. */
    this.segments = null;
    this.segmentBytes = 0;
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
    /** Own methods of the socket that are shadowed for now; see hold.js. */
    this.held = null;
  }

  /** Bytes that are gathered and not yet written. */
  get pending() {
    return this.segmentBytes + this.end - this.start;
  }

  /**
   * Makes sure of `size` bytes of the slab behind `end`, where that is a size: a program may have given
   * a Buffer another length than that of its bytes, which native code finds.
   */
  reserve(size) {
    // The slab was transferred away; native code still holds the old address.
    if (slab.length === 0) renewSlab(OUTBOUND_SLAB);
    if (this.slab === slab && this.end + size <= this.limit) return;
    const step = size > REGION_STEP ? size : REGION_STEP;
    const isLast = this.slab === slab && this.limit === top;
    if (isLast && this.end + size <= slab.length) {
      this.limit = top = Math.min(slab.length, this.end + step);
      return;
    }
    this.seal();
    if (top + size > slab.length) renewSlab(size);
    this.slab = slab;
    this.memory = memory;
    this.start = this.end = top;
    this.limit = top = Math.min(slab.length, top + step);
  }

  /**
   * Puts a frame of `payload` into the `room` bytes that it needs at most, as a part of what is gathered.
   * @returns where it ends; or below 0, why there is none
   */
  put(id, role, kind, payload, room) {
    this.reserve(room);
    table[codec.FRAME_OF] = id;
    table[codec.FRAME_ROLE] = role;
    table[codec.FRAME_KIND] = typeof payload === 'string' ? kind | codec.STRING : kind;
    table[codec.FRAME_AT] = this.end;
    table[codec.FRAME_LIMIT] = this.limit;
    const end = codec.put(payload);
    if (end >= 0) this.end = end;
    return end;
  }

  /** Puts in the frame that was packed last, of so many bytes. */
  putPacked(length) {
    this.reserve(length);
    this.end = codec.packed(this.slab, this.end);
  }

  /** Gathers a buffer as it is, without a copy. */
  append(buffer) {
    this.seal();
    this.segments ??= [];
    this.segments.push(buffer);
    this.segmentBytes += buffer.length;
  }

  /** Ends the region: what it holds becomes a segment, the rest is free again. */
  seal() {
    if (this.slab === null) return;
    const frames = this.cut();
    if (frames.length > 0) this.append(frames);
  }

  /** Ends the region: what it holds. */
  cut() {
    const { memory: region, start, end } = this;
    if (this.slab === slab && this.limit === top) top = end;
    this.slab = this.memory = null;
    this.start = this.end = this.limit = 0;
    if (start === end) return NO_BYTES;
    try {
      return new FastBuffer(region, start, end - start);
    } catch (error) {
      this.fail(error);
      return NO_BYTES;
    }
  }

  /** Frames that count as sent have been transferred away: nothing can follow them. */
  fail(error) {
    refuse(this.takeCallback());
    if (this.held !== null) letGo(this.socket, this);
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
    if (!hold(this.socket, this)) return this.flush();
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
      && this.segments === null && this.slab === null;
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
    if (this.held !== null) letGo(socket, this);
    if (frames.length === 0) return true;
    if (isOver(socket)) return refuse(callback);
    const accepted = this.give([frames], callback);
    // Frees the end of the slab for the next frames, where the kernel has all of it already.
    // Another socket than Node's own may keep what it was given.
    if (accepted && region === memory && socket.writableLength === 0 && isNodesOwn(socket)) {
      const { byteOffset, length } = frames;
      if (byteOffset + length === top) top = byteOffset;
    }
    return this.checkBound(accepted, frames.length);
  }

  flushSegments() {
    const { socket } = this;
    const buffers = this.take();
    if (buffers.length === 0) return true;
    const callback = this.takeCallback();
    if (this.held !== null) letGo(socket, this);
    return isOver(socket) ? refuse(callback) : this.write(buffers, callback);
  }

  /** Gives the region straight to the kernel → whether that has taken all of it; the rest stays. */
  flushRegion() {
    const { end, slab: region, socket, start } = this;
    if (isOver(socket) || !isFree(socket) || region.length === 0) return false;
    // An empty write would consume the socket's pending error without reporting it.
    const taken = start === end ? 0 : this.count(this.writeRegion());
    this.start += taken;
    if (taken !== end - start) return false;
    if (region === slab && this.limit === top) top = start;
    this.slab = this.memory = null;
    this.start = this.end = this.limit = 0;
    if (this.held !== null) letGo(socket, this);
    if (this.callbacks !== null) process.nextTick(this.takeCallback(), null);
    return true;
  }

  /** Has native code write the region, which it holds already where that is of the present slab. */
  writeRegion() {
    const { channel, end, slab: region, start } = this;
    if (region !== slab) return codec.write(channel, region, start, end);
    table[codec.FRAME_OF] = channel;
    table[codec.FRAME_AT] = start;
    table[codec.FRAME_LIMIT] = end;
    return codec.writeLent();
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

  /** The buffers to write; the outbox is empty after that. */
  take() {
    this.seal();
    const { segments, segmentBytes: bytes } = this;
    this.segments = null;
    this.segmentBytes = 0;
    if (lengthOf(segments) !== bytes) {
      this.fail(new TypeError('Frames that were to be sent have been transferred away'));
      return [];
    }
    return segments.length > 1 && bytes <= JOIN_MAX ? [Buffer.concat(segments, bytes)] : segments;
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

function lengthOf(buffers) {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  return length;
}

/** Tells whoever sends that the connection is closing or closed, which is no error of theirs. */
function refuse(callback) {
  if (callback !== undefined) process.nextTick(callback, errors.socketClosed());
  return false;
}

function writeAll(socket, buffers, callback) {
  if (buffers.length === 1) return writeTo(socket, buffers[0], callback);
  if (typeof socket.cork !== 'function' || typeof socket.uncork !== 'function') {
    return writeTo(socket, Buffer.concat(buffers), callback);
  }
  const write = writeOf(socket);
  const last = buffers.pop();
  socket.cork();
  for (const buffer of buffers) write.call(socket, buffer);
  const result = callback === undefined ? write.call(socket, last) : write.call(socket, last, callback);
  socket.uncork();
  return result;
}

module.exports = { Outbox, JOIN_MAX, refuse };
