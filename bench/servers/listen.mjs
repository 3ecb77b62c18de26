// This project, whole connections: WS.listen.

import { createRequire } from 'node:module';
import { createServer as createSecureServer } from 'node:tls';
import { announce, credentials, job } from './control.mjs';
import { handlers } from './tasks.mjs';
import { checkTransport } from './transport.mjs';

const require = createRequire(import.meta.url);
const { WS } = require('../..');
const { version } = require('../../package.json');

const TEXT = { binary: false };
const BINARY = { binary: true };

const { open, message, close } = handlers(job, {
  send: (socket, payload, isBinary) => WS.send(socket, payload, isBinary ? BINARY : TEXT),
  broadcast: (sockets, payload, isBinary) => WS.broadcast(sockets, payload, isBinary ? BINARY : TEXT)
});

const options = job.deflate && {
  perMessageDeflate: {
    threshold: 0,
    serverNoContextTakeover: job.deflate === 'alone',
    clientNoContextTakeover: job.deflate === 'alone'
  }
};

await checkTransport(WS);

const place = { port: 0, host: '127.0.0.1' };
const where = job.tls ? createSecureServer(credentials()).listen(place) : place;

const server = WS.listen(where, { open, message, close, error() {} }, options);

server.on('listening', () => announce(server.address().port, version));
