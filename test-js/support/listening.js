'use strict';

// Servers of WS.listen, and raw clients that say to them what no library would.

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { listen, listenerOf } = require('../../lib/listen.js');
const { peerOf } = require('./frames.js');
const { parseHead, requestHead, requestHeaders } = require('./handshake.js');
const { Inbox } = require('./inbox.js');
const { selfSigned } = require('./certificate.js');

const HOST = '127.0.0.1';
const identity = selfSigned();

/** What `listen` is given: a place of its own, or a server that is not listening yet. */
const PLACES = {
  own: () => ({ port: 0, host: HOST }),
  net: () => net.createServer(),
  tls: () => tls.createServer(identity),
  http: () => http.createServer(answerPage),
  https: () => https.createServer(identity, answerPage)
};

function answerPage(_request, response) {
  response.end('a page');
}

/** A listening server for as long as the test `t` lasts. */
async function serve(t, kind, handlers, options) {
  const where = PLACES[kind]();
  const server = listen(where, handlers, options);
  if (server === where) server.listen(0, HOST);
  await once(server, 'listening');
  t.after(() => stop(server));
  return server;
}

async function stop(server) {
  for (const { socket } of listenerOf(server).handshakes) socket.destroy();
  server.closeAllConnections?.();
  if (server.listening) server.close();
  await emptied(server);
}

/** Resolves when the server has no socket left. */
async function emptied(server) {
  while (await connectionsOf(server) > 0 || listenerOf(server).handshakes.size > 0) {
    await new Promise(setImmediate);
  }
}

function connectionsOf(server) {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

/** A connected socket that nothing has been said on. */
async function dial(server, options) {
  const { port } = server.address();
  const secure = server instanceof tls.Server;
  const socket = secure
    ? tls.connect({ port, host: HOST, servername: 'localhost', ca: identity.cert, ...options })
    : net.connect({ port, host: HOST, ...options });
  socket.on('error', () => {});
  await once(socket, secure ? 'secureConnect' : 'connect');
  return socket;
}

/** A request's head, and frames of a client behind it. */
function opening(changes, ...texts) {
  const peer = peerOf('server');
  return Buffer.concat([
    Buffer.from(requestHead(requestHeaders(changes), '/chat?x=1')),
    ...texts.map((text) => peer.text(text))
  ]);
}

/** All that the server says until it ends, as `{ status, headers, body }`. */
async function wholeAnswer(socket) {
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  const head = parseHead(Buffer.concat(chunks));
  return head === null ? null : { ...head, body: head.rest.toString() };
}

/** The answer to `bytes`. */
async function ask(server, bytes) {
  const socket = await dial(server);
  const answer = wholeAnswer(socket);
  socket.write(bytes);
  return answer;
}

/** Handlers that put all they get into an inbox: `[name, socket, ...]`. */
function recorder(more) {
  const inbox = new Inbox();
  const record = (name) => (...args) => inbox.push([name, ...args]);
  const handlers = { open: record('open'), message: record('message'), close: record('close'), ...more };
  return { handlers, inbox };
}

/** Runs `body` and gives the uncaught exceptions until `count` of them have come. */
async function uncaught(count, body) {
  const inbox = new Inbox();
  process.setUncaughtExceptionCaptureCallback((error) => inbox.push(error));
  try {
    await body();
    return await inbox.take(count);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}

module.exports = {
  HOST, PLACES, ask, connectionsOf, dial, emptied, identity, opening, recorder, serve, uncaught, wholeAnswer
};
