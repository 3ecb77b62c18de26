// The article's WS.mjs, which is not part of this repository: BENCH_ARTICLE says where it is,
// else ../shared/seed beside the repository is tried.

import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { listen } from './control.mjs';

const seed = fileURLToPath(new URL('../../../shared/seed/WS.mjs', import.meta.url));
const { WS } = await import(pathToFileURL(resolve(process.env.BENCH_ARTICLE || seed)));

const server = createServer();

server.on('upgrade', (request, socket) => {
  // It sends strings only.
  const echo = (payload) => WS.send(socket, payload.toString());
  WS.upgrade(socket, request.headers, () => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => WS.receive(socket, chunk, echo));
  });
});

listen(server, 'as printed');
