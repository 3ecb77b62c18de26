'use strict';

const codec = require('./codec.js');

// What extensions keep to work with is given up when it has not been used for a while.

const INTERVAL = 30_000;

let timer = null;

/** Called for each connection that has an extension. */
function keepResting() {
  timer ??= setInterval(rest, INTERVAL).unref();
}

function rest() {
  if (codec.rest() > 0) return;
  // No connection has an extension any more: the next one starts again.
  clearInterval(timer);
  timer = null;
}

module.exports = { keepResting };
