'use strict';

const { rethrow } = require('./unhandled.js');

/** Which turn of the event loop this is, as far as sending goes. */
const ticks = {
  current: 1,
  started: false,
  outboxes: [],

  /** The number of the running tick, or 0 while nothing has been sent in it. */
  now() {
    return this.started ? this.current : 0;
  },

  /** Counts the running tick as one in which something was sent. */
  start() {
    if (!this.started) {
      this.started = true;
      process.nextTick(endTick);
    }
    return this.current;
  },

  flushAtEnd(outbox) {
    this.start();
    outbox.queued = true;
    this.outboxes.push(outbox);
  }
};

function endTick() {
  const { outboxes } = ticks;
  ticks.started = false;
  ticks.current++;
  ticks.outboxes = [];
  for (const outbox of outboxes) {
    outbox.queued = false;
    try {
      outbox.flush();
    } catch (error) {
      // One socket's write that throws is an uncaught exception; the other sockets come first.
      process.nextTick(rethrow, error);
    }
  }
}

module.exports = { ticks };
