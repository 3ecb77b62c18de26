// The chart of docs/benchmarks.md: bars of each contender's ratio to the baseline.

import { spread } from './statistics.mjs';

const COLORS = {
  ws: '#8b949e', receive: '#79b8ff', listen: '#2f81f7', reactor: '#0b3d91', net: '#3fb950',
  uws: '#e3873b', bun: '#d4a72c', 'ws-js': '#c9cdd2', driver: '#b08fc7', article: '#d0a9b3'
};

const WIDTH = 860;
const LEFT = 210;
const RIGHT = 70;
const BAR = 11;
const GAP = 14;
const TOP = 64;

/** Bars end here and say their number: what is much slower must not make the others invisible. */
const LONGEST = 1.25;

/**
 * SVG of the headline scenarios, or of all where there are none.
 *
 * @param {object} report as run.mjs makes it
 */
export function chart({ machine, contenders, rows }) {
  const measured = rows.filter(({ noise }) => noise.length > 0);
  const headline = measured.filter((row) => row.headline);
  const shown = headline.length > 0 ? headline : measured;
  const baseline = contenders[0].name;
  const groups = [];
  let y = TOP;
  for (const row of shown) {
    const bars = barsOf(row, baseline);
    groups.push(group(row.name, bars, y));
    y += bars.length * BAR + GAP;
  }
  const names = contenders.map(({ name }) => name)
    .filter((name) => shown.some((row) => barsOf(row, baseline).some((bar) => bar.name === name)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${y + 10}" fill="#ffffff"/>`,
    text(12, 20, `Cost as a fraction of ${baseline}: shorter is better`, 'font-size="14" font-weight="bold"'),
    text(12, 37, escape(`CPU a message, bytes a connection or latency; Node ${machine.node}, ${machine.cpu}`), 'fill="#57606a"'),
    ...legend(names),
    `<line x1="${x(1)}" x2="${x(1)}" y1="${TOP - 4}" y2="${y - GAP + 4}" stroke="#8b949e" stroke-dasharray="3 3"/>`,
    ...groups,
    '</svg>',
    ''
  ].join('\n');
}

function barsOf({ results }, baseline) {
  return Object.entries(results)
    .filter(([name, { ratio }]) => name !== baseline && ratio?.length > 0)
    .map(([name, { ratio }]) => ({ name, ratio: spread(ratio).median }));
}

function group(name, bars, top) {
  const middle = top + (bars.length * BAR) / 2 + 4;
  const lines = bars.map(({ name: contender, ratio }, index) => {
    const width = x(Math.min(Math.max(ratio, 0), LONGEST)) - LEFT;
    const y = top + index * BAR;
    const color = COLORS[contender] ?? '#333333';
    return `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${color}"/>`
      + text((LEFT + width + 4).toFixed(1), y + BAR - 3, label(ratio), 'font-size="9"');
  });
  return [text(LEFT - 8, middle, escape(name), 'text-anchor="end"'), ...lines].join('\n');
}

function legend(names) {
  return names.map((name, index) => {
    const left = LEFT + index * 90;
    return `<rect x="${left}" y="45" width="10" height="10" fill="${COLORS[name] ?? '#333333'}"/>`
      + text(left + 14, 54, escape(name));
  });
}

function label(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

function x(ratio) {
  return LEFT + (ratio / LONGEST) * (WIDTH - LEFT - RIGHT);
}

function text(left, y, content, attributes = '') {
  return `<text x="${left}" y="${y}" ${attributes}>${content}</text>`;
}

function escape(content) {
  return content.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]);
}
