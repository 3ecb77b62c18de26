'use strict';

// Child processes: the tests that measure, kill or wait for the end of a process of their own.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { bounded } = require('./bounded.js');

/**
 * Runs `node [flags] children/<name>.js ...args` to its end, which is bounded far above what it takes.
 * @param env what the environment has besides this one's
 * @returns {{ code, signal, stdout, stderr }}
 */
async function run(name, args = [], flags = [], env = {}) {
  const file = join(__dirname, '../children', `${name}.js`);
  const child = spawn(process.execPath, [...flags, file, ...args.map(String)], {
    timeout: 180_000, env: { ...process.env, ...env }
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout), text(child.stderr), once(child, 'close')
  ]);
  return { code, signal, stdout, stderr };
}

async function text(stream) {
  stream.setEncoding('utf8');
  let all = '';
  for await (const chunk of stream) all += chunk;
  return all;
}

/** A process whose lines are read as they come; `line(pattern)` waits for one. */
class Program {
  #lines = [];
  #waiting = new Set();

  constructor(command, args, options) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.ended = { code, signal };
      for (const { reject } of this.#waiting) reject(new Error(`exited with ${code ?? signal}:\n${this.output}`));
      return this.ended;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) this.#read(stream);
  }

  get output() {
    return this.#lines.join('\n');
  }

  line(pattern) {
    return bounded(`a line like ${pattern}`, new Promise((resolve, reject) => {
      const found = this.#lines.find((line) => pattern.test(line));
      if (found !== undefined) resolve(found);
      else if (this.ended !== undefined) reject(new Error(`exited before ${pattern}:\n${this.output}`));
      else this.#waiting.add({ pattern, resolve, reject });
    }));
  }

  async stop() {
    if (this.ended === undefined) this.child.kill('SIGKILL');
    return this.exited;
  }

  #read(stream) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) this.#take(line);
    });
  }

  #take(line) {
    this.#lines.push(line);
    for (const waiting of this.#waiting) {
      if (!waiting.pattern.test(line)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(line);
    }
  }
}

/** Runs one measurement of children/memory.js: by how many bytes the process has grown. */
async function grownBy(name, ...args) {
  const { code, signal, stdout, stderr } = await run('memory', [name, ...args], ['--expose-gc']);
  if (code !== 0) throw new Error(`memory ${name}: ${code ?? signal}\n${stderr}`);
  return JSON.parse(stdout);
}

module.exports = { run, grownBy, Program };
