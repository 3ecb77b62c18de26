'use strict';

const native = require('./native.js');

// Once somebody listens for 'upgrade', every request with `Upgrade` is one for Node. What wants to become
// something else than a WebSocket is for the pages all the same: RFC 9110 §7.8, "A server MAY ignore a
// received Upgrade header field".

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

module.exports = { keepPages };
