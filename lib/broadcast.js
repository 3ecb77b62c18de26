'use strict';

const errors = require('./errors.js');
const { connectionOf } = require('./connection.js');
const { frame } = require('./frame.js');
const { Frame } = require('./payload.js');
const { sendFrame } = require('./send.js');

/**
 * Sends one message to many sockets; it is encoded once.
 * @param sockets any iterable of them
 * @param payload what WS.frame takes, or one of its frames
 * @param options {binary, compress, fin}, where `payload` is no frame
 * @returns for how many sockets it was accepted: those whose connection is open
 */
function broadcast(sockets, payload, options) {
  if (typeof sockets?.[Symbol.iterator] !== 'function' || typeof sockets === 'string') {
    throw errors.invalidArgType('sockets', 'an iterable of sockets', sockets);
  }
  const prepared = prepare(payload, options);
  let accepted = 0;
  for (const socket of sockets) {
    if (sendFrame(connectionOf(socket), prepared) !== null) accepted++;
  }
  return accepted;
}

function prepare(payload, options) {
  if (!(payload instanceof Frame)) return frame(payload, options);
  if (options === undefined) return payload;
  throw errors.invalidArgValue('options', 'must be given to WS.frame, not with its frame', options);
}

module.exports = { broadcast };
