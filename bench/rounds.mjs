// All rounds of a scenario.

import { unfitness } from './contenders.mjs';
import { FIGURES, rowName } from './figures.mjs';
import { measure } from './measure.mjs';
import { countsFor } from './plan.mjs';
import { order, ratios } from './statistics.mjs';

/**
 * Measures `runners`, the baseline first, in `bench.rounds` rounds.
 *
 * @param {(text: string) => void} progress
 * @returns {Promise<object[]>} a row for each figure of the scenario: `noise` is the baseline's ratio to
 *   itself; a result is `{ values, ratio }`, lists with an entry a round (the baseline's has two values
 *   a round, and no ratio), or `{ unfit }` or `{ failed }` with the reason
 */
export async function measureScenario(scenario, runners, bench, progress) {
  const { run, missing } = await prepare(scenario, runners, bench, progress);
  const names = Object.keys(run);
  const rows = scenario.figures.map((figure) => emptyRow(scenario, figure, names, missing));
  const [baseline, ...others] = names;
  if (baseline !== runners[0].name) return rows;

  for (let round = 0; round < bench.rounds; round++) {
    const values = { first: await run[baseline](), others: {} };
    for (const name of order(others, round)) values.others[name] = await run[name]();
    values.last = await run[baseline]();
    for (const row of rows) addRound(row, baseline, values);
    progress(`  round ${round + 1} of ${bench.rounds}: ${rows.map((row) => roundText(row, baseline)).join('; ')}`);
  }
  return rows;
}

/** A first run of each, to find its counts; who cannot is missing, with the reason. */
async function prepare(scenario, runners, bench, progress) {
  const run = {};
  const missing = {};
  let shared;
  for (const contender of runners) {
    const { name } = contender;
    const unfit = unfitness(contender, scenario);
    if (unfit) {
      missing[name] = { unfit };
      continue;
    }
    const trial = (trialScenario, counts) => measure(contender, trialScenario, counts, bench);
    try {
      // A rate is for all of them, and the baseline, which comes first, sets it.
      const counts = shared ?? await countsFor(scenario, trial, bench);
      if (counts.rate) shared = counts;
      run[name] = () => measure(contender, scenario, counts, bench);
      if (shared) await run[name]();
    } catch (error) {
      progress(`  ${error.message}`);
      missing[name] = { failed: error.message };
    }
  }
  return { run, missing };
}

function emptyRow(scenario, figure, names, missing) {
  const results = names.map((name, index) => [name, index === 0 ? { values: [] } : { values: [], ratio: [] }]);
  return {
    name: rowName(scenario, figure),
    headline: scenario.headline,
    figure,
    unit: FIGURES[figure].unit,
    noise: [],
    results: { ...Object.fromEntries(results), ...missing },
  };
}

function addRound({ figure, noise, results }, baseline, { first, last, others }) {
  const costs = Object.entries(others).map(([name, values]) => [name, values[figure]]);
  const ratio = ratios({ first: first[figure], last: last[figure], others: Object.fromEntries(costs) });
  noise.push(ratio.baseline);
  results[baseline].values.push(first[figure], last[figure]);
  for (const [name, cost] of costs) {
    results[name].values.push(cost);
    results[name].ratio.push(ratio.others[name]);
  }
}

function roundText({ noise, results }, baseline) {
  const last = Object.entries(results)
    .filter(([, { ratio }]) => ratio)
    .map(([name, { ratio }]) => `${name} ${ratio.at(-1).toFixed(3)}`);
  return [`${baseline} again ${noise.at(-1).toFixed(3)}`, ...last].join(', ');
}
