'use strict';

const errors = require('./errors.js');
const { Attachment } = require('./attachment.js');
const {
  SERVER, knownOf, limitDefaults, limitOptions, lookForEnd, open, peek, roleOf
} = require('./connection.js');
const { NO_EXTENSION, agreedElsewhere, checkDeflate } = require('./deflate.js');
const { boolean, checkOptions, integer, nearest, oneOf } = require('./options.js');

const MINUTE = 60_000;

/** What every connection takes whose socket the library reads. */
const connectionOptions = {
  ...limitOptions,
  maxBufferedAmount: integer(1, Number.MAX_SAFE_INTEGER),
  maxMessageRate: checkRate,
  heartbeat: integer(0, 0x7fff_ffff),
  text: oneOf('buffer', 'string'),
  stream: boolean,
  perMessageDeflate: checkDeflate,
  transport: oneOf('auto', 'stream')
};
const rateOptions = { rate: integer(1, 1e9), burst: integer(1, 1e9) };
const connectionDefaults = {
  ...limitDefaults,
  maxBufferedAmount: 64 * 1024 * 1024,
  maxMessageRate: undefined,
  heartbeat: MINUTE,
  text: 'buffer',
  stream: false,
  perMessageDeflate: false,
  transport: 'auto'
};

const attachOptions = { ...connectionOptions, head: checkHead };
const attachDefaults = { ...connectionDefaults, heartbeat: 0, head: undefined };

/** What `ws` calls what is a handler here, where the names are too far apart to be a slip of the finger. */
const ELSEWHERE = new Map([['connection', 'open'], ['verifyClient', 'upgrade']]);

const HANDLERS = ['upgrade', 'open', 'message', 'ping', 'pong', 'drain', 'close', 'error'];

/**
 * Has the library read a socket whose handshake is done.
 * @returns the socket
 */
function attach(socket, handlers, options) {
  if (typeof socket?.on !== 'function') {
    throw errors.invalidArgType('socket', 'a socket or another Duplex', socket);
  }
  checkHandlers(handlers);
  const checked = checkOptions(options, attachOptions, defaultsOf(socket));
  return attachChecked(socket, handlers, checked, { head: checked.head });
}

/** The same, where the arguments have been checked, with what the handshake has come to. */
function attachChecked(socket, handlers, options, { extension, head, protocol, request, data }) {
  const known = peek(socket);
  if (known !== undefined) checkFree(known);
  // It has closed meanwhile: that is no error, but there is nothing to open.
  if (socket.destroyed === true) return socket;
  const agreed = agreedTo(socket, known, extension, options);
  const connection = open(socket, options, { extension: agreed });
  connection.paused = known?.paused ?? 0;
  connection.protocol = protocol ?? known?.protocol ?? '';
  connection.outbox.mayDelay = true;
  connection.attachment = new Attachment(connection, handlers, options);
  lookForEnd(socket);
  connection.attachment.start(head, request, data);
  return socket;
}

/** @throws Error where somebody reads the connection already, or will */
function checkFree({ attachment, backlog, bytesReceived, handshake }) {
  if (attachment !== null) throw errors.invalidState('The socket is attached already');
  if (handshake !== null) {
    throw errors.invalidState('The handshake is not done, and the library attaches the socket itself');
  }
  if (backlog !== null || bytesReceived > 0) {
    throw errors.invalidState('The socket is read by WS.receive already');
  }
}

/** What the handshake has agreed to: WS.upgrade, the caller, or somebody who is no part of this. */
function agreedTo(socket, known, extension, { perMessageDeflate }) {
  if (known !== undefined && known.extension !== NO_EXTENSION) return known.extension;
  return extension ?? agreedElsewhere(perMessageDeflate, roleOf(socket) === SERVER);
}

/** What WS.attach takes where it is told nothing: the limits are those that WS.upgrade was given. */
function defaultsOf(socket) {
  const known = knownOf(socket);
  if (known === undefined) return attachDefaults;
  const { maxPayload, maxFragments, maxPendingPongs, closeTimeout } = known.limits;
  return { ...attachDefaults, maxPayload, maxFragments, maxPendingPongs, closeTimeout };
}

function checkHandlers(handlers) {
  // An array is the list of subprotocols that `ws` has in this place.
  if (handlers === null || typeof handlers !== 'object' || Array.isArray(handlers)) {
    throw errors.invalidArgType('handlers', 'an object', handlers);
  }
  for (const name of HANDLERS) {
    const handler = handlers[name];
    if (handler !== undefined && typeof handler !== 'function') {
      throw errors.invalidArgType(`handlers.${name}`, 'a function', handler);
    }
  }
  // The object is the program's own and may hold more; but not what is a slip of the finger. Short names
  // are soon near to one of ours (`log` to `pong`), so that but one letter may be wrong in them.
  for (const name of Object.keys(handlers)) {
    if (HANDLERS.includes(name) || typeof handlers[name] !== 'function') continue;
    const meant = ELSEWHERE.get(name) ?? nearest(name, HANDLERS, Math.max(1, name.length / 3));
    if (meant !== null) throw errors.unknownHandler(name, meant);
  }
}

function checkRate(name, value) {
  const { rate, burst } = checkOptions(value, rateOptions, {}, name);
  // Both are needed: one alone says nothing.
  rateOptions.rate(`${name}.rate`, rate);
  rateOptions.burst(`${name}.burst`, burst);
}

function checkHead(name, value) {
  if (!(value instanceof Uint8Array)) throw errors.invalidArgType(name, 'a Buffer', value);
}

module.exports = {
  HANDLERS,
  attach,
  attachChecked,
  attachDefaults,
  attachOptions,
  checkHandlers,
  connectionDefaults,
  connectionOptions,
  defaultsOf
};
