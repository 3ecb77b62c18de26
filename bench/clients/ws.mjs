// The client of ws.

import { WebSocket } from 'ws';
import { announce } from '../servers/control.mjs';
import { version } from '../servers/ws-version.mjs';
import { connectAll, sendAsTold } from './sends.mjs';

const BINARY = { binary: true };
const TEXT = { binary: false };

connectAll((url) => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  // The runner ends the load first.
  socket.on('error', () => {});
  socket.on('message', (told) => {
    sendAsTold(told, (payload, isBinary, callback) => {
      socket.send(payload, isBinary ? BINARY : TEXT, callback);
    });
  });
});
announce(0, version);
