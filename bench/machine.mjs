// The machine: what to say about it, and which cores to use.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What the numbers were measured on. `node` is the binary that runs the servers. */
export function describeMachine(node, pins, spin) {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    kernel: `${os.type()} ${os.release()} ${os.machine()}`,
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    pinned: `${pins.text}, the load ${spin ? 'polls' : 'sleeps'} while it waits`,
  };
}

/**
 * Command prefixes that keep the server and the load on a core of their own each, so that
 * neither moves nor waits for the other.
 *
 * @returns {{ server: string[], load: string[], text: string }} without a prefix where it cannot
 */
export function pins() {
  const cores = allowedCores();
  if (cores.length < 2) return { server: [], load: [], text: 'not pinned' };
  // Interrupts mostly go to the first cores, so take the last ones.
  const [load, server] = cores.slice(-2);
  return {
    server: ['taskset', '-c', `${server}`],
    load: ['taskset', '-c', `${load}`],
    text: `server on core ${server}, load on core ${load}`,
  };
}

/** The cores this process may use, as numbers; none where the system does not say. */
function allowedCores() {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    const status = readFileSync('/proc/self/status', 'utf8');
    return parseCores(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)[1]);
  } catch {
    return [];
  }
}

/** @param {string} list as the kernel writes it: `0-2,5` */
export function parseCores(list) {
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
