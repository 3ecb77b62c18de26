'use strict';

// A worker whose connections are busy in the background, in both directions, until it is terminated.

const { parentPort } = require('node:worker_threads');
const { PassThrough } = require('node:stream');
const { deflateRawSync } = require('node:zlib');
const { WS } = require('../../index.js');
const { peerOf } = require('../support/frames.js');

const payload = Buffer.alloc(16 << 20);
const bomb = peerOf('server').binary(deflateRawSync(payload), { rsv: 4 });

for (let count = 0; count < 4; count++) {
  const socket = Object.assign(new PassThrough(), { _is_server: true, _is_client: false });
  WS.attach(socket, {}, { perMessageDeflate: true });
  WS.send(socket, payload);
  const reading = Object.assign(new PassThrough(), { _is_server: true, _is_client: false });
  WS.attach(reading, {}, { perMessageDeflate: true });
  reading.push(bomb);
}
setImmediate(() => parentPort.postMessage('busy'));
