// What every contender's process has to do with the runner: its job, and lines of JSON over pipes.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import v8 from 'node:v8';
import vm from 'node:vm';
import { watchTurns } from './turns.mjs';

/**
 * What the runner wants:
 * task     echo, receive, push, broadcast, sink or idle (tasks.mjs)
 * kind     text, binary, utf8 or json
 * size     payload bytes of a message that is not an echo
 * burst    messages a tick, of push and broadcast
 * deflate  undefined, 'takeover', or 'alone': compress every message, without context takeover
 * stall    whether to watch the event loop: marks tell of the longest turn since the one before (turns.mjs)
 * objects  how many objects to hold besides; undefined: none
 * tls      undefined, or { key, cert }: paths of PEM files
 * port, connections  of a sink: where to connect, and how often
 * transport  what WS.info has to say of a connection; undefined: anything
 */
export const job = JSON.parse(process.argv[2]);

/** Of a hundred bytes and more each; exported, so that they stay. */
export const objects = Array.from({ length: job.objects ?? 0 }, (_, at) => ({ at, pair: [at, at + 1] }));

/** `{ key, cert }` as text, for the servers that do not read the files themselves. */
export function credentials() {
  return { key: readFileSync(job.tls.key, 'utf8'), cert: readFileSync(job.tls.cert, 'utf8') };
}

/**
 * Says where the contender listens, then answers every line with a mark: the CPU time used so far
 * in microseconds, and the memory in bytes. The time is that of all threads: garbage collection is
 * part of what a message costs. The process ends when the runner closes the pipe, or is gone.
 *
 * @param {number} port 0 where it does not listen
 * @param {string} version of what is measured, for the report
 */
export function announce(port, version) {
  say({ port, version });
  const collect = job.task === 'idle' ? collector() : () => {};
  const longestTurn = job.stall ? watchTurns() : () => ({});
  createInterface({ input: process.stdin })
    .on('line', () => {
      collect();
      const turn = longestTurn();
      const { user, system } = process.cpuUsage();
      const { rss, heapUsed } = process.memoryUsage();
      say({ cpu: user + system, rss, heap: heapUsed, ...turn });
    })
    .on('close', () => process.exit(0));
}

/** Listens on a free port of the loopback interface, then announces it. */
export function listen(server, version) {
  server.listen(0, '127.0.0.1', () => announce(server.address().port, version));
}

/** A garbage collection that has ended when it returns, so that only what is held counts. */
function collector() {
  if (process.versions.bun) return () => globalThis.Bun.gc(true);
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc');
}

function say(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}
