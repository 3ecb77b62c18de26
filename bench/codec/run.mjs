// npm run bench:codec: the codec alone, in Rust and in JavaScript, beside its peers.
// docs/codec.md says what is measured, and how to read the tables.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, runMain } from '../../scripts/run.mjs';
import { setup } from '../../scripts/setup.mjs';
import { describeMachine, pins } from '../machine.mjs';
import { build, hasCallgrind, instructions, list, rows } from './binary.mjs';
import { markdown, updatePage } from './report.mjs';

const USAGE = `npm run bench:codec -- [options]
  --rounds N   rounds of everything that is timed (default 7)
  --quick      two rounds, and no instructions: to see that it runs, not to quote
  --update     put the tables into docs/codec.md
  --help`;

const OPTIONS = {
  rounds: { type: 'string' },
  quick: { type: 'boolean', default: false },
  update: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false }
};

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const JSON_FILE = here('../../.cache/bench/codec.json');
const PAGE = here('../../docs/codec.md');

/** The codecs in JavaScript: a name, and what its process gets in its environment. */
const SCRIPTS = [
  { name: 'ours', who: 'ours', env: {} },
  { name: 'ws', who: 'ws', env: {} },
  { name: 'ws without bufferutil', who: 'ws', env: { WS_NO_BUFFER_UTIL: '1' } }
];

await runMain(async () => {
  const options = readOptions();
  if (options.help) console.log(USAGE);
  else await main(options);
});

function readOptions() {
  const { values } = parse();
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 7));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Failure(`--rounds ${values.rounds}: a whole number from 1 on is needed.`);
  }
  return { ...values, rounds };
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS });
  } catch (error) {
    throw new Failure(`${error.message}\n\n${USAGE}`);
  }
}

async function main({ rounds, quick, update }) {
  await setup();
  progress('building the codecs');
  const binary = build({ peers: true });
  const pin = pins().server;
  const report = {
    date: new Date().toISOString().slice(0, 10),
    rounds,
    machine: describeMachine(process.execPath, pins()),
    rustc: execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1],
    kernels: rows(binary, pin, 'kernels', `${rounds}`)
  };
  progress('timing the codecs in Rust');
  report.times = rows(binary, pin, 'time', `${rounds}`);
  report.scripts = timeScripts(pin, rounds);
  report.instructions = quick || !hasCallgrind() ? [] : await countAll(binary);

  mkdirSync(dirname(JSON_FILE), { recursive: true });
  writeFileSync(JSON_FILE, JSON.stringify(report, null, 2) + '\n');
  const tables = markdown(report);
  if (update) updatePage(PAGE, tables);
  console.log(`\n${tables}\nAll numbers: ${JSON_FILE}`);
}

/** A process for each contender and round; every other round goes backwards. */
function timeScripts(pin, rounds) {
  const results = new Map();
  for (let round = 0; round < rounds; round++) {
    progress(`timing the codecs in JavaScript, round ${round + 1} of ${rounds}`);
    for (const { name, who, env } of round % 2 ? [...SCRIPTS].reverse() : SCRIPTS) {
      for (const row of scriptRows(pin, who, env)) {
        const key = `${row.case} ${name}`;
        const known = results.get(key) ?? { case: row.case, who: name, ns: [] };
        known.ns.push(row.ns);
        results.set(key, known);
      }
    }
  }
  return [...results.values()];
}

function scriptRows(pin, who, env) {
  const [command, ...args] = [...pin, process.execPath, here('javascript.mjs'), who];
  const output = execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  return output.trim().split('\n').map((line) => JSON.parse(line));
}

async function countAll(binary) {
  const counts = [];
  const runs = list(binary);
  for (const [index, run] of runs.entries()) {
    progress(`counting instructions, ${index + 1} of ${runs.length}: ${run.name}, ${run.who}`);
    counts.push({ case: run.name, who: run.who, instructions: await instructions(binary, run) });
  }
  return counts;
}

/** To standard error, so that standard output is the tables alone. */
function progress(text) {
  console.error(text);
}
