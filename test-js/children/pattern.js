'use strict';

// A long message whose every byte is known, made and checked block by block.

const { createHash } = require('node:crypto');
const { Readable } = require('node:stream');

const BLOCK = 64 * 1024;
const template = Buffer.concat(
  Array.from({ length: BLOCK / 32 }, (_, at) => createHash('sha256').update(`${at}`).digest())
);

/** Block `index`: the template, with the index at its start. */
function block(index) {
  const bytes = Buffer.from(template);
  bytes.writeDoubleBE(index, 0);
  return bytes;
}

/** A Readable of `size` bytes, a whole number of blocks. */
function source(size) {
  let index = 0;
  return new Readable({
    highWaterMark: BLOCK,
    read() { this.push(index * BLOCK < size ? block(index++) : null); }
  });
}

/** Checks chunks of any size against the pattern. */
class Checker {
  bytes = 0;
  #expected = block(0);

  take(chunk) {
    for (let at = 0; at < chunk.length;) {
      const offset = this.bytes % BLOCK;
      if (offset === 0) this.#expected.writeDoubleBE(this.bytes / BLOCK, 0);
      const count = Math.min(chunk.length - at, BLOCK - offset);
      if (this.#expected.compare(chunk, at, at + count, offset, offset + count) !== 0) {
        throw new Error(`wrong bytes after ${this.bytes}`);
      }
      at += count;
      this.bytes += count;
    }
  }
}

module.exports = { Checker, source };
