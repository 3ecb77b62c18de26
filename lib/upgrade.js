'use strict';

const diagnostics = require('./diagnostics.js');
const errors = require('./errors.js');
const native = require('./native.js');
const {
  PROGRAM, checkNotRead, checkSocket, limitDefaults, limitOptions, lookForEnd, open, peek
} = require('./connection.js');
const { answerOffers, checkDeflate } = require('./deflate.js');
const { handshakeOf } = require('./listener.js');
const { boolean, checkOptions } = require('./options.js');
const { countRefused } = require('./stats.js');

const upgradeOptions = {
  ...limitOptions,
  strict: boolean,
  protocols: checkProtocols,
  perMessageDeflate: checkDeflate
};
const upgradeDefaults = { ...limitDefaults, strict: false, protocols: undefined, perMessageDeflate: false };

/**
 * Answers a client's handshake (RFC 6455 §4.2.2) and makes the socket a server's.
 * @returns whether it was accepted
 */
function upgrade(socket, headers, options, callback) {
  // The article takes whatever is no function for no callback, and so may its programs' null.
  if (typeof options === 'function' || (options === null && callback === undefined)) {
    callback = options;
    options = undefined;
  }
  checkSocket(socket);
  // A second answer to one request would break the connection that the first has opened.
  if (handshakeOf(socket) !== undefined) throw errors.invalidState('WS.listen has this socket already');
  const known = peek(socket);
  checkNotRead(known);
  const done = typeof callback === 'function' ? callback : () => {};
  const checked = checkOptions(options, upgradeOptions, upgradeDefaults);
  // Nobody can be answered any more where the client has gone, or the program has ended the socket.
  const isOver = socket.destroyed === true || socket.writableEnded === true;
  if (isOver || headers === null || (typeof headers !== 'object' && typeof headers !== 'function')) {
    done(false);
    return false;
  }
  const verdict = native.checkUpgrade(fieldsOf(headers), checked.strict);
  if (verdict.response !== undefined) {
    countRefused(verdict.reason);
    diagnostics.refused(socket, { headers }, verdict);
    refuse(socket, verdict.response, done);
    return false;
  }
  const protocol = chooseProtocol(checked.protocols, verdict.protocols, headers);
  const extension = answerOffers(checked.perMessageDeflate, verdict.extensions);
  const connection = open(socket, checked, { extension });
  connection.paused = (known?.paused ?? 0) & PROGRAM;
  connection.protocol = protocol ?? '';
  socket._is_server = true;
  socket._is_client = false;
  const extensions = extension.text === '' ? undefined : extension.text;
  socket.write(native.upgradeResponse(verdict.accept, protocol, extensions));
  lookForEnd(socket);
  done(true);
  return true;
}

/** Of the headers, what the handshake is judged by. A field that is no string is as good as absent. */
function fieldsOf(headers) {
  const field = (name) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  return {
    host: field('host'),
    connection: field('connection'),
    upgrade: field('upgrade'),
    key: field('sec-websocket-key'),
    version: field('sec-websocket-version'),
    protocol: field('sec-websocket-protocol'),
    extensions: field('sec-websocket-extensions'),
    contentLength: field('content-length'),
    transferEncoding: field('transfer-encoding')
  };
}

function refuse(socket, response, done) {
  socket.write(response);
  try {
    done(false);
  } finally {
    // The answer says "Connection: close", so the connection does not stay, whoever forgets it.
    if (socket.destroyed !== true && socket.writableEnded !== true) socket.end();
  }
}

/** The subprotocol to answer with: always one that was offered, or none. */
function chooseProtocol(protocols, offered, headers) {
  if (protocols === undefined) return offered[0];
  if (Array.isArray(protocols)) return native.chooseProtocol(offered, protocols) ?? undefined;
  const chosen = protocols(offered, headers) ?? false;
  if (chosen === false) return undefined;
  if (!offered.includes(chosen)) {
    throw errors.invalidArgValue('options.protocols', 'must choose one of those offered, or false', chosen);
  }
  return chosen;
}

function checkProtocols(name, value) {
  if (typeof value === 'function') return;
  if (!Array.isArray(value) || !value.every((protocol) => typeof protocol === 'string')) {
    throw errors.invalidArgType(name, 'an array of strings or a function', value);
  }
}

module.exports = { checkProtocols, chooseProtocol, upgrade, upgradeDefaults, upgradeOptions };
