'use strict';

const errors = require('./errors.js');
const { checkHandlers, connectionDefaults, connectionOptions } = require('./attach.js');
const { ClientHandshake } = require('./client-handshake.js');
const { advise, checkOptions, integer } = require('./options.js');
const { parseUrl } = require('./url.js');

const connectOptions = {
  ...connectionOptions,
  protocols: checkProtocols,
  headers: checkHeaders,
  origin: checkString,
  tls: checkTls,
  signal: checkSignal,
  maxRedirects: integer(0, 100),
  agent: checkAgent,
  createConnection: checkFunction,
  handshakeTimeout: integer(1, 0x7fff_ffff)
};
const connectDefaults = {
  ...connectionDefaults,
  protocols: [],
  headers: {},
  origin: undefined,
  tls: undefined,
  signal: undefined,
  maxRedirects: 0,
  agent: undefined,
  createConnection: undefined,
  handshakeTimeout: 10_000
};

/** What net.connect, tls.connect and other clients have among their options. */
const ELSEWHERE = {
  ...advise('It belongs to options.tls', [
    'ALPNProtocols', 'ca', 'cert', 'checkServerIdentity', 'ciphers', 'key', 'maxVersion', 'minVersion', 'passphrase',
    'pfx', 'rejectUnauthorized', 'secureContext', 'servername', 'session'
  ]),
  ...advise('The URL tells it', ['auth', 'host', 'hostname', 'path', 'port', 'socketPath']),
  ...advise('A function of options.createConnection may use it', [
    'autoSelectFamily', 'family', 'hints', 'localAddress', 'localPort', 'lookup'
  ])
};

/**
 * Opens a connection. Then either `open(socket, response)` is called, or `error(socket, error)`,
 * exactly one of the two, and never before this returns; an error without a handler is an uncaught
 * exception. Until `open`, sends are refused.
 *
 * @param url a `ws:`, `wss:` or `ws+unix:` URL; its user and password become Basic authentication
 * @returns the socket. Where redirects are followed it is that of the first hop, and `open` gets the
 *   one that is the connection. `null` where an agent has yet to make one.
 * @throws for what is wrong with the arguments
 */
function connect(url, handlers, options) {
  const { target, authorization } = parseUrl(url);
  checkHandlers(handlers);
  if (handlers.upgrade !== undefined) {
    throw errors.invalidArgValue('handlers.upgrade', 'is for servers only', handlers.upgrade);
  }
  const checked = checkOptions(options, connectOptions, connectDefaults, 'options', ELSEWHERE);
  if (checked.agent !== undefined && checked.createConnection !== undefined) {
    throw errors.invalidArgValue('options.createConnection', 'cannot be used beside options.agent', checked.createConnection);
  }
  const handshake = new ClientHandshake(target, fieldsOf(checked.headers, authorization), handlers, checked);
  handshake.start();
  return handshake.socket;
}

/** Names and values in turn; the program's own Authorization comes before that of the URL. */
function fieldsOf(headers, authorization) {
  const fields = Object.entries(headers);
  const isGiven = fields.some(([name]) => name.toLowerCase() === 'authorization');
  if (authorization !== null && !isGiven) fields.push(['Authorization', authorization]);
  return fields.flat();
}

function checkProtocols(name, value) {
  if (!Array.isArray(value) || !value.every((protocol) => typeof protocol === 'string')) {
    throw errors.invalidArgType(name, 'an array of strings', value);
  }
}

function checkHeaders(name, value) {
  checkObject(name, value);
  for (const [field, text] of Object.entries(value)) checkString(`${name}.${field}`, text);
}

/** Where a connection leads to is the URL's to say. */
const NOT_FOR_TLS = ['host', 'port', 'path', 'socket'];

function checkTls(name, value) {
  checkObject(name, value);
  const wrong = NOT_FOR_TLS.find((option) => value[option] !== undefined);
  if (wrong !== undefined) {
    throw errors.invalidArgValue(`${name}.${wrong}`, 'is taken from the URL; use options.createConnection', value[wrong]);
  }
}

function checkAgent(name, value) {
  if (typeof value?.createConnection !== 'function') {
    throw errors.invalidArgType(name, 'an http.Agent', value);
  }
}

function checkSignal(name, value) {
  if (!(value instanceof AbortSignal)) throw errors.invalidArgType(name, 'an AbortSignal', value);
}

function checkObject(name, value) {
  // A Map or Headers has no properties: nothing of it would count.
  if (value === null || typeof value !== 'object' || Symbol.iterator in value) {
    throw errors.invalidArgType(name, 'a plain object', value);
  }
}

function checkFunction(name, value) {
  if (typeof value !== 'function') throw errors.invalidArgType(name, 'a function', value);
}

function checkString(name, value) {
  if (typeof value !== 'string') throw errors.invalidArgType(name, 'a string', value);
}

module.exports = { connect, connectDefaults, connectOptions };
