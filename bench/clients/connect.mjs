// This project as a client: WS.connect.

import { createRequire } from 'node:module';
import { announce } from '../servers/control.mjs';
import { checkTransport } from '../servers/transport.mjs';
import { connectAll, sendAsTold } from './sends.mjs';

const require = createRequire(import.meta.url);
const { WS } = require('../..');
const { version } = require('../../package.json');

const TEXT = { binary: false };
const BINARY = { binary: true };

const handlers = {
  message(socket, told) {
    sendAsTold(told, (payload, isBinary, callback) => {
      WS.send(socket, payload, isBinary ? BINARY : TEXT, callback);
    });
  },
  // The runner ends the load first.
  error() {}
};

await checkTransport(WS);
connectAll((url) => WS.connect(url, handlers));
announce(0, version);
