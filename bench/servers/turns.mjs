// The turns of a server's event loop, and what becomes of their time.

import { openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

/**
 * Keeps the event loop turning.
 * @returns {() => object} tells of the longest turn since it was asked last, in milliseconds: `stall` on the
 *   clock, `collected` what V8's collections stopped the loop for, and on Linux `waited`, what its thread could
 *   have run and had no processor
 */
export function watchTurns() {
  const waited = waitedOfThread();
  let last = { at: performance.now(), waited: waited() };
  let longest = turnBetween(last, last);
  let collections = [];
  // They are told a turn late.
  new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });
  const next = () => {
    const now = { at: performance.now(), waited: waited() };
    if (now.at - last.at > longest.stall) longest = turnBetween(last, now);
    last = now;
    setImmediate(next);
  };
  setImmediate(next);
  return () => {
    const { from, to, ...turn } = longest;
    const inside = collections.filter(({ startTime }) => startTime >= from && startTime < to);
    const collected = inside.reduce((sum, { duration }) => sum + duration, 0);
    longest = turnBetween(last, last);
    collections = [];
    return { ...turn, collected };
  };
}

function turnBetween(last, now) {
  return { from: last.at, to: now.at, stall: now.at - last.at, waited: now.waited - last.waited };
}

/** How long this thread has waited for a processor since it began, in milliseconds; undefined where nothing tells. */
function waitedOfThread() {
  if (process.platform !== 'linux') return () => undefined;
  // Time at work, time in the queue, and turns: the kernel's Documentation/scheduler/sched-stats.rst.
  const file = openSync('/proc/thread-self/schedstat');
  const text = Buffer.alloc(64);
  return () => text.latin1Slice(0, readSync(file, text, 0, text.length, 0)).split(' ')[1] / 1e6;
}
