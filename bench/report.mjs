// The results as Markdown.

import { OURS, SECOND } from './contenders.mjs';
import { against, spread } from './statistics.mjs';

/** The tables, the machine, and who was measured. */
export function markdown({ machine, contenders, skipped, rows }) {
  const names = contenders.map(({ name }) => name);
  const [baseline, ...others] = names;
  return [
    ...table(
      ['scenario', ...names, `${baseline} against itself`],
      rows.map((row) => [
        row.name,
        value(row, baseline),
        ...others.map((name) => cell(row, name)),
        row.noise.length > 0 ? range(row.noise) : '-',
      ]),
    ),
    ...secondTable(names, rows),
    '',
    `${dates(rows)}, ${machine.cpu} (${machine.cores} cores), ${machine.kernel}, ` +
      `Node ${machine.node}, ${machine.pinned}.`,
    '',
    ...contenders.map(({ name, about, version }) => `- **${name}**: ${about} (${version})`),
    ...skipped.map((name) => `- **${name}** could not be loaded, and is left out`),
    ...gaps(rows),
    '',
  ].join('\n');
}

/** Ours beside the second baseline, where both are there. Not their memory: its has next to none. */
function secondTable(names, rows) {
  const ours = OURS.filter((name) => names.includes(name));
  const has = ({ results }, name) => results[name]?.ratio?.length > 0;
  const both = rows.filter((row) => row.unit === 'µs' && has(row, SECOND) && ours.some((name) => has(row, name)));
  if (both.length === 0) return [];
  const ratio = (row, name) => {
    if (!has(row, name)) return '-';
    return `**${range(against(row.results[name].ratio, row.results[SECOND].ratio))}**`;
  };
  return [
    '',
    `Against **${SECOND}** in the same rounds:`,
    '',
    ...table(
      ['scenario', ...ours.map((name) => `${name} / ${SECOND}`)],
      both.map((row) => [row.name, ...ours.map((name) => ratio(row, name))]),
    ),
  ];
}

function table(head, rows) {
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function cell(row, name) {
  const ratio = row.results[name]?.ratio;
  return ratio?.length ? `${value(row, name)}, **${range(ratio)}**` : '-';
}

/** The median, in the unit of the row. */
function value({ results, unit }, name) {
  const values = results[name]?.values;
  if (!values?.length) return '-';
  const { median } = spread(values);
  return `${Math.abs(median) < 100 ? median.toPrecision(3) : median.toFixed(0)} ${unit}`;
}

/** Median, then the extremes of the rounds. */
function range(values) {
  const { median, min, max } = spread(values);
  return `${fixed(median)} (${fixed(min)}-${fixed(max)})`;
}

/** Two digits that count, whether the ratio is 0.02 or 1.00. */
function fixed(ratio) {
  return ratio.toFixed(Math.abs(ratio) < 0.1 ? 3 : 2);
}

function dates(rows) {
  const text = rows.map(({ date, rounds }) => `${date}, ${rounds} rounds`);
  return [...new Set(text)].join('; ');
}

/** The dashes of the tables, each with its reason. */
function gaps(rows) {
  const reasons = rows.flatMap(({ results }) =>
    Object.entries(results).flatMap(([name, { unfit, failed }]) => {
      if (failed) return `- ${failed}`;
      return unfit ? `- ${name} has a dash where ${unfit}` : [];
    }),
  );
  return [...new Set(reasons)];
}
