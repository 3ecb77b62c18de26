// node scripts/test-js.mjs [--in-turn] [folder or file...]: node:test over the *.test.js and *.test.mjs files.
// Node 20 and later versions take a pattern in different ways, so the files are listed here.
import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, root, run, runMain, runSteps } from './run.mjs';

/**
 * Runs the tests in `paths` (folders are not searched deeply), each file in a process of its own.
 * @param env what is added to the environment
 * @param atOnce how many files run at a time: Node's own choice is one less than there are processors
 */
export function testJs(paths, env, atOnce = availableParallelism()) {
  const files = paths.flatMap(testFiles);
  if (files.length === 0) throw new Failure(`No test files in ${paths.join(', ')}.`);
  const flags = ['--test', '--test-reporter=spec', `--test-concurrency=${atOnce}`];
  return run(process.execPath, [...flags, ...files], {
    label: `node --test (${files.length} files)`,
    env
  });
}

function testFiles(path) {
  const full = join(root, path);
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full)
    .filter((name) => /\.test\.m?js$/.test(name))
    .sort()
    .map((name) => relative(root, join(full, name)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  // For what counts events that a busy machine has more or fewer of.
  const inTurn = args[0] === '--in-turn';
  const paths = inTurn ? args.slice(1) : args;
  if (paths.length === 0) paths.push('test-js');
  await runMain(() => runSteps([
    [`Tests in ${paths.join(', ')} on Node ${process.version}`, async () => testJs(paths, {}, inTurn ? 1 : undefined)]
  ]));
}
