// Bun.serve, run by Bun itself.

import { announce, credentials, job } from './control.mjs';
import { handlers } from './tasks.mjs';

const TOPIC = 'all';
const MiB = 1 << 20;
const compress = job.deflate !== undefined;

const { open, message, close } = handlers(job, {
  send: (socket, payload) => socket.send(payload, compress),
  cork: (socket, sends) => socket.cork(sends),
  broadcast: (_sockets, payload) => server.publish(TOPIC, payload)
});

const server = globalThis.Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  ...(job.tls && { tls: credentials() }),
  fetch(request, { upgrade }) {
    return upgrade.call(server, request) ? undefined : new Response('a WebSocket server', { status: 426 });
  },
  websocket: {
    maxPayloadLength: 32 * MiB,
    backpressureLimit: 256 * MiB,
    perMessageDeflate: compress && { compress: 'dedicated', decompress: 'dedicated' },
    open(socket) {
      if (job.task === 'broadcast') socket.subscribe(TOPIC);
      open(socket);
    },
    message: (socket, payload) => message(socket, payload, typeof payload !== 'string'),
    close
  }
});

announce(server.port, process.versions.bun);
