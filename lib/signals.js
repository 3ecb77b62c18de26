'use strict';

// One listener on each AbortSignal, whatever the number of connections that it is to end: Node takes
// more than ten listeners on one signal for a leak.

/** What each signal ends. */
const watchers = new WeakMap();

/** Calls `item.abort()` when the signal is aborted. */
function watch(signal, item) {
  let items = watchers.get(signal);
  if (items === undefined) {
    watchers.set(signal, items = new Set());
    signal.addEventListener('abort', signalOnAbort);
  }
  items.add(item);
}

function unwatch(signal, item) {
  const items = watchers.get(signal);
  if (items?.delete(item) && items.size === 0) forget(signal);
}

function forget(signal) {
  watchers.delete(signal);
  signal.removeEventListener('abort', signalOnAbort);
}

function signalOnAbort() {
  const items = watchers.get(this);
  forget(this);
  for (const item of items) item.abort();
}

module.exports = { watch, unwatch };
