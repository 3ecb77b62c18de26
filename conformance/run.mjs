// npm run conformance: the Autobahn testsuite against us as server and as client: the drop-in calls, and
// whole connections over both transports.
// Flags: --help.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, root, runMain, say, seconds } from '../scripts/run.mjs';
import { setup } from '../scripts/setup.mjs';
import { cache, kosoku, reference } from './fuzzers.mjs';
import { complete, endedEarly, start, stopAll, succeed } from './processes.mjs';
import * as verdicts from './verdicts.mjs';

const HELP = `Usage: npm run conformance -- [flags]
  --role server|client  this role alone
  --transport calls|reactor|stream
                        this alone: the drop-in calls; listen and connect over the reactor, or over
                        Node's streams
  --cases PATTERN       these cases alone, such as 6.4.* (may be given again)
  --update              write the verdicts to conformance/expected.json and docs/conformance.md
  --reference           run the original Autobahn testsuite, on Python 2.7, instead of kosoku
  --help                this text`;

const FLAGS = {
  role: { type: 'string' },
  transport: { type: 'string' },
  cases: { type: 'string', multiple: true },
  update: { type: 'boolean', default: false },
  reference: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false }
};

/** What plays each role, and what it finds in its environment. */
const TRANSPORTS = {
  calls: { server: 'echo-server.js', client: 'echo-client.js' },
  reactor: { server: 'listen-server.js', client: 'connect-client.js', isShort: true },
  stream: { server: 'listen-server.js', client: 'connect-client.js', env: { WS13_TRANSPORT: 'stream' }, isShort: true }
};

/** Sections that take minutes each, and are about what no transport touches: run with the calls alone. */
const LONG = ['12', '13'];

const here = dirname(fileURLToPath(import.meta.url));
const EXPECTED = join(here, 'expected.json');
const DOCUMENT = join(root, 'docs', 'conformance.md');
const TABLE = /(<!-- table: begin -->\n).*(<!-- table: end -->)/s;

const SHOWN_FAULTS = 10;
const PROGRESS_STEP = 50;

await runMain(async () => {
  const flags = readFlags();
  if (flags.help) console.log(HELP);
  else await main(flags).finally(stopAll);
});

async function main(flags) {
  const fuzzer = flags.reference ? reference : kosoku;
  await setup();
  await fuzzer.install();

  const expected = flags.update ? null : readExpected();
  const found = {};
  let faults = 0;
  for (const transport of flags.transport === undefined ? Object.keys(TRANSPORTS) : [flags.transport]) {
    for (const role of flags.role === undefined ? verdicts.ROLES : [flags.role]) {
      const folder = join(cache, 'reports', `${fuzzer.name}-${transport}-${role}`);
      const cases = flags.cases ?? sectionsFor(transport);
      const given = await runRole(role, transport, fuzzer, cases, folder);
      // An update expects what it has found first, and that is still held against what may be expected.
      found[role] ??= given;
      const wanted = selectCases(flags.update ? found[role] : expected[role], cases);
      faults += judge(`${transport}, ${role}`, folder, given, wanted);
    }
  }
  if (faults > 0) throw new Failure(`conformance: ${faults} cases are not as they should be.`);
  if (flags.update) update(found);
}

function readFlags() {
  const flags = parseFlags();
  if (flags.role !== undefined && !verdicts.ROLES.includes(flags.role)) {
    throw new Failure(`--role is ${verdicts.ROLES.join(' or ')}, not ${flags.role}.`);
  }
  if (flags.transport !== undefined && !Object.hasOwn(TRANSPORTS, flags.transport)) {
    throw new Failure(`--transport is ${Object.keys(TRANSPORTS).join(' or ')}, not ${flags.transport}.`);
  }
  if (flags.update && (flags.role ?? flags.transport ?? flags.cases) !== undefined) {
    throw new Failure('--update takes a whole run: leave out --role, --transport and --cases.');
  }
  if (flags.update && flags.reference) {
    throw new Failure('--update writes what kosoku finds: leave out --reference.');
  }
  const odd = flags.cases?.find((pattern) => !/^[\d.*]+$/.test(pattern));
  if (odd !== undefined) throw new Failure(`--cases takes patterns such as 6.4.*, not ${odd}.`);
  return flags;
}

/** The cases that are run where none are asked for. */
function sectionsFor(transport) {
  return Object.keys(verdicts.SECTIONS)
    .filter((number) => !(TRANSPORTS[transport].isShort && LONG.includes(number)))
    .map((number) => `${number}.*`);
}

