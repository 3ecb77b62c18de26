// The processes of one run. Each is bounded in time, and none outlives this process.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Failure } from '../scripts/run.mjs';

// A whole role takes up to three minutes on two cores that do nothing else.
const TIME_LIMIT_MS = 20 * 60_000;
const KEPT_LINES = 30;

const running = new Set();
process.on('exit', stopAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/**
 * Starts `command` and reads what it prints, line by line; `onLine(line)` sees each.
 * - `ended` resolves to `{ code, signal, output }`, `output` being the last lines as one text.
 * - `line(pattern)` resolves to the match of the first line that fits, and rejects with a `Failure`
 *   if the process ends without one. Call it in the tick of the start.
 * - `stop()` kills the process and resolves when it is gone.
 */
export function start(name, command, args, { onLine = () => {}, env } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  running.add(child);
  // Not the option `timeout` of spawn: its timer stays when the command cannot be started.
  const limit = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
  const kept = [];
  const readers = [onLine];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
      readers.forEach((reader) => reader(line));
    });
  }

  const ended = new Promise((resolve, reject) => {
    child.on('error', (error) => {
      forget();
      reject(new Failure(`${name} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      forget();
      resolve({ code, signal, output: kept.join('\n') });
    });
  });

  function forget() {
    running.delete(child);
    clearTimeout(limit);
  }

  return {
    name,
    ended,
    line: (pattern) => Promise.race([
      new Promise((resolve) => {
        readers.push((line) => pattern.test(line) && resolve(pattern.exec(line)));
      }),
      ended.then((end) => Promise.reject(endedEarly(name, end)))
    ]),
    stop() {
      child.kill('SIGKILL');
      return ended;
    }
  };
}

/** Resolves to how `process` ended by itself, whatever its exit code; rejects when it was killed. */
export async function complete(process) {
  const end = await process.ended;
  if (end.signal !== null) throw endedEarly(process.name, end);
  return end;
}

/** Resolves when `process` exits with 0, and rejects with its last lines otherwise. */
export async function succeed(process) {
  const end = await complete(process);
  if (end.code !== 0) throw endedEarly(process.name, end);
}

/** Ends what a failed run has left running. */
export function stopAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** The `Failure` of a process that ended when or how it should not. */
export function endedEarly(name, { code, signal, output }) {
  const limit = `${signal}; the limit is ${TIME_LIMIT_MS / 60_000} minutes`;
  const how = signal === null ? `exit code ${code}` : limit;
  return new Failure(`${name} failed (${how}). Its last lines:\n${output}`);
}
