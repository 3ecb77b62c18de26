'use strict';

const native = require('./native.js');

// What a peer can do wrong: rows of the core's one table, by their number.

const faults = native.faults();

/** The number of the fault with that error code. */
function numberOf(code) {
  return faults.findIndex((fault) => fault.code === code);
}

/** The fault of that number as an error, with a stable `code` and the `closeCode` it is answered with. */
function faultError(number) {
  const { code, message, closeCode } = faults[number];
  return Object.assign(new Error(message), { code, closeCode });
}

module.exports = {
  faultError,
  MESSAGE_TOO_BIG: numberOf('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'),
  TOO_MANY_MESSAGES: numberOf('WS_ERR_TOO_MANY_MESSAGES'),
  TOO_MANY_WAITING: numberOf('WS_ERR_TOO_MANY_WAITING')
};
