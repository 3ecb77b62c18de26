// npm run sanitize -- [address | thread] [file...]: the tests of native code with a sanitizer in it, on
// Linux; both of them, one after the other, unless one is named. Node itself has none; the sanitizer's
// runtime, gcc's, is loaded before it, so that memory and locks of Node's are watched as well.
// RUSTC_BOOTSTRAP lets the stable compiler take the flag.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, root, run, runCargo, runMain, runSteps } from './run.mjs';
import { setup } from './setup.mjs';
import { testJs } from './test-js.mjs';

const TARGET = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
const FOLDER = join(root, '.cache', 'sanitize');
const MEMORY = join(FOLDER, 'tsan-memory.so');
const SUPPRESSIONS = join(FOLDER, 'suppressions.txt');

/**
 * Node's own locks are partly made of atomics, which ThreadSanitizer does not see there. And napi-sys looks
 * Node's functions up again for every environment: the same pointers in the same places.
 */
const NOT_OURS = ['^v8::', '^node::', '^uv_', 'napi_sys9functions*load'];

const SANITIZERS = {
  address: {
    // What leads through native code with memory that is lent, freed or transferred meanwhile.
    files: [
      'reactor', 'reactor-socket', 'reactor-broadcast', 'reactor-process', 'attachment', 'chunks', 'receive',
      'reentrancy', 'send', 'vectors', 'workers'
    ],
    flags: '-Zsanitizer=address',
    preload: () => [runtime('libasan.so')],
    // What Node has not freed at its end is not for us to judge.
    env: { ASAN_OPTIONS: 'detect_leaks=0' }
  },
  thread: {
    // What runs on more than one thread: workers, and what is compressed in the background.
    files: ['workers', 'deflate-threads', 'reactor'],
    // The standard library has no sanitizer in it: what only goes through its own locks is not seen.
    flags: '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer',
    preload: () => [runtime('libtsan.so'), MEMORY],
    prepare: async () => {
      writeFileSync(SUPPRESSIONS, NOT_OURS.map((name) => `race:${name}\n`).join(''));
      await run('gcc', ['-O1', '-fno-builtin', '-shared', '-fPIC', '-o', MEMORY, join(root, 'scripts/tsan-memory.c')]);
    },
    env: { TSAN_OPTIONS: `ignore_noninstrumented_modules=1 suppressions=${SUPPRESSIONS}` }
  }
};

await runMain(async () => {
  if (process.platform !== 'linux') throw new Failure('The sanitizers are set up for Linux alone.');
  const [first, ...rest] = process.argv.slice(2);
  const isNamed = Object.hasOwn(SANITIZERS, first ?? '');
  const names = isNamed ? [first] : Object.keys(SANITIZERS);
  const files = isNamed || first === undefined ? rest : [first, ...rest];
  await setup();
  await runSteps(names.flatMap((name) => [
    [`The addon with the ${name} sanitizer`, () => build(name)],
    [`Tests with the ${name} sanitizer`, () => test(name, files)]
  ]));
});

/** A build with a folder of its own, and a target: build scripts and macros must not have the flag. */
async function build(name) {
  const { flags, prepare } = SANITIZERS[name];
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  await prepare?.();
  await runCargo(['build', '--lib', '--target', TARGET, '--target-dir', folder], {
    // With the checks of a debug build, and not as slow as one.
    env: { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: flags, CARGO_PROFILE_DEV_OPT_LEVEL: '1' }
  });
  copyFileSync(join(folder, TARGET, 'debug', 'libws13_native.so'), addonOf(name));
}

async function test(name, named) {
  const { files, preload, env } = SANITIZERS[name];
  const paths = named.length > 0 ? named : files.map((file) => `test-js/${file}.test.js`);
  await testJs(paths, { ...env, LD_PRELOAD: preload().join(' '), NAPI_RS_NATIVE_LIBRARY_PATH: addonOf(name) });
}

function addonOf(name) {
  return join(FOLDER, `ws13-native.${name}.node`);
}

function runtime(library) {
  const path = execFileSync('gcc', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim();
  // Where there is none, gcc gives the bare name back.
  if (path === library) throw new Failure(`gcc has no ${library}: install its sanitizer library.`);
  return path;
}
