'use strict';

const codec = require('./codec.js');
const { FastBuffer, NO_BYTES, allocateShared } = require('./memory.js');

const { table } = codec;

/** Bytes of a slab of outgoing frames. */
const OUTBOUND_SLAB = 64 * 1024;

/** The least that a region grows by: a few small frames. */
const REGION_STEP = 512;

/** Up to here several buffers are joined by a copy; beyond, they are written by writev. */
const JOIN_MAX = 16 * 1024;

/** Where frames are put: regions of it belong to the connections that frames are gathered for. */
let slab;
let memory;
/** Where the part begins that no region has. */
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
 * Frames that are gathered for one socket: side by side in a region of the slab, and before that whole buffers.
 * A subclass says by `fail` what becomes of frames that a program has transferred away.
 */
class Gathered {
  constructor() {
    /** The region: `slab` from `start` to `limit`; up to `end` it is filled. */
    this.slab = null;
    this.memory = null;
    this.start = 0;
    this.end = 0;
    this.limit = 0;
    /** What was gathered before the region, or null. */
    this.segments = null;
    this.segmentBytes = 0;
  }

  /** Bytes that are gathered. */
  get pending() {
    return this.segmentBytes + this.end - this.start;
  }

  get isEmpty() {
    return this.segments === null && this.slab === null;
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
    if (this.isLast && this.end + size <= slab.length) {
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

  /** Whether the region is the last one of the present slab: what is behind it nobody has. */
  get isLast() {
    return this.slab === slab && this.limit === top;
  }

  /** Ends the region: what it holds. */
  cut() {
    const { memory: region, start, end } = this;
    this.leave(end);
    if (start === end) return NO_BYTES;
    try {
      return new FastBuffer(region, start, end - start);
    } catch (error) {
      this.fail(error);
      return NO_BYTES;
    }
  }

  /** Ends the region, whose bytes from `from` on are free again. */
  leave(from) {
    if (this.isLast) top = from;
    this.slab = this.memory = null;
    this.start = this.end = this.limit = 0;
  }

  /** Has native code write the region, which it holds already where that is of the present slab. */
  writeRegion(channel) {
    const { end, slab: region, start } = this;
    if (region !== slab) return codec.write(channel, region, start, end);
    table[codec.FRAME_OF] = channel;
    table[codec.FRAME_AT] = start;
    table[codec.FRAME_LIMIT] = end;
    return codec.writeLent();
  }

  /** All that is gathered, as buffers; nothing is after that. */
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
}

/** Frees the end of the slab, if that is where these frames of a region were. */
function giveBack(region, { byteOffset, length }) {
  if (region === memory && byteOffset + length === top) top = byteOffset;
}

function lengthOf(buffers) {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  return length;
}

module.exports = { Gathered, JOIN_MAX, giveBack, lengthOf };
