import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCores } from './machine.mjs';
import { measure, startServer } from './measure.mjs';
import { markdown, updatePage } from './report.mjs';
import { order, ratios, spread } from './statistics.mjs';

const bench = { node: process.execPath, pins: { server: [], load: [] } };

test('the spread is the median and the extremes, compared as numbers', () => {
  assert.deepEqual(spread([10, 9, 100]), { median: 10, min: 9, max: 100 });
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(spread([7]), { median: 7, min: 7, max: 7 });
});

test('a steady drift of the machine leaves the ratios alone', () => {
  const { baseline, others } = ratios({ first: 10, last: 14, others: { same: 12, half: 6 } });
  assert.deepEqual(others, { same: 1, half: 0.5 });
  assert.equal(baseline, 1.4);
});

test('every other round runs backwards', () => {
  const names = ['a', 'b', 'c'];
  assert.deepEqual([0, 1, 2].map((round) => order(names, round).join('')), ['abc', 'cba', 'abc']);
});

test('reads a list of cores', () => {
  assert.deepEqual(parseCores('0-2,5'), [0, 1, 2, 5]);
  assert.deepEqual(parseCores('7'), [7]);
});

test('a contender that cannot load says why', async () => {
  await assert.rejects(startServer({ server: 'none.mjs' }, bench), /Cannot find module/);
  const missing = { ...bench, node: 'no-such-program' };
  await assert.rejects(startServer({ server: 'ws.mjs' }, missing), /no-such-program ENOENT/);
});

test('a load that fails says who failed, where and why', async () => {
  // Node stands for a load generator that ends at once: there is no script of that name.
  const failing = { ...bench, load: process.execPath };
  const scenario = { name: 'echo', kind: 'text', connections: 1, inFlight: 1, size: 1 };
  await assert.rejects(
    measure({ name: 'ws', server: 'ws.mjs' }, scenario, { warmUp: 1, messages: 1 }, failing),
    /^Error: ws failed in echo: Error: Cannot find module '.*address=/,
  );
});

const report = {
  date: '2000-01-01',
  rounds: 2,
  machine: { cpu: 'A CPU', cores: 2, kernel: 'K', node: 'v20.0.0', pinned: 'not pinned' },
  contenders: [
    { name: 'base', about: 'the baseline', version: '1' },
    { name: 'fast', about: 'a fast one', version: '2' },
    { name: 'old', about: 'an old one', version: '3' },
  ],
  skipped: ['gone'],
  scenarios: [
    {
      name: 'echo',
      noise: [1.01, 0.99],
      results: {
        base: { cpu: [10, 12, 11, 11] },
        fast: { cpu: [0.3, 0.2], ratio: [0.03, 0.02] },
        old: { unfit: 'it cannot' },
      },
    },
  ],
};

test('the table gives medians, spreads, noise and the reason of a dash', () => {
  const lines = markdown(report).split('\n');
  assert.equal(lines[0], '| scenario | base | fast | old | base against itself |');
  assert.equal(
    lines[2],
    '| echo | 11.0 µs | 0.250 µs, **0.025 (0.020-0.030)** | - | 1.00 (0.99-1.01) |',
  );
  assert.ok(lines.includes('- **gone** could not be loaded, and is left out'));
  assert.ok(lines.includes('- old has a dash where it cannot'));
});

test('an update replaces the results and keeps the rest of the page', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  const marks = ['<!-- results: npm run bench -- --update -->', '<!-- end of results -->'];
  writeFileSync(page, `before\n${marks[0]}\nold\n${marks[1]}\nafter\n`);
  updatePage(page, 'new');
  assert.equal(readFileSync(page, 'utf8'), `before\n${marks[0]}\n\nnew\n${marks[1]}\nafter\n`);
  writeFileSync(page, 'no marks\n');
  assert.throws(() => updatePage(page, 'new'), /no place for the results/);
});
