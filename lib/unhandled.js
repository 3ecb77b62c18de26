'use strict';

// What becomes of errors that no callback and no handler takes.

/** A listener for errors that are nobody's concern any more. */
function ignore() {}

/** For `process.nextTick`: makes an uncaught exception of an error, out of the way of what runs now. */
function rethrow(error) {
  throw error;
}

module.exports = { ignore, rethrow };
