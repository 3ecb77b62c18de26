// Results that last: as JSON, and in docs/ as tables and a chart.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.mjs';
import { contenders as known } from './contenders.mjs';
import { marksOf, putResults } from './page.mjs';
import { markdown } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { rowName } from './figures.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** All numbers of the last run. */
export const LATEST = here('../.cache/bench/latest.json');

const PLACES = { page: here('../docs/benchmarks.md'), folder: here('../docs/benchmarks') };

const MARKS = marksOf('npm run bench -- --update');

/** Four digits: more would be noise, and make every run a large change. */
export function save(path, report) {
  const round = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(report, round, 1) + '\n');
}

/**
 * Puts a report beside those of other Nodes, and the tables of all of them into the page. Rows that
 * were not measured anew stay, if they are of the same machine and the same versions.
 *
 * @returns {string[]} the paths of what was written
 */
export function publish(report, { page, folder } = PLACES) {
  const major = /^v(\d+)/.exec(report.machine.node)[1];
  const path = join(folder, `node-${major}.json`);
  save(path, merge(load(path), report));

  const reports = readdirSync(folder)
    .filter((name) => /^node-\d+\.json$/.test(name))
    .sort()
    .map((name) => load(join(folder, name)));
  const picture = join(folder, 'chart.svg');
  writeFileSync(picture, chart(reports[0]));
  updatePage(page, reports.map(section).join('\n'));
  return [path, picture, page];
}

function section(report) {
  return `### Node ${report.machine.node}\n\n${markdown(report)}`;
}

/** `latest`, with the rows of `earlier` that it does not have. */
export function merge(earlier, latest) {
  const rest = earlier !== null && isComparable(earlier, latest)
    ? earlier.rows.filter(({ name }) => !latest.rows.some((row) => row.name === name))
    : [];
  if (rest.length === 0) return latest;
  const isNew = (list) => (each) => !list.some(({ name }) => name === each.name);
  const others = earlier.contenders.filter(isNew(latest.contenders));
  const contenders = inOrder([...latest.contenders, ...others], CONTENDERS);
  const isMissing = (name) => !contenders.some((each) => each.name === name);
  const skipped = [...new Set([...latest.skipped, ...earlier.skipped])].filter(isMissing);
  return { ...latest, contenders, skipped, rows: inOrder([...latest.rows, ...rest], ROWS) };
}

function isComparable(earlier, { machine, contenders }) {
  const versions = new Map(earlier.contenders.map(({ name, version }) => [name, version]));
  return JSON.stringify(earlier.machine) === JSON.stringify(machine)
    && contenders.every(({ name, version }) => (versions.get(name) ?? version) === version);
}

const ROWS = scenarios.flatMap((scenario) => scenario.figures.map((figure) => rowName(scenario, figure)));
const CONTENDERS = known.map(({ name }) => name);

/** What has a name, in the order of those names; what they do not know is last. */
function inOrder(list, names) {
  const place = ({ name }) => (names.includes(name) ? names.indexOf(name) : names.length);
  return list.sort((a, b) => place(a) - place(b));
}

function load(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Puts the results between the two marks of the page. */
export function updatePage(page, results) {
  putResults(page, MARKS, results);
}
