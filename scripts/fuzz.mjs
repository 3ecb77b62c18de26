// npm run fuzz -- [--target NAME] [--seconds N]: looks for inputs that break the laws in fuzz/targets.
// The flags are those of cargo-fuzz but for its sanitizer: so they do on a stable compiler.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, root, runCargo, runMain, runSteps } from './run.mjs';

const FLAGS = [
  '--cfg=fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares'
].join(' ');

/** What each target starts from. */
const SEEDS = { decoder: vectors, deflate: packed, bytes: texts, handshake: requests };

const LONGEST_INPUT = 4096;

await runMain(async () => {
  const { targets, seconds } = readOptions();
  await runSteps(targets.map((target) => [
    `fuzzing ${target} for ${seconds} s`, () => fuzz(target, seconds)
  ]));
});

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({ options: { target: { type: 'string' }, seconds: { type: 'string', default: '60' } } }));
  } catch (error) {
    throw new Failure(error.message);
  }
  const known = Object.keys(SEEDS);
  if (values.target !== undefined && !known.includes(values.target)) {
    throw new Failure(`There is no target ${values.target}; there are ${known.join(', ')}.`);
  }
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1) throw new Failure('--seconds: a whole number from 1 on is needed.');
  return { targets: values.target === undefined ? known : [values.target], seconds };
}

function fuzz(target, seconds) {
  const folder = join(root, '.cache', 'fuzz', target);
  const corpus = join(folder, 'corpus');
  mkdirSync(corpus, { recursive: true });
  SEEDS[target]().forEach((seed, index) => writeFileSync(join(corpus, `seed-${index}`), seed));
  return runCargo([
    'run', '--release', '--locked', '--manifest-path', join('fuzz', 'Cargo.toml'),
    // With a target of its own, build scripts and macros are built without the flags.
    '--target', hostTriple(), '--target-dir', join('target', 'fuzz'), '--bin', target, '--',
    `-max_total_time=${seconds}`, `-max_len=${LONGEST_INPUT}`, '-print_final_stats=1',
    `-artifact_prefix=${folder}/`, corpus
  ], { label: `fuzzing ${target}`, env: { RUSTFLAGS: FLAGS } });
}

function hostTriple() {
  return /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1];
}

/** The streams of tests/vectors, each for its role. */
function vectors() {
  const folder = join(root, 'tests', 'vectors');
  const rows = readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  const roles = [undefined, 'server', 'client'];
  return rows.map(({ role, chunks }) => Buffer.concat([
    Buffer.from([Math.max(0, roles.indexOf(role)), 2, 200]),
    ...chunks.map((chunk) => Buffer.from(chunk.replaceAll(' ', ''), 'hex'))
  ]));
}

/** Streams of a server's, with contexts and without. */
function packed() {
  const rows = JSON.parse(readFileSync(join(root, 'tests', 'vectors', 'deflate.json'), 'utf8'));
  return rows.filter(({ role }) => role === 'client').map(({ chunks, deflate }) => Buffer.concat([
    Buffer.from([deflate.includes('no_context') ? 0 : 1, 2, 200]),
    ...chunks.map((chunk) => Buffer.from(chunk.replaceAll(' ', ''), 'hex'))
  ]));
}

function texts() {
  const head = Buffer.from([0x37, 0xfa, 0x21, 0x3d, 0, 7]);
  return ['Hello', 'κόσμε', 'naïve, 日本語 🙂'].map((text) => Buffer.concat([head, Buffer.from(text)]));
}

function requests() {
  const fields = [
    'GET /chat HTTP/1.1', 'Host: localhost:12345', 'Connection: keep-alive, Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  ];
  const request = (...more) => Buffer.from(`\x10${[...fields, ...more].join('\r\n')}\r\n\r\n`);
  return [request(), request('Sec-WebSocket-Protocol: chat, superchat', 'Origin: http://localhost')];
}
