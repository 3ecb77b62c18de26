// ws, with bufferutil where WS_NO_BUFFER_UTIL is empty. Its defaults otherwise.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { WebSocketServer } from 'ws';
import { listen } from './control.mjs';

const require = createRequire(import.meta.url);
const version = require('ws/package.json').version;

const server = createServer();

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});

listen(server, process.env.WS_NO_BUFFER_UTIL ? version : `${version}, ${bufferutil()}`);

// ws falls back to JavaScript in silence, so ask for the native part by name: the row that is
// headed "with bufferutil" must not be measured without it.
function bufferutil() {
  const { mask } = require('bufferutil');
  if (mask.toString().includes('[native code]')) {
    return `bufferutil ${require('bufferutil/package.json').version}`;
  }
  throw new Error('bufferutil has no native part here');
}
