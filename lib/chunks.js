'use strict';

const { Pool, copyOf, forbidTransfer } = require('./memory.js');

// The chunks that a program reads from a socket of which the library has had Node read into its own buffer: copies,
// one behind the other in pools, as Node's small Buffers are. Whoever keeps one keeps its pool, so small chunks have
// a pool of their own. None of this is counted for the collector: WS.receive counts the chunks that it is handed.

/** Chunks of up to so many bytes, and longer ones that share memory. */
const SMALL_MAX = 512;
const LARGE_MAX = 32 * 1024;

const small = new Pool(8 * 1024, allocate);
const large = new Pool(64 * 1024, allocate);

function allocate(size) {
  const memory = Buffer.allocUnsafeSlow(size);
  forbidTransfer(memory);
  return memory;
}

/** A copy of bytes, which may share its memory with others. */
function chunkOf(bytes) {
  const { length } = bytes;
  if (length > LARGE_MAX) return copyOf(bytes);
  const chunk = (length <= SMALL_MAX ? small : large).take(length);
  chunk.set(bytes);
  return chunk;
}

module.exports = { chunkOf };
