'use strict';

// A server and a client of this library on one TCP connection, attached on the sides that are named.

const { attach } = require('../../lib/attach.js');
const { Inbox } = require('./inbox.js');
const { connected } = require('./sockets.js');

/** Handlers that keep what happens, and an inbox of `{ payload, isBinary }`. */
function keeper(more = {}) {
  const inbox = new Inbox();
  const closed = new Inbox();
  const handlers = {
    message: (socket, payload, isBinary) => inbox.push({ payload, isBinary }),
    error: (socket, error) => { closed.error = error; },
    close: (socket, code, reason, wasClean) => closed.push({ code, wasClean, error: closed.error }),
    ...more
  };
  return { handlers, inbox, closed: closed.next() };
}

/**
 * Two connected sockets; `options` attaches the named ends: `{ server: options, client: options }`.
 * What each of them gets is in `at.server` and `at.client`.
 */
async function attachedPair(t, options, kind = 'net') {
  const sockets = await connected(t, kind);
  const at = {};
  for (const [end, { handlers, ...own }] of Object.entries(options)) {
    at[end] = keeper(handlers);
    attach(sockets[end], at[end].handlers, own);
  }
  return { ...sockets, at };
}

/** Longer than the tests' own timeouts: one that has failed by its timeout must not go on for good. */
const PATIENCE_MS = 60_000;

/** Runs the event loop until `condition` holds; the test's own timeout bounds it. */
async function until(condition) {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > PATIENCE_MS) throw new Error(`never came true: ${condition}`);
    await new Promise(setImmediate);
  }
}

module.exports = { attachedPair, keeper, until };
