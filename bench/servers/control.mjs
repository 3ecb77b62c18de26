// What every server of the benchmark says to the runner, in lines of JSON over its pipes.

import { createInterface } from 'node:readline';

/**
 * Says where the server listens, then answers every line with the CPU time used so far, in
 * microseconds. It counts all threads: garbage collection is part of what a message costs.
 * The process ends when the runner closes the pipe, or is gone.
 *
 * @param {number} port
 * @param {string} version of what is measured, for the report
 */
export function announce(port, version) {
  say({ port, version });
  createInterface({ input: process.stdin })
    .on('line', () => {
      const { user, system } = process.cpuUsage();
      say({ user, system });
    })
    .on('close', () => process.exit(0));
}

/** Listens on a free port of the loopback interface, then announces it. */
export function listen(server, version) {
  server.listen(0, '127.0.0.1', () => announce(server.address().port, version));
}

function say(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}