function parseFlags() {
  try {
    return parseArgs({ options: FLAGS }).values;
  } catch (error) {
    throw new Failure(`${error.message}\n${HELP}`);
  }
}

/** Runs `cases` with us in `role`, leaves a report in `folder`, and returns its verdicts. */
async function runRole(role, transport, fuzzer, cases, folder) {
  const started = Date.now();
  rmSync(folder, { recursive: true, force: true });
  const runCases = role === 'server' ? attackServer : serveClient;
  const end = await runCases(transport, fuzzer, cases, folder);
  const found = readReport(fuzzer, folder, end);
  say(`conformance: ${transport}, ${role}, ${Object.keys(found).length} cases by ${fuzzer.name} in ${seconds(started)}`);
  return found;
}

async function attackServer(transport, fuzzer, cases, folder) {
  const server = startPeer(transport, 'server', [], /^connection (\d+)$/);
  const [, url] = await server.line(/^listening on (ws:\S+)$/);
  const attack = fuzzer.attack(url, cases, folder);
  const crash = server.ended.then((end) => Promise.reject(endedEarly(server.name, end)));
  const end = await Promise.race([complete(attack), crash]);
  // The race is over, so being stopped is no crash any more.
  await server.stop();
  return end;
}

async function serveClient(transport, fuzzer, cases, folder) {
  const server = fuzzer.serve(cases, folder);
  const [, url] = await server.line(/listening on (ws:\S+)$/);
  await succeed(startPeer(transport, 'client', [url], /^case (\d+) of \d+$/));
  return fuzzer.servesUntilStopped ? server.stop() : complete(server);
}

function startPeer(transport, role, args, pattern) {
  const { [role]: file, env } = TRANSPORTS[transport];
  return start(file, process.execPath, [join(here, file), ...args], {
    onLine: progress(`${transport}, ${role}`, pattern), env
  });
}

/** A reader of lines that shows every so many cases how far a role has come. */
function progress(role, pattern) {
  return (line) => {
    const match = pattern.exec(line);
    if (match !== null && match[1] % PROGRESS_STEP === 0) say(`conformance: ${role}, case ${match[1]}`);
  };
}

/** The verdicts in `folder`. A fuzzer that broke down leaves none: then its last words are shown. */
function readReport(fuzzer, folder, { output }) {
  try {
    return verdicts.readVerdicts(folder);
  } catch (error) {
    throw new Failure(`${fuzzer.name} wrote no report (${error.message}). Its last lines:\n${output}`);
  }
}

function selectCases(table, patterns) {
  return Object.fromEntries(Object.entries(table).filter(([id]) => verdicts.selects(patterns, id)));
}

/** Prints what is wrong with a role and where its report lies; returns the number of faults. */
function judge(role, folder, found, wanted) {
  const faults = verdicts.findFaults(found, wanted);
  for (const fault of faults.slice(0, SHOWN_FAULTS)) {
    console.log(`${role} ${verdicts.describeFault(folder, fault)}\n`);
  }
  const hidden = faults.slice(SHOWN_FAULTS).map(([id]) => id);
  if (hidden.length > 0) console.log(`${role}: and also ${hidden.join(' ')}\n`);
  say(`conformance: ${role}, ${faults.length} faults; report: ${relative(root, join(folder, 'index.html'))}`);
  return faults.length;
}

/** Reads the committed verdicts, and rejects a document that tells another story. */
function readExpected() {
  const expected = JSON.parse(readFileSync(EXPECTED, 'utf8'));
  const text = readFileSync(DOCUMENT, 'utf8');
  if (text !== withTable(text, expected)) {
    throw new Failure('The table in docs/conformance.md is not that of conformance/expected.json:\n'
      + 'run `npm run conformance -- --update`.');
  }
  return expected;
}

function update(found) {
  const text = withTable(readFileSync(DOCUMENT, 'utf8'), found);
  writeFileSync(EXPECTED, verdicts.tableText(found));
  writeFileSync(DOCUMENT, text);
  say('conformance: wrote conformance/expected.json and docs/conformance.md');
}

/** The text of the document with the table of `expected` between its marks. */
function withTable(text, expected) {
  if (!TABLE.test(text)) throw new Failure('docs/conformance.md has lost the marks of its table.');
  return text.replace(TABLE, `$1\n${verdicts.summaryTable(expected)}\n$2`);
}
