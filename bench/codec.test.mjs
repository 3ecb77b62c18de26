import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { judge } from './codec/judge.mjs';
import { markdown, updatePage } from './codec/report.mjs';

const RESULTS = {
  date: '2020-01-02',
  rounds: 3,
  machine: { cpu: 'A CPU', cores: 2, kernel: 'Linux', node: 'v20.0.0' },
  rustc: '1.88.0',
  times: [
    { case: 'receive-ascii-64B', who: 'ours', ns: [11, 9, 10] },
    { case: 'receive-ascii-64B', who: 'lent', ns: [19] },
    { case: 'send-server-64B', who: 'ours', ns: [5] }
  ],
  instructions: [{ case: 'receive-ascii-64B', who: 'ours', instructions: 262.5 }],
  scripts: [{ case: 'send-server-64B', who: 'ws', ns: [120] }],
  kernels: ['16', '64', '1024', '16384', '65536', '1048576'].map((bytes) => (
    { kernel: 'memcpy', bytes: Number(bytes), ns: [Number(bytes) / 40] }
  ))
};

test('a bound holds up to its number, and breaks above it', () => {
  const bounds = { below: 100, at: 100, above: 100 };
  const { lines, failed } = judge(bounds, new Map([['below', 50], ['at', 100], ['above', 100.5]]));
  assert.equal(failed, 1);
  assert.deepEqual(lines.map((line) => line.split(' ')[0]), ['holds', 'holds', 'BROKEN']);
});

test('a bound on something that is not run any more is broken', () => {
  const { lines, failed } = judge({ gone: 100 }, new Map());
  assert.equal(failed, 1);
  assert.match(lines[0], /gone: was not run/);
});

test('the tables have a row a case, a column a contender, and a dash for who takes no part', () => {
  const text = markdown(RESULTS);
  assert.match(text, /\| receive-ascii-64B \| 10\.0 \(9\.0-11\.0\) \| 19\.0 \(19\.0-19\.0\) \| - \| - \|/);
  assert.match(text, /\| send-server-64B \| 5\.0 \(5\.0-5\.0\) \| - \| - \| - \|/);
  assert.match(text, /\| receive-ascii-64B \| 263 \| - \| - \| - \|/);
  assert.match(text, /\| memcpy \| 40\.0 \(40\.0-40\.0\) \|/);
});

test('without valgrind there is no table of instructions', () => {
  assert.doesNotMatch(markdown({ ...RESULTS, instructions: [] }), /### Instructions/);
});

test('the results take the place of those before, and of nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'codec-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  const [start, end] = ['<!-- results: npm run bench:codec -- --update -->\n', '<!-- end of results -->\n'];
  writeFileSync(page, `before\n${start}old\n${end}after\n`);
  updatePage(page, 'new\n');
  assert.equal(readFileSync(page, 'utf8'), `before\n${start}\nnew\n\n${end}after\n`);
});
