// The command line of the benchmark.

import { parseArgs } from 'node:util';
import { Failure } from '../scripts/run.mjs';
import { HEADLINE, contenders } from './contenders.mjs';
import { choose } from './scenarios.mjs';

export const USAGE = `npm run bench -- [options]
  --only A,B         scenarios with one of these in their names, such as echo or 50x1x;
                     headline: those that the project holds itself to
  --contender A,B    these only, beside the baseline
  --rounds N         rounds of a scenario (default 5)
  --quick            two short rounds: to see that it runs, not to quote
  --node PATH        the Node that runs the servers
  --update           put the results into docs/
  --sleep            the load sleeps while it waits, and the server pays for waking it
  --install-peers    first install the peers that are no dependencies, into .cache/bench-peers
  --list             print the scenarios and the contenders, and measure nothing
  --help`;

const OPTIONS = {
  only: { type: 'string', default: '' },
  contender: { type: 'string' },
  rounds: { type: 'string' },
  quick: { type: 'boolean', default: false },
  node: { type: 'string', default: process.execPath },
  update: { type: 'boolean', default: false },
  sleep: { type: 'boolean', default: false },
  'install-peers': { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

/** The contender's CPU time of one run, which sets how many messages it gets. */
const CPU_MS = 1000;
const QUICK_CPU_MS = 150;

/** @param {string[]} args of the command line */
export function readOptions(args) {
  const { only, contender, quick, rounds, ...rest } = parse(args);
  const scenarios = choose(only);
  if (scenarios.length === 0) throw new Failure(`No scenario has "${only}" in its name.`);
  return {
    ...rest,
    installPeers: rest['install-peers'],
    scenarios,
    contenders: chosenContenders(contender ?? (only === 'headline' ? HEADLINE.join() : undefined)),
    rounds: wholeNumber(rounds ?? (quick ? '2' : '5')),
    cpuMs: quick ? QUICK_CPU_MS : CPU_MS,
  };
}

function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    throw new Failure(`${error.message}\n${USAGE}`);
  }
}

function wholeNumber(text) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new Failure(`--rounds ${text}: a whole number from 1 on is needed.`);
}

/** The baseline always, and of the others those that were named. */
function chosenContenders(list) {
  if (list === undefined) return contenders;
  const names = list.split(',');
  const unknown = names.find((name) => !contenders.some((each) => each.name === name));
  if (unknown !== undefined) throw new Failure(`No contender is called "${unknown}".`);
  return contenders.filter(({ name }, index) => index === 0 || names.includes(name));
}
