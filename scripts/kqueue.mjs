// npm run test:kqueue -- [file...]: the reactor's tests over kqueue, macOS's poller, on Linux. A stand-in
// in C makes kqueue of epoll: what it shows, and what only a Mac can, is in docs/testing.md.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, root, run, runCargo, runMain, runSteps } from './run.mjs';
import { setup } from './setup.mjs';
import { testJs } from './test-js.mjs';

const FOLDER = join(root, '.cache', 'kqueue');
const ADDON = join(FOLDER, 'ws13-native.node');
const KQUEUE = join(FOLDER, 'kqueue.o');

/** What leads through the poller: all that can become of a socket. */
const FILES = [
  'reactor', 'reactor-socket', 'reactor-errors', 'reactor-process', 'reactor-turn', 'attachment', 'faults',
  'lifecycle', 'pause', 'scale', 'soak', 'sockets', 'stream', 'streaming', 'workers'
].map((name) => `test-js/${name}.test.js`);

await runMain(async () => {
  if (process.platform !== 'linux') throw new Failure('The stand-in for kqueue is for Linux alone.');
  const files = process.argv.slice(2);
  await setup();
  await runSteps([
    ['The addon over kqueue', build],
    ['Tests over kqueue', () => testJs(files.length > 0 ? files : FILES, {
      NAPI_RS_NATIVE_LIBRARY_PATH: ADDON
    })]
  ]);
});

async function build() {
  mkdirSync(FOLDER, { recursive: true });
  await run('gcc', [
    '-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-c', 'test-js/support/kqueue.c', '-o', KQUEUE
  ], { missing: 'gcc was not found: the stand-in for kqueue is written in C.' });
  await runCargo([
    'rustc', '--lib', '--crate-type', 'cdylib', '--target-dir', FOLDER, '--',
    '--cfg', 'kqueue', '-C', `link-arg=${KQUEUE}`
  ]);
  copyFileSync(join(FOLDER, 'debug', 'libws13_native.so'), ADDON);
}
