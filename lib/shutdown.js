'use strict';

const errors = require('./errors.js');
const native = require('./native.js');
const { listenerOf } = require('./listen.js');
const { checkOptions, integer } = require('./options.js');

const shutdownOptions = { code: checkCode, timeout: integer(0, 0x7fff_ffff) };
const shutdownDefaults = { code: 1001, timeout: 5000 };

/**
 * Ends a server of WS.listen with grace: it takes nobody any more, handshakes get a 503, connections
 * a close frame, and whoever is still there after `timeout` ms is destroyed.
 * @returns a promise that resolves when all of its WebSocket connections are gone
 */
function shutdown(server, options) {
  const listener = listenerOf(server);
  if (listener === undefined) {
    throw errors.invalidArgType('server', 'a server of WS.listen', server);
  }
  const { code, timeout } = checkOptions(options, shutdownOptions, shutdownDefaults);
  return listener.shutDown(code, timeout);
}

function checkCode(name, value) {
  if (typeof value !== 'number') throw errors.invalidArgType(name, 'a number', value);
  if (!native.isCloseCode(value)) {
    throw errors.outOfRange(name, '1000-1003, 1007-1014 or 3000-4999', value);
  }
}

module.exports = { shutdown, shutdownDefaults, shutdownOptions };
