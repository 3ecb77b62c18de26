'use strict';

const { FastBuffer, copyOf, forbidTransfer } = require('./memory.js');

// The chunks that a program reads from a socket of which the library has had Node read into its own buffer: copies,
// one behind the other in slabs, as Node's small Buffers are. Whoever keeps one keeps its slab, so small chunks have
// slabs of their own. None of this is counted for the collector: WS.receive counts the chunks that it is handed.

/** Where chunks of up to `longest` bytes are put. */
class ChunkSlab {
  #memory = null;
  #used;

  constructor(size, longest) {
    this.size = size;
    this.longest = longest;
    // There is no slab yet: as if one were used up.
    this.#used = size;
  }

  copy(bytes) {
    const { length } = bytes;
    if (length > this.size - this.#used) this.#renew();
    const chunk = new FastBuffer(this.#memory, this.#used, length);
    chunk.set(bytes);
    this.#used += length;
    return chunk;
  }

  #renew() {
    const slab = Buffer.allocUnsafeSlow(this.size);
    forbidTransfer(slab);
    this.#memory = slab.buffer;
    this.#used = 0;
  }
}

const small = new ChunkSlab(8 * 1024, 512);
const large = new ChunkSlab(64 * 1024, 32 * 1024);

/** A copy of bytes, which may share its memory with others. */
function chunkOf(bytes) {
  if (bytes.length <= small.longest) return small.copy(bytes);
  return bytes.length <= large.longest ? large.copy(bytes) : copyOf(bytes);
}

module.exports = { chunkOf };
