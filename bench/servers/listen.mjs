// This project, whole connections: WS.listen. `job.transport` asks for the reactor by name, which
// fails at once in a version that has none.

import { createRequire } from 'node:module';
import { createServer as createSecureServer } from 'node:tls';
import { announce, credentials, job } from './control.mjs';
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

const options = {
  ...(job.transport && { transport: job.transport }),
  ...(job.deflate && {
    perMessageDeflate: {
      threshold: 0,
      serverNoContextTakeover: job.deflate === 'alone',
      clientNoContextTakeover: job.deflate === 'alone'
    }
  })
};

const place = { port: 0, host: '127.0.0.1' };
const where = job.tls ? createSecureServer(credentials()).listen(place) : place;

const server = WS.listen(where, {
  open(socket) {
    // The row must be what it says.
    const { transport } = WS.info(socket);
    if (job.transport && transport !== job.transport) throw new Error(`over ${transport}, not ${job.transport}`);
    open(socket);
  },
  message,
  close,
  error() {}
}, options);

server.on('listening', () => announce(server.address().port, version));
