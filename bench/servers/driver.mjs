// websocket-driver, the parser of faye and of many development servers.

import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { credentials, job, listen } from './control.mjs';
import { requirePeer } from './peers.mjs';
import { handlers } from './tasks.mjs';

const websocket = requirePeer('websocket-driver');
const { version } = requirePeer('websocket-driver/package.json');

const { open, message, close } = handlers(job, {
  send: (driver, payload, isBinary) => {
    if (isBinary) driver.binary(payload);
    else driver.text(payload.toString());
  }
});

const server = job.tls ? createSecureServer(credentials()) : createServer();

server.on('upgrade', (request, socket, head) => {
  const driver = websocket.http(request);
  driver.on('open', () => open(driver));
  driver.on('close', () => {
    close(driver);
    socket.end();
  });
  driver.on('message', ({ data }) => message(driver, data, typeof data !== 'string'));
  socket.on('error', () => {});
  driver.io.write(head);
  socket.pipe(driver.io).pipe(socket);
  driver.start();
});

listen(server, version);
