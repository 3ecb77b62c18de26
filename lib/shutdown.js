'use strict';

const errors = require('./errors.js');
const { listenerOf } = require('./listen.js');
const { checkOptions, integer } = require('./options.js');
const { checkCode } = require('./close.js');

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

module.exports = { shutdown, shutdownDefaults, shutdownOptions };
