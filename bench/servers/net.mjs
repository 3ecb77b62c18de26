// No WebSocket library: what Node's own sockets cost. Nothing is decoded but the first message and
// what a server is told to do; after that constants are sent, as many as frames' worth of bytes arrive.

import { createServer } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import { credentials, job, listen } from './control.mjs';
import { CLOSE, frame, headerLength, payloadOf, SWITCHING_PROTOCOLS } from './frames.mjs';
import { handlers, messageOf } from './tasks.mjs';

// The messages of a tick are one constant, however many they are.
const { payload } = messageOf(job.kind, job.size ?? 0);
const burst = Buffer.concat(Array(job.burst ?? 1).fill(frame(Buffer.from(payload), job.kind)));
const { open, message, close } = handlers({ ...job, burst: 1 }, { send: (socket) => socket.write(burst) });

/** Bytes of a masked frame with a payload of the job's size. */
const length = headerLength(job.size ?? 0) + 4 + (job.size ?? 0);

/** The echoes of 1, 2, … messages. */
const echoes = [];

function serve(socket) {
  socket.on('error', () => {});
  // A request comes whole and alone: the load waits for its answer.
  socket.once('data', () => {
    socket.write(SWITCHING_PROTOCOLS);
    open(socket);
    socket.on('close', () => close(socket));
    socket.on('data', readerOf(socket));
  });
}

function readerOf(socket) {
  if (job.task !== 'echo') return (command) => message(socket, payloadOf(command));
  // Of a job without messages, what comes next is a close frame.
  return job.size === undefined ? () => socket.end(CLOSE) : echo(socket);
}

/** Answers `socket` as often as a whole frame has arrived. */
function echo(socket) {
  let beginning = [];
  let waiting = 0;
  return (chunk) => {
    beginning?.push(chunk);
    waiting += chunk.length;
    const count = Math.floor(waiting / length);
    if (count === 0) return;
    waiting -= count * length;
    if (beginning) {
      // The load compares the first echo of a connection, and sends the same first on all of them.
      echoes[1] ??= frame(payloadOf(Buffer.concat(beginning)), job.kind);
      beginning = null;
    }
    socket.write(echoes[count] ??= Buffer.concat(Array(count).fill(echoes[1])));
  };
}

const server = job.tls ? createSecureServer(credentials(), serve) : createServer(serve);

listen(server, process.versions.node);
