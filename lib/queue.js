'use strict';

/** What a waiting entry is counted as, beside its bytes. */
const OVERHEAD = 64;

/** First in, first out, with the memory that waits in it counted. */
class Queue {
  #entries = [];
  #head = 0;
  /** Bytes of all entries, each with a fixed overhead. */
  bytes = 0;

  get isEmpty() {
    return this.#head === this.#entries.length;
  }

  push(entry, size) {
    this.bytes += size + OVERHEAD;
    this.#entries.push({ entry, size });
  }

  /** Puts `other` in front of everything that is here. */
  prepend(other) {
    this.#entries = [...other.#entries.slice(other.#head), ...this.#entries.slice(this.#head)];
    this.#head = 0;
    this.bytes += other.bytes;
  }

  /** The oldest entry, or undefined. */
  shift() {
    if (this.isEmpty) return undefined;
    const { entry, size } = this.#entries[this.#head];
    this.#entries[this.#head++] = undefined;
    this.bytes -= size + OVERHEAD;
    // Moves are paid for by as many shifts before them.
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

module.exports = { Queue };
