// This project as a client: WS.connect.

import { createRequire } from 'node:module';
import { announce, job } from '../servers/control.mjs';
import { connectAll, sendAsTold } from './sends.mjs';

const require = createRequire(import.meta.url);
const { WS } = require('../..');
const { version } = require('../../package.json');

const TEXT = { binary: false };
const BINARY = { binary: true };
const options = job.transport ? { transport: job.transport } : {};

const handlers = {
  message(socket, told) {
    sendAsTold(told, (payload, isBinary, callback) => {
      WS.send(socket, payload, isBinary ? BINARY : TEXT, callback);
    });
  },
  // The runner ends the load first.
  error() {}
};

connectAll((url) => WS.connect(url, handlers, options));
announce(0, version);
