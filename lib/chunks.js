'use strict';

const { FastBuffer, NO_BYTES, copyOf, forbidTransfer } = require('./memory.js');

// The chunks of a stream whose socket is read into the library's buffer: copies that whoever gets them may keep.
// They lie one behind the other, as Node's own small Buffers do, and not among payloads, which are kept for longer.

/** Bytes of a slab. A kept chunk pins one, so it is a small one for small ones. */
const SMALL_SLAB = 8 * 1024;
const LARGE_SLAB = 64 * 1024;
/** Chunks of more bytes have a large slab begun. */
const SMALL_MAX = 512;
/** Chunks of more bytes have memory of their own. */
const SHARED_MAX = LARGE_SLAB / 2;

let slab = NO_BYTES;
let memory = null;
let used = 0;

/** A copy of what was read. Whoever is handed it counts it: the slab is not counted besides. */
function chunkOf(bytes) {
  const { length } = bytes;
  if (length > SHARED_MAX) return copyOf(bytes);
  if (length > slab.length - used) beginSlab(length > SMALL_MAX ? LARGE_SLAB : SMALL_SLAB);
  const chunk = new FastBuffer(memory, used, length);
  chunk.set(bytes);
  used += length;
  return chunk;
}

function beginSlab(size) {
  const next = Buffer.allocUnsafeSlow(size);
  forbidTransfer(next);
  slab = next;
  memory = next.buffer;
  used = 0;
}

module.exports = { chunkOf };
