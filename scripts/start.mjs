// npm start: set up what is missing, then become the demo server.
import Module from 'node:module';
import { join } from 'node:path';
import { root, runMain } from './run.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  await setup();
  if (process.env.npm_lifecycle_event === 'start') endWithNpm();
  // In this process, as its main module: Ctrl-C reaches the server itself, and reaches it once.
  process.argv = [process.argv[0], join(root, 'demo', 'server.js'), ...process.argv.slice(2)];
  Module.runMain();
});

/** npm hands SIGTERM to its shell, and a shell dies of it alone: the server would stay behind. */
function endWithNpm() {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}
