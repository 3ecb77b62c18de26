'use strict';

const { allocate, view } = require('./memory.js');
const { hold, isNodesOwn, letGo } = require('./hold.js');
const errors = require('./errors.js');
const { rethrow } = require('./unhandled.js');

/** Bytes of a slab of outgoing frames. */
const OUTBOUND_SLAB = 64 * 1024;

/** The least that a region grows by: a few small frames. */
const REGION_STEP = 512;

/** Up to here several buffers are joined by a copy; beyond, they are written by writev. */
const JOIN_MAX = 16 * 1024;

/** Where frames are put: regions of it belong to the connections that frames are gathered for. */
let slab = allocate(OUTBOUND_SLAB);
let top = 0;

/**
 * The frames on their way to one socket.
 *
 * The first frame of a tick is written at once. Further ones of the same tick, and all that are
 * sent while a chunk is processed, are gathered side by side in a region of the slab and leave in
 * one write when the tick, or the chunk, ends.
 */
class Outbox {
  /**
   * @param bound bytes that may wait in the socket; the peer is dropped past it
   */
  constructor(socket, bound) {
    this.socket = socket;
    this.bound = bound;
    /** The region: `slab` from `start` to `limit`; up to `end` it is filled. */
    this.slab = null;
    this.start = 0;
    this.end = 0;
    this.limit = 0;
    /** What was gathered before the region, or null. */
    this.segments = null;
    this.segmentBytes = 0;
    this.callbacks = null;
    /** Whether a chunk is being processed, which ends with a flush. */
    this.receiving = false;
    /** The last tick in which something was sent. */
    this.tick = -1;
    /** Whether the running tick's end flushes it. */
    this.queued = false;
    /** Own methods of the socket that are shadowed for now; see hold.js. */
    this.held = null;
  }

  /** Bytes that are gathered and not yet written. */
  get pending() {
    return this.segmentBytes + this.end - this.start;
  }

  /** Makes sure of `size` bytes of `slab` behind `end`. */
  reserve(size) {
    if (this.end + size <= this.limit) return;
    const isLast = this.slab === slab && this.limit === top;
    if (isLast && this.end + size <= slab.length) {
      this.limit = top = Math.min(slab.length, this.end + Math.max(size, REGION_STEP));
      return;
    }
    this.seal();
    if (top + size > slab.length) {
      slab = allocate(Math.max(OUTBOUND_SLAB, size));
      top = 0;
    }
    this.slab = slab;
    this.start = this.end = top;
    this.limit = top = Math.min(slab.length, top + Math.max(size, REGION_STEP));
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
    const { slab: region, start, end } = this;
    if (region === slab && this.limit === top) top = end;
    this.slab = null;
    this.start = this.end = this.limit = 0;
    if (end > start) this.append(view(region, start, end));
  }

  /**
   * Sends what has been put in: at once, or with the rest of the tick or chunk.
   * @returns false where the socket's queue is over its high-water mark
   */
  commit(callback) {
    if (callback !== undefined) {
      this.callbacks ??= [];
      this.callbacks.push(callback);
    }
    if (!this.receiving && this.tick !== ticks.now()) {
      this.tick = ticks.start();
      return this.flush();
    }
    if (!hold(this.socket, this)) return this.flush();
    if (!this.receiving && !this.queued) ticks.flushAtEnd(this);
    const { writableHighWaterMark: mark, writableLength: queued, writableNeedDrain } = this.socket;
    if (writableNeedDrain === true) return false;
    if (!(queued + this.pending >= mark)) return true;
    // 'drain' follows only where the socket itself was given that much, before it takes any of it.
    return this.receiving ? false : this.flush();
  }

  /**
   * Sends a buffer as it is; where nothing is gathered, without a detour.
   * @returns as `commit` does
   */
  sendWhole(buffer, callback) {
    const isFirst = !this.receiving && this.tick !== ticks.now();
    if (!isFirst || this.segments !== null || this.slab !== null) {
      this.append(buffer);
      return this.commit(callback);
    }
    this.tick = ticks.start();
    return this.checkBound(write(this.socket, buffer, callback) !== false);
  }

  /**
   * Writes all that is gathered.
   * @returns false where the socket's queue is over its high-water mark
   */
  flush() {
    if (this.segments === null && this.slab === null) return true;
    const { socket } = this;
    const callback = this.takeCallback();
    const buffers = this.take();
    letGo(socket, this);
    if (buffers.length === 0) return true;
    if (socket.destroyed === true || socket.writableEnded === true) {
      if (callback !== undefined) process.nextTick(callback, errors.socketClosed());
      return false;
    }
    const accepted = writeAll(socket, buffers, callback) !== false;
    if (buffers.length === 1) reclaim(socket, buffers[0]);
    return this.checkBound(accepted);
  }

  /** Drops a peer for which too much waits. */
  checkBound(accepted) {
    const { bound, socket } = this;
    if (!accepted && socket.writableLength > bound) {
      socket.destroy(errors.bufferOverflow(socket.writableLength, bound));
    }
    return accepted;
  }

  /** The buffers to write; the outbox is empty after that. */
  take() {
    this.seal();
    const segments = this.segments ?? [];
    const bytes = this.segmentBytes;
    this.segments = null;
    this.segmentBytes = 0;
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

/** Frees the end of the slab for the next frames, where the kernel has all of it already. */
function reclaim(socket, buffer) {
  if (socket.writableLength !== 0 || buffer.buffer !== slab.buffer) return;
  const isLast = buffer.byteOffset - slab.byteOffset + buffer.length === top;
  // Another socket than Node's own may keep what it was given.
  if (isLast && isNodesOwn(socket)) top -= buffer.length;
}

function writeAll(socket, buffers, callback) {
  if (buffers.length === 1) return write(socket, buffers[0], callback);
  if (typeof socket.cork !== 'function' || typeof socket.uncork !== 'function') {
    return write(socket, Buffer.concat(buffers), callback);
  }
  const last = buffers.pop();
  socket.cork();
  for (const buffer of buffers) socket.write(buffer);
  const result = write(socket, last, callback);
  socket.uncork();
  return result;
}

function write(socket, buffer, callback) {
  return callback === undefined ? socket.write(buffer) : socket.write(buffer, callback);
}

/** Which turn of the event loop this is, as far as sending goes. */
const ticks = {
  current: 1,
  started: false,
  outboxes: [],

  /** The number of the running tick, or 0 while nothing has been sent in it. */
  now() {
    return this.started ? this.current : 0;
  },

  /** Counts the running tick as one in which something was sent. */
  start() {
    if (!this.started) {
      this.started = true;
      process.nextTick(endTick);
    }
    return this.current;
  },

  flushAtEnd(outbox) {
    outbox.queued = true;
    this.outboxes.push(outbox);
  }
};

function endTick() {
  const { outboxes } = ticks;
  ticks.started = false;
  ticks.current++;
  ticks.outboxes = [];
  for (const outbox of outboxes) {
    outbox.queued = false;
    try {
      outbox.flush();
    } catch (error) {
      // One socket's write that throws is an uncaught exception; the other sockets come first.
      process.nextTick(rethrow, error);
    }
  }
}

module.exports = { Outbox, JOIN_MAX };
