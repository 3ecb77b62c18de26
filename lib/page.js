'use strict';

const http = require('node:http');
const native = require('./native.js');

// Once somebody listens for 'upgrade', every request with `Upgrade` is one for Node. What wants to become
// something else than a WebSocket is for the pages all the same: RFC 9110 §7.8, "A server MAY ignore a
// received Upgrade header field".

/** What reads the requests of a socket in Node's servers. */
const { _connectionListener: readRequests } = http;
/** Fields that Node keeps of a request where the server does not say. */
const MAX_FIELDS = 1000;

/** Has a server keep such requests, where Node asks it: from 22.21 and 24.9 on. */
function keepPages(server) {
  const { shouldUpgradeCallback: isUpgrade } = server;
  if (isUpgrade === undefined) return;
  server.shouldUpgradeCallback = function (request) {
    return isUpgrade.call(this, request) && !isForPage(this, request);
  };
}

/** Whether a request is for the pages: there are any, and nobody else listens who could want it. */
function isForPage(server, { headers }) {
  return headers['sec-websocket-key'] === undefined
    && !native.asksForWebSocket(headers.upgrade ?? '')
    && server.listenerCount('upgrade') === 1 && server.listenerCount('request') > 0;
}

/** Whether the server can read such a request once more, where Node has not asked. */
function isReadable(server, { rawHeaders }) {
  return server.shouldUpgradeCallback === undefined && typeof readRequests === 'function'
    // Of more than that some may be gone, and with them what tells where the body ends.
    && rawHeaders.length < 2 * (server.maxHeadersCount || MAX_FIELDS);
}

/** Has the server read a request once more, without its `Upgrade`. */
function readAgain(server, { method, url, httpVersion, rawHeaders }, socket, head) {
  let lines = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at].toLowerCase() !== 'upgrade') lines += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines}\r\n`, 'latin1'), head]));
  // That of a connection which was kept alive may be running.
  socket.setTimeout?.(0);
  readRequests.call(server, socket);
}

module.exports = { isForPage, isReadable, keepPages, readAgain };
