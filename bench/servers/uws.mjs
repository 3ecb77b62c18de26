// uWebSockets.js, as its documentation has it: corked bursts, topics to broadcast.

import { announce, job } from './control.mjs';
import { requirePeer } from './peers.mjs';
import { handlers } from './tasks.mjs';

const NAME = '@trufflesuite/uws-js-unofficial';

// The package's own entry falls back to JavaScript where it has no binary; this must not.
const uws = requirePeer(`${NAME}/binaries/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`);
const { version } = requirePeer(`${NAME}/package.json`);

const TOPIC = 'all';
const MiB = 1 << 20;

// Without both limits it drops messages of the larger scenarios.
const limits = { maxPayloadLength: 32 * MiB, maxBackpressure: 256 * MiB };
const compression = {
  undefined: uws.DISABLED,
  takeover: uws.DEDICATED_COMPRESSOR | uws.DEDICATED_DECOMPRESSOR,
  alone: uws.SHARED_COMPRESSOR | uws.SHARED_DECOMPRESSOR
}[job.deflate];
const compress = job.deflate !== undefined;

const { open, message, close } = handlers(job, {
  send: (socket, payload, isBinary) => socket.send(payload, isBinary, compress),
  cork: (socket, sends) => socket.cork(sends),
  broadcast: (_sockets, payload, isBinary) => app.publish(TOPIC, payload, isBinary)
});

const app = job.tls
  ? uws.SSLApp({ key_file_name: job.tls.key, cert_file_name: job.tls.cert })
  : uws.App();

app.ws('/*', {
  ...limits,
  compression,
  open(socket) {
    if (job.task === 'broadcast') socket.subscribe(TOPIC);
    open(socket);
  },
  message,
  close
});

app.listen('127.0.0.1', 0, (listening) => announce(uws.us_socket_local_port(listening), version));
