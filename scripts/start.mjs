// npm start: set up what is missing, then become the demo server.
import Module from 'node:module';
import { join } from 'node:path';
import { root, runMain } from './run.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  await setup();
  // In this process, as its main module: Ctrl-C and SIGTERM reach the server itself, once.
  process.argv = [process.argv[0], join(root, 'demo', 'server.js'), ...process.argv.slice(2)];
  Module.runMain();
});
