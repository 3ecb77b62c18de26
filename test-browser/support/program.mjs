import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Conditions } from './conditions.mjs';

/** The top folder of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A Node program under test; what it prints can be awaited. */
export class Program {
  #child;
  // Only then has all of its output come.
  #closed = false;
  #conditions = new Conditions(() => (
    this.#closed ? `The program ended too early.\n${this.stdout}${this.stderr}` : null
  ));

  stdout = '';
  stderr = '';

  /** `args` for node, in the top folder. Ended with the test `t`, whatever happens. */
  constructor(t, args, env = {}) {
    this.#child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    });
    for (const name of ['stdout', 'stderr']) {
      this.#child[name].setEncoding('utf8');
      this.#child[name].on('data', (text) => {
        this[name] += text;
        this.#conditions.wake();
      });
    }
    /** Resolves with `[code, signal]`. */
    this.exit = once(this.#child, 'close');
    this.#child.on('close', () => {
      this.#closed = true;
      this.#conditions.wake();
    });
    t.after(() => this.#child.kill('SIGKILL'));
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The match of `pattern` in what was printed on stdout, as soon as it is there. */
  async printed(pattern) {
    await this.until(() => pattern.test(this.stdout));
    return pattern.exec(this.stdout);
  }

  /** Resolves when `isDone()` holds; looks after each output. Rejects when the program ends before. */
  until(isDone) {
    return this.#conditions.until(isDone);
  }
}
