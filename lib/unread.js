'use strict';

/** What a part that waits is counted as, beside its bytes. */
const OVERHEAD = 256;

/**
 * What waits unread in a Readable: the bytes, and the parts that they came in. A peer may send a
 * byte at a time, and a Buffer takes far more memory than that.
 */
class Unread {
  #readable;
  #overhead;
  #parts = 0;

  constructor(readable) {
    this.#readable = readable;
    // There the high-water mark counts the parts themselves.
    this.#overhead = readable.readableObjectMode ? 0 : OVERHEAD;
  }

  /** What waits, in the unit of the high-water mark. */
  get size() {
    return this.#readable.readableLength + this.#parts * this.#overhead;
  }

  /** Whether no more should come for now. */
  get isFull() {
    const { destroyed, readableHighWaterMark } = this.#readable;
    return !destroyed && this.size >= readableHighWaterMark;
  }

  /** Hands on a part. */
  push(part) {
    const before = this.#readable.readableLength;
    this.#readable.push(part);
    // It may be read already.
    if (this.#readable.readableLength > before) this.#parts++;
  }

  /**
   * To be told of each `read(size)` of the Readable, and of what that gave.
   * @returns whether more may come, for all that this knows
   */
  noteRead(size, chunk) {
    // Node does not tell how many parts a read took: all, if nothing is left. A reader that asks
    // for more than is here must get more, or it waits forever.
    const areGone = this.#readable.readableLength === 0 || (chunk === null && size !== 0);
    if (this.#parts === 0 || !areGone) return false;
    this.#parts = 0;
    return true;
  }
}

module.exports = { Unread };
