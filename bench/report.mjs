// The results as Markdown, and their place in docs/benchmarks.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { spread } from './statistics.mjs';

const START = '<!-- results: npm run bench -- --update -->\n';
const END = '<!-- end of results -->\n';

/** One row a scenario, one column a contender, then the machine and who was measured. */
export function markdown({ machine, contenders, skipped, rounds, date, scenarios }) {
  const names = contenders.map(({ name }) => name);
  const table = [
    ['scenario', ...names, `${names[0]} against itself`],
    ['---', ...names.map(() => '---:'), '---:'],
    ...scenarios.map((scenario) => scenarioRow(scenario, names)),
  ];
  return [
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `${date}, ${rounds} rounds, ${machine.cpu} (${machine.cores} cores), ${machine.kernel}, ` +
      `Node ${machine.node}, ${machine.pinned}.`,
    '',
    ...contenders.map(({ name, about, version }) => `- **${name}**: ${about} (${version})`),
    ...skipped.map((name) => `- **${name}** could not be loaded, and is left out`),
    ...gaps(scenarios),
    '',
  ].join('\n');
}

/** The dashes of the table, each with its reason. */
function gaps(scenarios) {
  const reasons = scenarios.flatMap(({ results }) =>
    Object.entries(results)
      .filter(([, { unfit }]) => unfit)
      .map(([name, { unfit }]) => `- ${name} has a dash where ${unfit}`),
  );
  return [...new Set(reasons)];
}

function scenarioRow({ name, results, noise }, names) {
  const [baseline, ...others] = names;
  const cells = others.map((other) => {
    const { cpu, ratio, unfit } = results[other];
    return unfit ? '-' : `${micros(cpu)}, **${range(ratio)}**`;
  });
  return [name, micros(results[baseline].cpu), ...cells, range(noise)];
}

/** Median, then the extremes of the rounds. */
function range(values) {
  const { median, min, max } = spread(values);
  return `${fixed(median)} (${fixed(min)}-${fixed(max)})`;
}

function micros(values) {
  const { median } = spread(values);
  return `${median < 100 ? median.toPrecision(3) : median.toFixed(0)} µs`;
}

/** Two digits that count, whether the ratio is 0.02 or 1.00. */
function fixed(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

/** Puts the results between the two marks of the page. */
export function updatePage(page, results) {
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${page} has no place for the results`);
  writeFileSync(page, text.slice(0, from) + START + '\n' + results + '\n' + text.slice(to));
}
