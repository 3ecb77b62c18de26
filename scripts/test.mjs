// npm test: set up what is missing, then every test that needs neither a browser nor Python.
import { runCargo, runMain, runSteps } from './run.mjs';
import { setup } from './setup.mjs';
import { testJs } from './test-js.mjs';

await runMain(async () => {
  await setup();
  await runSteps([
    ['Rust tests: the core alone', () => runCargo(['test', '--no-default-features'])],
    ['Rust tests: with the binding, and the benchmark\'s load', () =>
      runCargo(['test', '-p', 'ws13-native', '-p', 'ws13-bench-load'])],
    ['JavaScript tests', () => testJs(['test-js', 'bench'])],
    ['JavaScript tests, over streams alone', () => testJs(['test-js'], { WS13_TRANSPORT: 'stream' })]
  ]);
});
