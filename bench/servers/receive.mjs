// This project by hand: WS.upgrade, then WS.receive with every chunk.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { listen } from './control.mjs';

const require = createRequire(import.meta.url);
const { WS } = require('../..');
const { version } = require('../../package.json');

const TEXT = { binary: false };
const BINARY = { binary: true };

const server = createServer();

server.on('upgrade', (request, socket, head) => {
  if (!WS.upgrade(socket, request.headers)) return;
  const echo = (payload, isBinary) => {
    WS.send(socket, payload, isBinary ? BINARY : TEXT);
  };
  socket.on('error', () => {});
  socket.on('data', (chunk) => WS.receive(socket, chunk, echo));
  if (head.length > 0) WS.receive(socket, head, echo);
});

listen(server, version);
