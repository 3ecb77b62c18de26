'use strict';

// Connected sockets of every kind that the library takes, on loopback and on ports of the system's
// choice.

const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const tls = require('node:tls');
const { Duplex } = require('node:stream');
const { once } = require('node:events');
const { WS } = require('../../index.js');
const { bounded } = require('./bounded.js');
const { as, nextTurn } = require('./plain.js');
const { openAsClient, readHead } = require('./handshake.js');
const { selfSigned } = require('./certificate.js');

const HOST = '127.0.0.1';

/** Two ends with nothing said yet. */
const PAIRS = { net: netPair, tls: tlsPair, duplex: duplexPair };

/** Every kind that `openPair` knows. */
const KINDS = [...Object.keys(PAIRS), 'upgrade', 'http2'];

/** The `{ server, client }` of `openPair`, for as long as the test `t` lasts. */
async function connected(t, kind, options) {
  return lasting(t, await openPair(kind, options));
}

function lasting(t, { server, client, release }) {
  t.after(release);
  return { server, client };
}

/**
 * Two ends whose handshake is done, both with their flags set. `options` are those of WS.upgrade;
 * `release()` destroys both, closes the listener, and resolves when all is gone.
 */
function openPair(kind = 'net', options = undefined) {
  if (kind === 'upgrade') return upgradePair(options);
  if (kind === 'http2') return http2Pair();
  return handshakenPair(PAIRS[kind], options);
}

async function handshakenPair(pair, options) {
  const { server, client, release } = await pair();
  const opened = openAsClient(client);
  const { headers } = await readHead(server);
  WS.upgrade(server, headers, options);
  await opened;
  return { server, client, release };
}

/** Listens and gives the port. */
async function listen(server) {
  server.listen(0, HOST);
  await once(server, 'listening');
  return server.address().port;
}

async function connect(port, options = {}) {
  const socket = net.connect({ port, host: HOST, ...options });
  await once(socket, 'connect');
  return socket;
}

/** The server's end is half-open on request, as in the article's `net.Server`. */
async function netPair(options = {}) {
  const listener = net.createServer(options);
  const [client, [server]] = await Promise.all([
    listen(listener).then((port) => connect(port, options)), once(listener, 'connection')
  ]);
  return ends(server, client, listener);
}

async function tlsPair() {
  const identity = selfSigned();
  const listener = tls.createServer(identity);
  const port = await listen(listener);
  const client = tls.connect({ port, host: HOST, servername: 'localhost', ca: identity.cert });
  const [[server]] = await Promise.all([once(listener, 'secureConnection'), once(client, 'secureConnect')]);
  return ends(server, client, listener);
}

/** Two streams, each the other's far end; they hand over asynchronously, as sockets do. */
function duplexPair() {
  const half = () => new Duplex({
    read() { this.resumeFar?.(); },
    write(chunk, _encoding, done) { this.handOver(chunk, done); },
    final(done) { this.handOver(null, done); }
  });
  const server = half();
  const client = half();
  join(server, client);
  join(client, server);
  return ends(server, client, null);
}

function join(from, to) {
  from.handOver = (chunk, done) => setImmediate(() => {
    if (to.destroyed || to.push(chunk) || chunk === null) done();
    else to.resumeFar = () => { to.resumeFar = undefined; done(); };
  });
}

/** The server's end comes from the http module's 'upgrade' event. */
async function upgradePair(options) {
  const listener = http.createServer();
  const port = await listen(listener);
  const client = await connect(port);
  const opened = openAsClient(client);
  const [request, server, head] = await once(listener, 'upgrade');
  if (head.length > 0) server.unshift(head);
  WS.upgrade(server, request.headers, options);
  await opened;
  return ends(server, client, listener);
}

/** Two ends of an HTTP/2 stream. RFC 8441 has no HTTP/1.1 response, so the flags are set by hand. */
async function http2Pair() {
  const listener = http2.createServer();
  const port = await listen(listener);
  const session = http2.connect(`http://${HOST}:${port}`);
  const client = session.request({ ':method': 'CONNECT', ':authority': 'localhost' });
  const [server] = await once(listener, 'stream');
  server.respond({ ':status': 200 });
  await once(client, 'response');
  const pair = ends(as('server', server), as('client', client), listener);
  return { ...pair, release: async () => { session.destroy(); await pair.release(); } };
}

function ends(server, client, listener) {
  // A reset is what many tests are about; those that are not see it in what they wait for.
  for (const socket of [server, client]) socket.on('error', () => {});
  const release = async () => {
    await Promise.all([server, client].map(destroyed));
    if (listener !== null) await new Promise((resolve) => { listener.close(resolve); });
  };
  return { server, client, release };
}

function destroyed(socket) {
  const gone = closed(socket);
  socket.destroy();
  return gone;
}

/** Resolves with the errors of a socket when it is closed. */
function closed(socket) {
  if (socket.closed) return Promise.resolve([]);
  const errors = [];
  socket.on('error', (error) => errors.push(error));
  return bounded('a close', new Promise((resolve) => { socket.on('close', () => resolve(errors)); }));
}

/**
 * Sends messages until the far end, which does not read, and the kernel take no more of them, and the
 * socket has as much as it wants.
 */
async function fill(socket) {
  let count = 0;
  do {
    WS.send(socket, Buffer.alloc(100_000, count++));
    await nextTurn();
  } while (!socket.writableNeedDrain);
  return count;
}

module.exports = { HOST, KINDS, connected, openPair, lasting, netPair, listen, connect, closed, fill };
