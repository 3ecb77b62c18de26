'use strict';

// For the tests of connect: clients whose outcome is awaited, and servers that answer as they like.

const assert = require('node:assert/strict');
const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { connect } = require('../../lib/connect.js');
const { acceptOf, readHead } = require('./handshake.js');
const { Inbox } = require('./inbox.js');
const { HOST, listen } = require('./sockets.js');

/**
 * Connects, and resolves when it is open or has failed:
 * `{ returned, socket, response, error, inbox, closed }`. Fails where both happen, or one twice.
 */
function attempt(url, options, handlers = {}) {
  const inbox = new Inbox();
  const calls = [];
  let settle, tellClosed;
  const outcome = new Promise((resolve) => { settle = resolve; });
  const closed = new Promise((resolve) => { tellClosed = resolve; });
  const result = { inbox, calls, closed };
  result.returned = connect(url, {
    open(socket, response) {
      calls.push('open');
      settle({ ...result, socket, response });
    },
    message: (_socket, payload, isBinary) => inbox.push({ payload, isBinary }),
    close(_socket, code, reason, wasClean) {
      calls.push('close');
      inbox.close('closed');
      tellClosed({ code, reason, wasClean });
    },
    error(socket, error) {
      calls.push('error');
      settle({ ...result, socket, error });
    },
    ...handlers
  }, options);
  assert.deepEqual(calls, [], 'a handler was called before connect returned');
  return outcome;
}

/** The error of an attempt that must fail; nothing of it is left after that. */
async function failure(url, options) {
  const { returned, socket, error, calls } = await attempt(url, options);
  assert.ok(error instanceof Error, 'it opened');
  if (socket !== null) {
    if (!socket.closed) await once(socket, 'close');
    assert.equal(socket.destroyed, true);
  }
  if (returned !== null && !returned.closed) await once(returned, 'close');
  assert.deepEqual(calls, ['error']);
  return error;
}

/** The 101 for a request, and what follows it. */
function accepting({ headers }, ...lines) {
  return [
    'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(headers['sec-websocket-key'])}`, ...lines, '', ''
  ].join('\r\n');
}

/**
 * A server that reads a head and calls `answer(head, socket, count)`; a string or bytes that it
 * returns are written. Gives `{ url, port, requests }`; closed with the test.
 */
async function serve(t, answer, { identity } = {}) {
  const requests = [];
  const sockets = new Set();
  const onSocket = async (socket) => {
    sockets.add(socket.on('error', () => {}));
    const head = await readHead(socket).catch(() => null);
    if (head === null) return;
    requests.push(head);
    const bytes = await answer(head, socket, requests.length);
    if (bytes !== undefined) socket.write(bytes);
    // Reads on, so that the client's FIN is seen and answered.
    socket.resume();
  };
  const server = identity === undefined
    ? net.createServer(onSocket)
    : tls.createServer(identity, onSocket).on('tlsClientError', () => {});
  const port = await listen(server);
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => { server.close(resolve); });
  });
  return { url: `${identity === undefined ? 'ws' : 'wss'}://${HOST}:${port}/`, port, requests, sockets };
}

module.exports = { accepting, attempt, failure, serve };
