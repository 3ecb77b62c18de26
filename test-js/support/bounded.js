'use strict';

/** Far more than anything takes here; it only turns a test that would hang into one that fails. */
const LIMIT = 30_000;

/** `promise`, or a failure that names what was waited for in vain. */
function bounded(what, promise) {
  let timer;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), LIMIT);
    timer.unref();
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

module.exports = { bounded };
