// An echo server in this process, made as the examples are: net, and WS by hand on 'data'.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { WS } from 'ws13-native';
import { readHead } from '../../examples/handshake.mjs';

const PAGE = '<!doctype html><meta charset="utf-8"><title>A page to connect from</title>';
const CLOSE_WAIT = '08';

/**
 * Resolves with `{ port, url, server, close }`. `server` emits 'websocket' with the socket of each
 * WebSocket; everything else that connects gets an empty page.
 */
export async function startEchoServer() {
  const sockets = new Set();
  // As the article has it: nothing but the library ends our half when the peer has ended its own.
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    readHead(socket, (head, rest) => {
      if (head?.headers.upgrade === 'websocket') upgrade(server, socket, head.headers, rest);
      else servePage(socket);
    });
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    server,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    }
  };
}

/** How many connections of `port` wait for this process to close them; null where nobody can say. */
export function countCloseWait(port) {
  if (process.platform !== 'linux') return null;
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === CLOSE_WAIT)
    .length;
}

function upgrade(server, socket, headers, rest) {
  WS.upgrade(socket, headers, (upgraded) => {
    if (!upgraded) return;
    server.emit('websocket', socket);
    const receive = (chunk) => WS.receive(socket, chunk, (payload, isBinary) => {
      WS.send(socket, payload, { binary: isBinary });
    });
    socket.on('data', receive);
    receive(rest);
  });
}

function servePage(socket) {
  socket.end([
    'HTTP/1.1 200 OK',
    'Content-Type: text/html',
    `Content-Length: ${PAGE.length}`,
    'Connection: close',
    '',
    PAGE
  ].join('\r\n'));
}
