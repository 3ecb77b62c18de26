// What the other scripts share: running a tool with its own output, and saying what goes on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** A failure that is explained in full by its message: printed without a stack. */
export class Failure extends Error {}

// A tool that is silent for longer (a linker, a download) gets a line that it is still at work.
const TICK_MS = 15_000;

/**
 * Runs `command` in the top folder with its own output, and rejects with a `Failure` unless it
 * exits with 0. `missing` says what to do where there is no such command.
 */
export function run(command, args, { label, missing, env } = {}) {
  const name = label ?? [basename(command), ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env }
    });
    const started = Date.now();
    const ticker = setInterval(() => say(`still running: ${name} (${seconds(started)})`), TICK_MS);
    child.on('error', (error) => {
      clearInterval(ticker);
      const known = error.code === 'ENOENT' && missing;
      reject(new Failure(known ? missing : `${name} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearInterval(ticker);
      if (code === 0) resolve();
      else reject(new Failure(`${name} failed (${signal ?? `exit code ${code}`}).`));
    });
  });
}

/** `run` for npm, found the way that also works on Windows. */
export function runNpm(args, options) {
  const cli = process.env.npm_execpath;
  const label = ['npm', ...args].join(' ');
  if (cli !== undefined && basename(cli) === 'npm-cli.js') {
    return run(process.execPath, [cli, ...args], { label, ...options });
  }
  return run('npm', args, { label, missing: 'npm was not found; it comes with Node.js.', ...options });
}

/** `run` for the JavaScript file of a development dependency, with the Node that runs this. */
export function runTool(file, args, options) {
  const path = join(root, 'node_modules', file);
  if (!existsSync(path)) throw new Failure(`${file} is missing: run \`node scripts/setup.mjs\` first.`);
  return run(process.execPath, [path, ...args], options);
}

/** `run` for cargo, with help where there is none. */
export function runCargo(args, options) {
  return run('cargo', args, {
    missing: 'cargo was not found. The addon is written in Rust: install it from https://rustup.rs,\n'
      + 'open a new terminal, and run the command again.',
    ...options
  });
}

/** Prints one line of ours, marked so that it stands out from the tools' own lines. */
export function say(line) {
  console.log(`[ws13] ${line}`);
}

/** Whole seconds since `started` (milliseconds of `Date.now()`), as text. */
export function seconds(started) {
  return `${Math.round((Date.now() - started) / 1000)} s`;
}

/**
 * Runs all `steps` (`[title, function]`), also after one has failed, prints a summary, and sets
 * the exit code.
 */
export async function runSteps(steps) {
  const summary = [];
  for (const [title, step] of steps) {
    const started = Date.now();
    say(title);
    const failure = await step().then(() => null, onlyFailure);
    if (failure !== null) {
      say(failure.message);
      process.exitCode = 1;
    }
    summary.push(`${failure === null ? 'passed' : 'FAILED'}  ${title} (${seconds(started)})`);
  }
  summary.forEach(say);
}

/** Runs a script's `main`: a `Failure` becomes its message and exit code 1. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(`[ws13] ${onlyFailure(error).message}`);
    process.exitCode = 1;
  }
}

function onlyFailure(error) {
  if (!(error instanceof Failure)) throw error;
  return error;
}
