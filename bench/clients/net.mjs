// No WebSocket library: what Node's own sockets cost a client. Its message is a constant.

import { connect } from 'node:net';
import { announce, job } from '../servers/control.mjs';
import { frame, payloadOf, REQUEST } from '../servers/frames.mjs';
import { messageOf } from '../servers/tasks.mjs';
import { connectAll, sendAsTold } from './sends.mjs';

const END = '\r\n\r\n';
const KEY = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const message = frame(Buffer.from(messageOf(job.kind, job.size).payload), job.kind, KEY);

connectAll((url) => {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port, noDelay: true });
  // The runner ends the load first.
  socket.on('error', () => {});
  socket.write(REQUEST);
  const told = (command) => {
    sendAsTold(payloadOf(command), (_payload, _isBinary, callback) => socket.write(message, callback));
  };
  socket.once('data', (answer) => {
    const command = answer.subarray(answer.indexOf(END) + END.length);
    if (command.length > 0) told(command);
    socket.on('data', told);
  });
});
announce(0, process.versions.node);
