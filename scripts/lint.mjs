// npm run lint: format, lints and types, in both languages.
import { runCargo, runMain, runSteps, runTool } from './run.mjs';
import { setup } from './setup.mjs';
import { checkTypes } from './types.mjs';

await runMain(async () => {
  await setup();
  await runSteps([
    ['rustfmt', () => runCargo(['fmt', '--all', '--check'])],
    ['rustfmt: the fuzz targets', () => runCargo(['fmt', '--manifest-path', 'fuzz/Cargo.toml', '--check'])],
    ['clippy: the core alone', () => clippy('--no-default-features')],
    ['clippy: with the binding', () => clippy()],
    ['clippy: over kqueue', () => runCargo(['clippy', '--locked', '--lib', '--', '--cfg', 'kqueue', '-D', 'warnings'])],
    ['eslint', () => runTool('eslint/bin/eslint.js', ['--max-warnings=0', '.'], { label: 'eslint' })],
    ['types', checkTypes]
  ]);
});

function clippy(...features) {
  return runCargo(['clippy', '--locked', '--workspace', '--all-targets', ...features, '--', '-D', 'warnings']);
}
