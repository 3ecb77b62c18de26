// npm run bench: the CPU that a server needs for one message, beside its peers.
// docs/benchmarks.md says what is measured, how, and how to read the table.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, runMain } from '../scripts/run.mjs';
import { setup } from '../scripts/setup.mjs';
import { contenders } from './contenders.mjs';
import { describeMachine, pins } from './machine.mjs';
import { measure, pilot, startServer } from './measure.mjs';
import { markdown, updatePage } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { order, ratios } from './statistics.mjs';

const USAGE = `npm run bench -- [options]
  --only TEXT        scenarios whose name has TEXT in it, such as 50x1x or binary
  --contender A,B    these only, beside the baseline
  --rounds N         rounds of a scenario (default 5)
  --quick            two short rounds: to see that it runs, not to quote
  --node PATH        the Node that runs the servers
  --update           put the table into docs/benchmarks.md
  --help`;

const OPTIONS = {
  only: { type: 'string', default: '' },
  contender: { type: 'string' },
  rounds: { type: 'string' },
  quick: { type: 'boolean', default: false },
  node: { type: 'string', default: process.execPath },
  update: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

/** The server's CPU time of one run, which sets how many messages it gets. */
const CPU_MS = 1000;
const QUICK_CPU_MS = 150;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const JSON_FILE = here('../.cache/bench/latest.json');
const PAGE = here('../docs/benchmarks.md');

await runMain(async () => {
  const options = readOptions();
  if (options.help) console.log(USAGE);
  else await main(options);
});

async function main({ only, names, rounds, cpuMs, node, update }) {
  const chosen = scenarios.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new Failure(`No scenario has "${only}" in its name.`);
  await setup();
  const bench = { node, pins: pins(), load: buildLoad(), rounds, cpuMs };
  const { runners, skipped } = await loadable(names, bench);

  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(node, bench.pins),
    rounds,
    contenders: runners.map(({ name, about, version }) => ({ name, about, version })),
    skipped,
    scenarios: [],
  };
  for (const [index, scenario] of chosen.entries()) {
    progress(`[${index + 1}/${chosen.length}] ${scenario.name}`);
    report.scenarios.push({ ...scenario, ...(await measureScenario(scenario, runners, bench)) });
  }

  mkdirSync(dirname(JSON_FILE), { recursive: true });
  writeFileSync(JSON_FILE, JSON.stringify(report, null, 2) + '\n');
  const table = markdown(report);
  if (update) updatePage(PAGE, table);
  console.log(`\n${table}\nAll numbers: ${JSON_FILE}`);
}

function readOptions() {
  const { only, contender, quick, node, update, help, ...values } = parse();
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Failure(`--rounds ${values.rounds}: a whole number from 1 on is needed.`);
  }
  const cpuMs = quick ? QUICK_CPU_MS : CPU_MS;
  return { only, names: contender?.split(','), rounds, cpuMs, node, update, help };
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new Failure(`${error.message}\n${USAGE}`);
  }
}

/** The contenders that were asked for, the baseline first, and the names of those that do not load. */
async function loadable(names, bench) {
  const unknown = names?.find((name) => !contenders.some((each) => each.name === name));
  if (unknown !== undefined) {
    throw new Failure(`No contender is called "${unknown}".`);
  }
  const [baseline] = contenders;
  const runners = [];
  const skipped = [];
  for (const contender of contenders) {
    if (names && contender !== baseline && !names.includes(contender.name)) continue;
    try {
      const { peer, version } = await startServer(contender, bench);
      await peer.stop();
      runners.push({ ...contender, version });
    } catch (error) {
      if (contender === baseline) {
        throw new Failure(`The baseline, ${baseline.about}, cannot be loaded: ${error.message}`);
      }
      progress(`${contender.name} is skipped: ${error.message}`);
      skipped.push(contender.name);
    }
  }
  return { runners, skipped };
}

/**
 * All rounds of a scenario.
 *
 * @returns {Promise<{ noise: number[], results: Record<string, object> }>} `noise` is the
 *   baseline's ratio to itself; a result is `{ cpu, ratio }`, lists with an entry a round (the
 *   baseline's has two, and no ratio), or `{ unfit }` with the reason
 */
async function measureScenario(scenario, runners, bench) {
  const results = {};
  const run = {};
  for (const contender of runners) {
    const { name } = contender;
    const unfit = contender.unfit?.(scenario);
    results[name] = unfit ? { unfit } : { cpu: [], ratio: [] };
    if (unfit) continue;
    const counts = await pilot(contender, scenario, bench);
    run[name] = async () => {
      const { cpu } = await measure(contender, scenario, counts, bench);
      results[name].cpu.push(cpu);
      return cpu;
    };
  }

  const [baseline, ...others] = Object.keys(run);
  const noise = [];
  for (let round = 0; round < bench.rounds; round++) {
    const costs = { first: await run[baseline](), others: {} };
    for (const name of order(others, round)) costs.others[name] = await run[name]();
    costs.last = await run[baseline]();

    const ratio = ratios(costs);
    noise.push(ratio.baseline);
    for (const name of others) results[name].ratio.push(ratio.others[name]);
    progress(`  round ${round + 1} of ${bench.rounds}: ${roundText(baseline, ratio)}`);
  }
  delete results[baseline].ratio;
  return { noise, results };
}

function roundText(baseline, { baseline: noise, others }) {
  return [[`${baseline} again`, noise], ...Object.entries(others)]
    .map(([name, ratio]) => `${name} ${ratio.toFixed(3)}`)
    .join(', ');
}

/** Builds the load generator if it is not up to date, and returns the path of the program. */
function buildLoad() {
  progress('building the load generator');
  const manifest = here('load/Cargo.toml');
  const output = execFileSync(
    'cargo',
    ['build', '--release', '--manifest-path', manifest, '--message-format=json-render-diagnostics'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 },
  );
  const messages = output.trim().split('\n').map((line) => JSON.parse(line));
  return messages.find(({ executable }) => executable).executable;
}

/** To standard error, so that standard output is the table alone. */
function progress(text) {
  console.error(text);
}
