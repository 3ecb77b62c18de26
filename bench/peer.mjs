// A child process that speaks lines of JSON: a server or the load generator.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** After its input has ended, a child has this long to exit. */
const GRACE_MS = 5000;

export class Peer {
  #child;
  #lines;
  #complaint = '';
  #closed;

  /**
   * @param {string[]} command the program and its arguments
   * @param {Record<string, string>} [env] added to this process's own
   */
  constructor([program, ...args], env = {}) {
    this.#child = spawn(program, args, { env: { ...process.env, ...env } });
    // 'close' comes after the last output, and after an 'error' of a program that is not there.
    this.#closed = once(this.#child, 'close').catch((error) => (this.#complaint = error.message));
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.on('data', (text) => (this.#complaint += text));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What went wrong, by what the child wrote to its standard error; empty if it wrote nothing. */
  get complaint() {
    return firstError(this.#complaint);
  }

  /** The next message, or an error with what the child complained about. */
  async read() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    await this.#closed;
    throw new Error(this.complaint || 'it ended without a word');
  }

  /** Sends a line, any line, and reads the answer. */
  ask() {
    this.#child.stdin.write('\n');
    return this.read();
  }

  /** Ends the child's input, which ends the child. */
  async stop() {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS);
    this.#child.stdin.end();
    await this.#closed;
    clearTimeout(timer);
  }
}

/** The line that says what went wrong, out of what Node prints around it. */
function firstError(text) {
  const lines = text.trim().split('\n');
  return lines.find((each) => /^\S*Error\b.*:/.test(each)) ?? lines.at(-1);
}
