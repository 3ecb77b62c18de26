import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chart } from './chart.mjs';
import { merge, publish, updatePage } from './publish.mjs';
import { markdown } from './report.mjs';

const row = {
  name: 'echo 50x1x64B text',
  headline: true,
  unit: 'µs',
  date: '2000-01-01',
  rounds: 2,
  noise: [1.01, 0.99],
  results: {
    ws: { values: [10, 12, 11, 11] },
    listen: { values: [0.3, 0.2], ratio: [0.03, 0.02] },
    uws: { values: [0.6, 0.4], ratio: [0.06, 0.04] },
    article: { unfit: 'it cannot' },
    driver: { failed: 'driver failed in echo: a reason' },
  },
};

const report = {
  machine: { cpu: 'A <CPU>', cores: 2, kernel: 'K', node: 'v20.0.0', pinned: 'not pinned' },
  contenders: ['ws', 'listen', 'uws', 'article', 'driver'].map((name) => ({ name, about: name, version: '1' })),
  skipped: ['bun'],
  rows: [row],
};

const MARKS = ['<!-- results: npm run bench -- --update -->', '<!-- end of results -->'];

test('the table gives medians, spreads, noise and the reason of a dash', () => {
  const lines = markdown(report).split('\n');
  assert.equal(lines[0], '| scenario | ws | listen | uws | article | driver | ws against itself |');
  assert.equal(
    lines[2],
    '| echo 50x1x64B text | 11.0 µs | 0.250 µs, **0.025 (0.020-0.030)** | 0.500 µs, **0.050 (0.040-0.060)** '
      + '| - | - | 1.00 (0.99-1.01) |',
  );
  assert.ok(lines.includes('- **bun** could not be loaded, and is left out'));
  assert.ok(lines.includes('- article has a dash where it cannot'));
  assert.ok(lines.includes('- driver failed in echo: a reason'));
});

test('a second table compares this project with the second baseline', () => {
  const lines = markdown(report).split('\n');
  const head = lines.indexOf('| scenario | listen / uws |');
  assert.equal(lines[head + 2], '| echo 50x1x64B text | **0.50 (0.50-0.50)** |');
});

test('the chart has a bar for each contender that was measured', () => {
  const svg = chart(report);
  assert.match(svg, /^<svg .*viewBox/);
  assert.ok(svg.includes('A &lt;CPU&gt;'));
  assert.deepEqual(svg.match(/>0\.0\d+</g), ['>0.025<', '>0.050<']);
  assert.ok(!svg.includes('article'));
});

test('rows that were not measured anew stay, unless they are of other versions or machines', () => {
  const other = { ...report, rows: [{ ...row, name: 'echo 500x1x64B text' }] };
  const names = (earlier) => merge(earlier, other).rows.map(({ name }) => name);
  assert.deepEqual(names(report), ['echo 50x1x64B text', 'echo 500x1x64B text']);
  assert.deepEqual(names(null), ['echo 500x1x64B text']);
  const versions = report.contenders.map((each) => ({ ...each, version: '0' }));
  assert.deepEqual(names({ ...report, contenders: versions }), ['echo 500x1x64B text']);
  const machine = { ...report.machine, cores: 1 };
  assert.deepEqual(names({ ...report, machine }), ['echo 500x1x64B text']);
  assert.equal(merge(report, { ...report, rows: [{ ...row, rounds: 9 }] }).rows[0].rounds, 9);
  // Whoever was measured in the second go stays in its column.
  const [ws, listen, ...others] = report.contenders;
  const columns = merge({ ...report, contenders: [ws, listen] }, { ...other, contenders: [ws, ...others] }).contenders;
  assert.deepEqual(columns.map(({ name }) => name), ['ws', 'listen', 'uws', 'driver', 'article']);
  // The first is the baseline: one that is measured no more must not take its place.
  const gone = { name: 'gone', about: 'gone', version: '1' };
  const kept = merge({ ...report, contenders: [gone, ws] }, other).contenders;
  assert.deepEqual([kept[0].name, kept.at(-1).name], ['ws', 'gone']);
});

test('an update replaces the results and keeps the rest of the page', (t) => {
  const folder = temporary(t);
  const page = join(folder, 'page.md');
  writeFileSync(page, `before\n${MARKS[0]}\nold\n${MARKS[1]}\nafter\n`);
  updatePage(page, 'new');
  assert.equal(readFileSync(page, 'utf8'), `before\n${MARKS[0]}\n\nnew\n${MARKS[1]}\nafter\n`);
  writeFileSync(page, 'no marks\n');
  assert.throws(() => updatePage(page, 'new'), /no place for the results/);
});

test('each Node has a section of its own', (t) => {
  const folder = temporary(t);
  const page = join(folder, 'page.md');
  writeFileSync(page, `${MARKS[0]}\n${MARKS[1]}\n`);
  publish(report, { page, folder });
  publish({ ...report, machine: { ...report.machine, node: 'v22.1.0' } }, { page, folder });
  assert.deepEqual(readFileSync(page, 'utf8').match(/^### .*$/gm), ['### Node v20.0.0', '### Node v22.1.0']);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'node-20.json'), 'utf8')).rows[0].noise, [1.01, 0.99]);
  assert.match(readFileSync(join(folder, 'chart.svg'), 'utf8'), /^<svg/);
});

function temporary(t) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
