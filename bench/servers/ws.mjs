// ws, with bufferutil where WS_NO_BUFFER_UTIL is empty. Its defaults otherwise.

import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { announce, credentials, job } from './control.mjs';
import { handlers } from './tasks.mjs';
import { version } from './ws-version.mjs';

const BINARY = { binary: true };
const TEXT = { binary: false };

const { open, message, close } = handlers(job, {
  send: (socket, payload, isBinary) => socket.send(payload, isBinary ? BINARY : TEXT)
});

const perMessageDeflate = job.deflate && {
  threshold: 0,
  serverNoContextTakeover: job.deflate === 'alone',
  clientNoContextTakeover: job.deflate === 'alone'
};

const place = { port: 0, host: '127.0.0.1' };
const server = job.tls && createServer(credentials()).listen(place);

const sockets = new WebSocketServer({ ...(server ? { server } : place), perMessageDeflate });

sockets.on('connection', (socket) => {
  open(socket);
  socket.on('error', () => {});
  socket.on('close', () => close(socket));
  socket.on('message', (payload, isBinary) => message(socket, payload, isBinary));
});

sockets.on('listening', () => announce(sockets.address().port, version));
