// npm run test:instructions: the codec may not take more instructions a frame than bounds.json
// allows. It depends on no time and no other load, so it can run anywhere where valgrind does.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure, runMain, say } from '../../scripts/run.mjs';
import { build, hasCallgrind, instructions, list } from './binary.mjs';
import { judge } from './judge.mjs';

const BOUNDS = fileURLToPath(new URL('bounds.json', import.meta.url));

await runMain(async () => {
  const bounds = JSON.parse(readFileSync(BOUNDS, 'utf8'));
  if (!hasCallgrind()) throw new Failure('valgrind was not found; the bounds are on what its callgrind counts.');
  if (!isComparable()) {
    say('skipped: the bounds are those of an x64 processor with AVX2, on Linux');
    return;
  }
  const binary = build({ peers: false });
  const runs = list(binary).map((run) => ({ ...run, key: `${run.who} ${run.name}` }));
  const counts = new Map();
  for (const run of runs.filter(({ key }) => key in bounds)) {
    counts.set(run.key, await instructions(binary, run));
  }
  const { lines, failed } = judge(bounds, counts);
  lines.forEach(say);
  if (failed > 0) throw new Failure(`${failed} of ${lines.length} bounds on instructions a frame do not hold.`);
});

function isComparable() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  return /^flags\s*:.*\bavx2\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
}
