// What `npm start` runs: one page, and the chat that the page talks to, on one port.
// node demo/server.js      PORT and HOST choose another place than 127.0.0.1:12345.
'use strict';

const { once } = require('node:events');
const http = require('node:http');
const { Chat } = require('./chat.js');
const { serveStatic } = require('./static.js');

const DEFAULT_PORT = 12345;
// Loopback: a demo should not open a port of this machine to its network unasked.
const DEFAULT_HOST = '127.0.0.1';

/**
 * Starts the demo on `port` (0 takes a free one). Rejects when it cannot listen there.
 * `close()` sends 1001 to every connection and resolves when all are gone, after 2 s at the latest.
 */
async function start({ port = DEFAULT_PORT, host = DEFAULT_HOST } = {}) {
  const chat = new Chat(await import('./public/frame.js'));
  const server = http.createServer(serveStatic);
  server.on('upgrade', (request, socket, head) => {
    // Node has taken its own listener off. After an error comes 'close', which does all the work.
    socket.on('error', () => {});
    const refusal = server.listening ? whyRefused(request) : [503, 'The server is stopping.'];
    if (refusal === null) chat.enter(request, socket, head);
    else refuse(socket, ...refusal);
  });
  server.listen(port, host);
  await once(server, 'listening');

  const shownHost = host === DEFAULT_HOST ? 'localhost' : host;
  return {
    server,
    url: `http://${shownHost}:${server.address().port}/`,
    close: () => close(server, chat)
  };
}

async function close(server, chat) {
  const closed = once(server, 'close');
  server.close();
  await chat.close(1001, 'the server is stopping');
  server.closeAllConnections();
  await closed;
}

/** What WS.upgrade does not look at. */
function whyRefused({ method, headers }) {
  if (method !== 'GET') return [405, 'A WebSocket starts with GET.'];
  if (headers.upgrade.toLowerCase() !== 'websocket') return [400, 'Only websocket is spoken here.'];
  if (!isSameSite(headers)) return [403, 'Pages of other sites may not connect.'];
  return null;
}

/** Browsers say which site a page is from; other programs send no Origin. */
function isSameSite({ origin, host }) {
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

function refuse(socket, status, text) {
  const body = `${text}\n`;
  socket.end([
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${body.length}`,
    '',
    body
  ].join('\r\n'));
  socket.destroySoon();
}

async function main() {
  const port = Number(process.env.PORT || DEFAULT_PORT);
  const host = process.env.HOST || DEFAULT_HOST;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    fail(`PORT is to be a number from 0 to 65535, and is "${process.env.PORT}".`);
    return;
  }
  let demo;
  try {
    demo = await start({ port, host });
  } catch (error) {
    if (error.syscall === undefined) throw error;
    fail(error.code === 'EADDRINUSE'
      ? `Port ${port} is taken by another program. Stop that one, or choose another port with PORT=${port + 1}.`
      : `Cannot listen on ${host}, port ${port}: ${error.message}.`);
    return;
  }
  printWelcome(demo);
  // Once: a second Ctrl-C ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop(demo));
}

function printWelcome({ server, url }) {
  const { port } = server.address();
  const client = `node examples/client.mjs${port === DEFAULT_PORT ? '' : ` localhost ${port}`}`;
  const width = Math.max(url.length, client.length) + 3;
  console.log(`
The demo is running.

  Open   ${url.padEnd(width)}in a browser, in two tabs if you like: they chat
  Type   ${client.padEnd(width)}in another terminal, to chat from there
  Stop   with Ctrl-C
`);
}

async function stop(demo) {
  console.log('\nClosing all connections with 1001.');
  await demo.close();
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

if (require.main === module) main();

module.exports = { start };
