// npm run sanitize -- [file...]: the tests of native code with AddressSanitizer in it, on Linux.
// Node itself has none; the sanitizer's runtime, gcc's, is loaded before it, so that the memory of
// Buffers is watched as well. RUSTC_BOOTSTRAP lets the stable compiler take the flag.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, root, runCargo, runMain, runSteps } from './run.mjs';
import { setup } from './setup.mjs';
import { testJs } from './test-js.mjs';

const TARGET = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
const FOLDER = join(root, '.cache', 'sanitize');
const ADDON = join(FOLDER, 'ws13-native.node');

/** What leads through native code with memory that is lent, freed or transferred meanwhile. */
const FILES = [
  'reactor', 'reactor-socket', 'reactor-process', 'attachment', 'receive', 'reentrancy', 'send',
  'vectors', 'workers'
].map((name) => `test-js/${name}.test.js`);

await runMain(async () => {
  if (process.platform !== 'linux') throw new Failure('The sanitizer is set up for Linux alone.');
  const files = process.argv.slice(2);
  await setup();
  const runtime = findRuntime();
  await runSteps([
    ['The addon with AddressSanitizer', build],
    ['Tests with AddressSanitizer', () => testJs(files.length > 0 ? files : FILES, {
      LD_PRELOAD: runtime,
      NAPI_RS_NATIVE_LIBRARY_PATH: ADDON,
      // What Node has not freed at its end is not for us to judge.
      ASAN_OPTIONS: 'detect_leaks=0'
    })]
  ]);
});

/** A build with a folder of its own, and a target: build scripts and macros must not have the flag. */
async function build() {
  await runCargo(['build', '--lib', '--target', TARGET, '--target-dir', FOLDER], {
    env: { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: '-Zsanitizer=address' }
  });
  copyFileSync(join(FOLDER, TARGET, 'debug', 'libws13_native.so'), ADDON);
}

function findRuntime() {
  const path = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  // Where there is none, gcc gives the bare name back.
  if (path === 'libasan.so') throw new Failure('gcc has no libasan.so: install its sanitizer library.');
  return path;
}
