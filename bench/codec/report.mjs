// The codec's results as Markdown, and their place in docs/codec.md.

import { marksOf, putResults } from '../page.mjs';
import { spread } from '../statistics.mjs';

const MARKS = marksOf('npm run bench:codec -- --update');

const SIZES = ['16B', '64B', '1KiB', '16KiB', '64KiB', '1MiB'];
const RUST = ['ours', 'lent', 'fastwebsockets', 'tungstenite'];
const SCRIPTS = ['ours', 'ws', 'ws without bufferutil'];

/** All tables, and what they were measured on. */
export function markdown({ date, rounds, machine, rustc, kernels, times, scripts, instructions }) {
  return [
    `${date}, ${rounds} rounds, ${machine.cpu} (${machine.cores} cores), ${machine.kernel}, rustc ${rustc}, `
      + `Node ${machine.node}.`,
    '',
    '### Nanoseconds a frame, in Rust',
    '',
    ...table(RUST, times, time),
    '',
    ...(instructions.length === 0 ? [] : [
      '### Instructions a frame, in Rust',
      '',
      ...table(RUST, instructions, ({ instructions: count }) => digits(count)),
      ''
    ]),
    '### Nanoseconds a frame, in JavaScript',
    '',
    ...table(SCRIPTS, scripts, time),
    '',
    '### Gigabytes a second',
    '',
    ...kernelTable(kernels),
    ''
  ].join('\n');
}

/** A row a case, a column a contender. */
function table(names, rows, cell) {
  const cases = [...new Set(rows.map((row) => row.case))];
  return lines([
    ['frame', ...names],
    ['---', ...names.map(() => '---:')],
    ...cases.map((name) => [name, ...names.map((who) => {
      const row = rows.find((found) => found.case === name && found.who === who);
      return row === undefined ? '-' : cell(row);
    })])
  ]);
}

/** The median, and the least and the greatest of the rounds. */
function time({ ns }) {
  const { median, min, max } = spread(ns);
  return `${digits(median)} (${digits(min)}-${digits(max)})`;
}

function kernelTable(rows) {
  const names = [...new Set(rows.map(({ kernel }) => kernel))];
  const sizes = [...new Set(rows.map(({ bytes }) => bytes))];
  return lines([
    ['', ...SIZES],
    ['---', ...SIZES.map(() => '---:')],
    ...names.map((name) => [name, ...sizes.map((bytes) => {
      const { ns } = rows.find((row) => row.kernel === name && row.bytes === bytes);
      const { median, min, max } = spread(ns.map((each) => bytes / each));
      return `${digits(median)} (${digits(min)}-${digits(max)})`;
    })])
  ]);
}

function lines(cells) {
  return cells.map((row) => `| ${row.join(' | ')} |`);
}

/** Three digits that count, as the tables need no more. */
function digits(value) {
  return value < 100 ? value.toPrecision(value < 10 ? 2 : 3) : value.toFixed(0);
}

/** Puts the results between the two marks of the page. */
export function updatePage(page, results) {
  putResults(page, MARKS, results);
}
