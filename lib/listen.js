'use strict';

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');
const errors = require('./errors.js');
const { checkOrigins } = require('./admission.js');
const { checkHandlers, connectionDefaults, connectionOptions } = require('./attach.js');
const { Handshake } = require('./handshake.js');
const { Listener } = require('./listener.js');
const { advise, boolean, checkOptions, integer } = require('./options.js');
const { keepPages } = require('./page.js');
const { checkProtocols } = require('./upgrade.js');

const listenOptions = {
  ...connectionOptions,
  strict: boolean,
  protocols: checkProtocols,
  origins: checkOrigins,
  maxConnections: integer(1, Number.MAX_SAFE_INTEGER),
  handshakeTimeout: integer(1, 0x7fff_ffff)
};
const listenDefaults = {
  ...connectionDefaults,
  strict: true,
  protocols: undefined,
  origins: undefined,
  maxConnections: undefined,
  handshakeTimeout: 10_000
};

/** What `server.listen` of Node takes; Node itself checks the values. */
const PLACE = [
  'port', 'host', 'path', 'backlog', 'exclusive', 'ipv6Only', 'readableAll', 'writableAll',
  'reusePort', 'signal', 'fd'
];
const placeOptions = Object.fromEntries(PLACE.map((name) => [name, () => {}]));

const ELSEWHERE = advise('For TLS, hand over a server of node:https', ['ca', 'cert', 'key', 'passphrase', 'pfx']);

const listeners = new WeakMap();

/**
 * Takes WebSocket connections: on a port or a unix socket of its own, or on a server that is there.
 * An http or https server shares its port: all but upgrades stay its own.
 * @returns the server, Node's own
 */
function listen(where, handlers, options) {
  checkHandlers(handlers);
  const checked = checkOptions(options, listenOptions, listenDefaults, 'options', ELSEWHERE);
  if (where instanceof net.Server) return takeOver(where, handlers, checked);
  const place = placeOf(where);
  const server = takeOver(net.createServer(), handlers, checked);
  server.listen(place);
  return server;
}

function placeOf(where) {
  if (typeof where === 'number') {
    integer(0, 65535)('where', where);
    return { port: where };
  }
  if (where === null || typeof where !== 'object') {
    throw errors.invalidArgType('where', 'a port, { port, host }, { path } or a server', where);
  }
  const place = checkOptions(where, placeOptions, {}, 'where', ELSEWHERE);
  // Node would take one of several and say nothing, and a path looks like that of a URL.
  const given = ['port', 'path', 'fd'].filter((name) => place[name] !== undefined);
  if (given.length !== 1) {
    throw errors.invalidArgValue('where', 'needs either a port, the path of a unix socket, or an fd', where);
  }
  return place;
}

function takeOver(server, handlers, options) {
  if (listeners.has(server)) throw errors.invalidState('WS.listen has this server already');
  if (isOfHttp2(server) && !takesHttp1(server)) {
    const reason = 'must take HTTP/1.1, as http2.createSecureServer({ allowHTTP1: true }) does, '
      + 'since WebSockets over HTTP/2 (RFC 8441) are not supported';
    throw errors.invalidArgValue('where', reason, server);
  }
  listeners.set(server, new Listener(server, handlers, options));
  server.on('listening', serverOnListening);
  if (speaksHttp(server)) {
    keepPages(server);
    server.on('upgrade', serverOnUpgrade);
  } else {
    server.on(server instanceof tls.Server ? 'secureConnection' : 'connection', serverOnConnection);
  }
  return server;
}

/** Whether the server reads requests itself; one of node:http2 does so for HTTP/1 (`allowHTTP1`). */
function speaksHttp(server) {
  return server instanceof http.Server || server instanceof https.Server || isOfHttp2(server);
}

function isOfHttp2(server) {
  return typeof server.updateSettings === 'function';
}

/** A server of node:http2 has the properties of one of http where it was made with `allowHTTP1`, and over TLS. */
function takesHttp1({ headersTimeout }) {
  return headersTimeout !== undefined;
}

/** The listener of a server that was given to, or made by, `listen`; undefined for others. */
function listenerOf(server) {
  return listeners.get(server);
}

/** As with Node's own: a server that was shut down may listen again. */
function serverOnListening() {
  const listener = listenerOf(this);
  listener.hasListened = true;
  listener.closing = null;
}

function serverOnConnection(socket) {
  new Handshake(listenerOf(this), socket).read();
}

function serverOnUpgrade(request, socket, head) {
  new Handshake(listenerOf(this), socket).take(request, head);
}

module.exports = { listen, listenDefaults, listenerOf, listenOptions, placeOptions };
