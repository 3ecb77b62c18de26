'use strict';

const { markAsUntransferable } = require('node:worker_threads');
const { collector } = require('./collector.js');

/** The class of Node's own Buffers; its constructor is the cheapest way to a view. */
const FastBuffer = Buffer[Symbol.species];

const NO_BYTES = Buffer.alloc(0);

/** Bytes of a slab of incoming payloads. A kept message pins one slab, so it is a small one for small ones. */
const SMALL_SLAB = 8 * 1024;
const LARGE_SLAB = 32 * 1024;
/** Payloads of more bytes have a large slab begun: they would use a small one up too soon. */
const SMALL_MAX = 512;

/**
 * Where small incoming payloads are put, one behind the other, for all connections in turn.
 * Payloads belong to whoever got them: what is in use is never written again.
 */
const inbound = { slab: null, memory: null, used: 0 };
renewInbound(0);

/** Memory that is not filled with zeros first. */
function allocate(size) {
  const memory = Buffer.allocUnsafeSlow(size);
  collector.count(size, memory);
  return memory;
}

/** Such memory for views that go to different hands. */
function allocateShared(size) {
  const slab = allocate(size);
  forbidTransfer(slab);
  return slab;
}

/** Views of a buffer go to different hands: none of them may transfer it away from the others. */
function forbidTransfer(buffer) {
  markAsUntransferable(buffer.buffer);
}

/** A new slab of incoming payloads, with room for `size` bytes, which the first of them has. */
function renewInbound(size) {
  beginSlab(Math.max(size, size > SMALL_MAX ? LARGE_SLAB : SMALL_SLAB));
}

/** Begins a slab for a chunk of `size` bytes, so that all of its payloads lie in that one, if they are small. */
function fitInbound(size) {
  if (size <= SMALL_SLAB / 2) beginSlab(SMALL_SLAB);
  else if (size <= LARGE_SLAB) beginSlab(LARGE_SLAB);
}

function beginSlab(length) {
  inbound.slab = allocateShared(length);
  // A buffer's `buffer` is a call into V8, for whose price several views are made.
  inbound.memory = inbound.slab.buffer;
  inbound.used = 0;
}

/** Bytes `start` to `end` of a buffer, as a Buffer of its own. */
function view(buffer, start, end) {
  return new FastBuffer(buffer.buffer, buffer.byteOffset + start, end - start);
}

/** Bytes that one socket gives at a time: room for a frame of 64 KiB with its header, and more. */
const READ_BUFFER = 128 * 1024;

/**
 * What Node's handles read into, all of them. No program ever sees it; but whatever a program does in a
 * callback may have more read into it (under TLS, a write of nothing), so nothing may be left there by then.
 */
const handleBuffer = {
  whole: allocateShared(READ_BUFFER),
  memory: null,

  /** The bytes that were read last. */
  bytes(length) {
    return new FastBuffer(this.memory, 0, length);
  },

  holds(bytes) {
    return bytes.buffer === this.memory;
  }
};
handleBuffer.memory = handleBuffer.whole.buffer;

/** A copy in memory of its own. Not Buffer.from, whose pool is of 64 KiB in newer versions of Node. */
function copyOf(bytes) {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Memory that is given out in pieces, one behind the other; whoever keeps one keeps all of `size` bytes. */
class Pool {
  #allocate;
  #memory = null;
  #used;

  /** @param allocate a function like `allocateShared` */
  constructor(size, allocate) {
    this.size = size;
    this.#allocate = allocate;
    // There is no memory yet: as if it were used up.
    this.#used = size;
  }

  /** A piece of `length` bytes, which are no more than `size`. */
  take(length) {
    if (length > this.size - this.#used) {
      this.#memory = this.#allocate(this.size).buffer;
      this.#used = 0;
    }
    const piece = new FastBuffer(this.#memory, this.#used, length);
    this.#used += length;
    return piece;
  }
}

/** Assemblies of these sizes, in bytes, share a pool; it is at most eight times one of them. */
const POOLED_LEAST = 8 * 1024;
const POOLED_MOST = 32 * 1024;
const assemblies = new Pool(64 * 1024, allocateShared);

/**
 * The memory of a connection's message in progress: `capacity` bytes that begin with the first
 * `keep` of the present one. Native code asks for it as bytes arrive.
 */
function renewAssembly(assembly, capacity, keep) {
  const larger = capacity >= POOLED_LEAST && capacity <= POOLED_MOST
    ? assemblies.take(capacity)
    : allocate(capacity);
  if (keep > 0) assembly.copy(larger, 0, 0, keep);
  return larger;
}

/** The `length` bytes of a finished message; a copy where the rest would waste half of the memory. */
function takeAssembly(assembly, length) {
  if (length === assembly.length) return assembly;
  const message = view(assembly, 0, length);
  return length >= assembly.length / 2 ? message : copyOf(message);
}

module.exports = {
  READ_BUFFER,
  FastBuffer,
  NO_BYTES,
  Pool,
  inbound,
  allocate,
  allocateShared,
  copyOf,
  fitInbound,
  forbidTransfer,
  handleBuffer,
  renewInbound,
  renewAssembly,
  takeAssembly,
  view
};
