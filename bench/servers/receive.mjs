// This project by hand: WS.upgrade, then WS.receive with every chunk.

import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { credentials, job, listen } from './control.mjs';
import { handlers } from './tasks.mjs';

const require = createRequire(import.meta.url);
const { WS } = require('../..');
const { version } = require('../../package.json');

const TEXT = { binary: false };
const BINARY = { binary: true };

const { open, message, close } = handlers(job, {
  send: (socket, payload, isBinary) => WS.send(socket, payload, isBinary ? BINARY : TEXT),
  broadcast: (sockets, payload, isBinary) => WS.broadcast(sockets, payload, isBinary ? BINARY : TEXT)
});

const server = job.tls ? createSecureServer(credentials()) : createServer();

server.on('upgrade', (request, socket, head) => {
  if (!WS.upgrade(socket, request.headers)) return;
  const deliver = (payload, isBinary) => message(socket, payload, isBinary);
  open(socket);
  socket.on('error', () => {});
  socket.on('close', () => close(socket));
  socket.on('data', (chunk) => WS.receive(socket, chunk, deliver));
  if (head.length > 0) WS.receive(socket, head, deliver);
});

listen(server, version);
