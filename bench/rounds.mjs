// All rounds of a scenario.

import { Failure } from '../scripts/run.mjs';
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
  const [baseline, ...names] = runners.map(({ name }) => name);
  const rows = scenario.figures.map((figure) => emptyRow(scenario, figure, baseline, names, missing));

  for (let round = 0; round < bench.rounds && run[baseline]; round++) {
    const values = await oneRound(run, baseline, round, (name, error) => {
      progress(`  ${error.message}`);
      delete run[name];
      for (const row of rows) row.results[name] = { failed: error.message };
    });
    if (!run[baseline]) break;
    for (const row of rows) addRound(row, baseline, values);
    progress(`  round ${round + 1} of ${bench.rounds}: ${rows.map((row) => roundText(row, baseline)).join('; ')}`);
  }
  return rows;
}

/** The values of all in one round; who fails is reported, and has none. */
async function oneRound(run, baseline, round, report) {
  const attempt = async (name) => {
    try {
      return await run[name]();
    } catch (error) {
      report(name, onlyFailure(error));
      return undefined;
    }
  };
  const first = await attempt(baseline);
  const others = {};
  for (const name of order(Object.keys(run).filter((each) => each !== baseline), round)) {
    const values = await attempt(name);
    if (values) others[name] = values;
  }
  const last = run[baseline] && await attempt(baseline);
  return { first, others, last };
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
      missing[name] = { failed: onlyFailure(error).message };
      progress(`  ${error.message}`);
    }
  }
  return { run, missing };
}

function onlyFailure(error) {
  if (!(error instanceof Failure)) throw error;
  return error;
}

function emptyRow(scenario, figure, baseline, names, missing) {
  return {
    name: rowName(scenario, figure),
    headline: scenario.headline,
    figure,
    unit: FIGURES[figure].unit,
    noise: [],
    results: {
      [baseline]: { values: [] },
      ...Object.fromEntries(names.map((name) => [name, { values: [], ratio: [] }])),
      ...missing,
    },
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
    .filter(([, { ratio }]) => ratio?.length > 0)
    .map(([name, { ratio }]) => `${name} ${ratio.at(-1).toFixed(3)}`);
  return [`${baseline} again ${noise.at(-1).toFixed(3)}`, ...last].join(', ');
}
