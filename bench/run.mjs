// npm run bench: the CPU that a server needs for one message, beside its peers.
// docs/benchmarks.md says what is measured, how, and how to read the table.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Failure, runMain } from '../scripts/run.mjs';
import { setup } from '../scripts/setup.mjs';
import { certificate } from './certificate.mjs';
import { contenders } from './contenders.mjs';
import { installPeers } from './install.mjs';
import { describeMachine, pins } from './machine.mjs';
import { start } from './measure.mjs';
import { USAGE, readOptions } from './options.mjs';
import { LATEST, publish, save } from './publish.mjs';
import { markdown } from './report.mjs';
import { measureScenario } from './rounds.mjs';
import { scenarios } from './scenarios.mjs';

await runMain(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else if (options.list) list();
  else await main(options);
});

function list() {
  for (const { name, headline } of scenarios) console.log(headline ? `${name} (headline)` : name);
  console.log();
  for (const { name, about } of contenders) console.log(`${name}: ${about}`);
}

async function main(options) {
  await setup();
  if (options.installPeers) await installPeers();
  const { node, rounds, cpuMs } = options;
  const cores = pins();
  // Without a core of its own, a load that polls would take the server's time.
  const spin = cores.load.length > 0 && !options.sleep;
  const bench = { node, pins: cores, spin, load: buildLoad(), tls: certificate(), rounds, cpuMs };
  const { runners, skipped } = await loadable(options.contenders, bench);

  const report = {
    machine: describeMachine(node, cores, spin),
    contenders: runners.map(({ name, about, version }) => ({ name, about, version })),
    skipped,
    rows: [],
  };
  for (const [index, scenario] of options.scenarios.entries()) {
    progress(`[${index + 1}/${options.scenarios.length}] ${scenario.name}`);
    const rows = await measureScenario(scenario, runners, bench, progress);
    const date = new Date().toISOString().slice(0, 10);
    report.rows.push(...rows.map((row) => ({ ...row, date, rounds })));
    // After each of them: what was measured outlives an interruption.
    save(LATEST, report);
  }

  console.log(`\n${markdown(report)}\nAll numbers: ${LATEST}`);
  if (options.update) publish(report).forEach((path) => progress(`written: ${path}`));
  const failures = report.rows.flatMap(({ results }) => Object.values(results)).filter(({ failed }) => failed);
  if (failures.length > 0) throw new Failure([...new Set(failures.map(({ failed }) => failed))].join('\n'));
}

/** The contenders that load, with their versions, and the names of those that do not. */
async function loadable(chosen, bench) {
  const runners = [];
  const skipped = [];
  for (const contender of chosen) {
    try {
      const { peer, version } = await start(contender, { task: 'echo' }, bench);
      await peer.stop();
      runners.push({ ...contender, version });
    } catch (error) {
      if (contender === chosen[0]) {
        throw new Failure(`The baseline, ${contender.about}, cannot be loaded: ${error.message}`);
      }
      progress(`${contender.name} is skipped: ${error.message}`);
      skipped.push(contender.name);
    }
  }
  return { runners, skipped };
}

/** Builds the load generator if it is not up to date, and returns the path of the program. */
function buildLoad() {
  progress('building the load generator');
  const manifest = fileURLToPath(new URL('load/Cargo.toml', import.meta.url));
  const output = execFileSync(
    'cargo',
    ['build', '--release', '--manifest-path', manifest, '--message-format=json-render-diagnostics'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 },
  );
  const messages = output.trim().split('\n').map((line) => JSON.parse(line));
  return messages.find(({ target, executable }) => target?.name === 'ws13-bench-load' && executable).executable;
}

/** To standard error, so that standard output is the table alone. */
function progress(text) {
  console.error(text);
}
