'use strict';

/**
 * Deadlines of one length for any number of items, with one timer: in the order in which they were
 * started they also fall due.
 */
class Deadlines {
  #delay;
  #onDue;
  /** When each item is due, in ms of `performance.now()`; the first is the next. */
  #due = new Map();
  #timer = null;

  /**
   * @param delay milliseconds
   * @param onDue called with each item that is due; it is out of the list by then
   */
  constructor(delay, onDue) {
    this.#delay = delay;
    this.#onDue = onDue;
  }

  /** Starts the deadline of an item, or starts it anew. */
  start(item) {
    this.#due.delete(item);
    this.#due.set(item, performance.now() + this.#delay);
    if (this.#timer === null) this.#timer = this.#wait(this.#delay);
  }

  cancel(item) {
    this.#due.delete(item);
  }

  #wait(delay) {
    // What is waited for is a socket's: that keeps the process alive, not the timer.
    return setTimeout(() => this.#check(), Math.max(1, Math.ceil(delay))).unref();
  }

  #check() {
    const now = performance.now();
    try {
      for (const [item, due] of this.#due) {
        if (due > now) return;
        this.#due.delete(item);
        this.#onDue(item);
      }
    } finally {
      // Only now: an item that was started anew meanwhile is the last, not the next.
      const [next] = this.#due.values();
      this.#timer = next === undefined ? null : this.#wait(next - performance.now());
    }
  }
}

/** One list for each purpose and length, made when it is first asked for. */
function deadlinesBy(onDue) {
  const lists = new Map();
  return (delay) => {
    let list = lists.get(delay);
    if (list === undefined) lists.set(delay, list = new Deadlines(delay, onDue));
    return list;
  };
}

module.exports = { deadlinesBy };
