'use strict';

// Not the globals, which a test may have stopped, for good if it runs all that they are given.
const { setImmediate, setTimeout } = require('node:timers');

/**
 * Deadlines of one length for any number of items, with one timer: in the order in which they were
 * started they also fall due.
 */
class Deadlines {
  #delay;
  #onDue;
  #onEmpty;
  /** When each item is due, in ms of `performance.now()`; the first is the next. */
  #due = new Map();
  #timer = null;

  /**
   * @param delay milliseconds
   * @param onDue called with each item that is due; it is out of the list by then
   * @param onEmpty called when there is neither an item nor a timer left
   */
  constructor(delay, onDue, onEmpty) {
    this.#delay = delay;
    this.#onDue = onDue;
    this.#onEmpty = onEmpty;
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
    // Timers come before I/O: after a stall of the event loop, what waits in the kernel is read first.
    const check = () => setImmediate(() => this.#check());
    // What is waited for is a socket's: that keeps the process alive, not the timer.
    return setTimeout(check, Math.max(1, Math.ceil(delay))).unref();
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
      if (this.#timer === null) this.#onEmpty();
    }
  }
}

/**
 * Deadlines for one purpose: a list for each length of time that is in use.
 * @param onDue called with each item that is due
 */
function deadlinesBy(onDue) {
  const lists = new Map();
  return {
    /** Starts the deadline of an item, `delay` ms from now, or starts it anew. */
    start(item, delay) {
      let list = lists.get(delay);
      if (list === undefined) {
        list = new Deadlines(delay, onDue, () => lists.delete(delay));
        lists.set(delay, list);
      }
      list.start(item);
    },

    /** Takes back what was started with the same `delay`. */
    cancel(item, delay) {
      lists.get(delay)?.cancel(item);
    },

    /** How many lengths of time are in use. */
    get size() {
      return lists.size;
    }
  };
}

module.exports = { deadlinesBy };
