// The Rust half of the codec's benchmark: building it, running it, counting its instructions.

import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Failure } from '../../scripts/run.mjs';

const MANIFEST = fileURLToPath(new URL('Cargo.toml', import.meta.url));

/**
 * The C library copies large blocks by one instruction that repeats itself, which callgrind counts
 * once for each byte.
 */
const NO_REPEATED_MOVE = 'glibc.cpu.x86_rep_movsb_threshold=1000000000';

/** A run has at least so many frames, so that what does not belong to a frame weighs little. */
const LEAST_FRAMES = 16;

/** Builds it and gives its path; without the peers there is less to build. */
export function build({ peers }) {
  const output = execFileSync(
    'cargo',
    ['build', '--release', '--locked', '--manifest-path', MANIFEST, '--message-format=json-render-diagnostics',
      ...(peers ? [] : ['--no-default-features'])],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 }
  );
  const messages = output.trim().split('\n').map((line) => JSON.parse(line));
  return messages.find(({ executable }) => executable).executable;
}

/** What can be run: `{ name, who, frames }`, where a run is of a multiple of `frames`. */
export function list(binary) {
  const lines = execFileSync(binary, ['list'], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => line.split(' ')).map(([name, who, frames]) => ({ name, who, frames: Number(frames) }));
}

/** The lines of JSON that a subcommand prints. */
export function rows(binary, prefix, ...args) {
  const [command, ...rest] = [...prefix, binary, ...args];
  const output = execFileSync(command, rest, { encoding: 'utf8', maxBuffer: 64 << 20 });
  return output.trim().split('\n').map((line) => JSON.parse(line));
}

/** Whether there is a valgrind. */
export function hasCallgrind() {
  try {
    execFileSync('valgrind', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Instructions a frame, by callgrind. The difference between a run and one twice as long leaves
 * out what a process does before its first frame and after its last.
 */
export async function instructions(binary, { name, who, frames }) {
  const least = frames * Math.ceil(LEAST_FRAMES / frames);
  const [short, long] = await Promise.all([
    count(binary, name, who, least * 2), count(binary, name, who, least * 4)
  ]);
  return (long - short) / (least * 2);
}

async function count(binary, name, who, frames) {
  const { stderr } = await promisify(execFile)(
    'valgrind',
    ['--tool=callgrind', '--callgrind-out-file=/dev/null', binary, 'run', name, who, `${frames}`],
    { env: { ...process.env, GLIBC_TUNABLES: NO_REPEATED_MOVE } }
  );
  const collected = /Collected : (\d+)/.exec(stderr);
  if (collected === null) throw new Failure(`callgrind counted nothing:\n${stderr}`);
  return Number(collected[1]);
}
