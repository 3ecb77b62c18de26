// What the clients do: as many messages as they are told, one behind the other.

import { job } from '../servers/control.mjs';
import { messageOf, numberOf } from '../servers/tasks.mjs';

const { payload, isBinary } = messageOf(job.kind, job.size);

/** Opens the connections of the job with `connect(url)`. */
export function connectAll(connect) {
  for (let i = 0; i < (job.connections ?? 0); i++) connect(`ws://127.0.0.1:${job.port}/`);
}

/**
 * Sends as often as the message `told` says, each message when the one before it has left.
 *
 * @param {(payload, isBinary: boolean, callback: (error?: Error) => void) => void} send
 */
export function sendAsTold(told, send) {
  let left = numberOf(told);
  const next = (error) => {
    if (error) throw error;
    if (left-- > 0) send(payload, isBinary, next);
  };
  next();
}
