// What a run found out, what it should have found out, and the two as text.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The sections of the testsuite that are run, by number. */
export const SECTIONS = {
  1: 'Framing',
  2: 'Pings and pongs',
  3: 'Reserved bits',
  4: 'Opcodes',
  5: 'Fragmentation',
  6: 'UTF-8',
  7: 'Close handling',
  9: 'Limits and performance',
  10: 'Auto-fragmentation',
  12: 'Compression, by kinds of data',
  13: 'Compression, by parameters'
};

/** Who we are, the fuzzer being the other one. */
export const ROLES = ['server', 'client'];

// Verdicts on the messages of a case (`behavior`) and on its end (`behaviorClose`). All others, such
// as FAILED, UNCLEAN, WRONG CODE and FAILED BY CLIENT, are faults and can never be expected.
const PASSED = ['OK', 'NON-STRICT', 'INFORMATIONAL'];
const PASSED_CLOSE = ['OK', 'INFORMATIONAL'];

// The entries of a wire log that hold bytes (the fuzzer wrote it), and how many of them are shown.
const DIRECTIONS = { RO: 'we sent', TO: 'we got ' };
const SHOWN_OCTETS = 40;

/** Reads the verdicts in the report in `folder`, as `{ case: [behavior, behaviorClose] }`. */
export function readVerdicts(folder) {
  const agents = Object.values(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));
  if (agents.length !== 1) throw new Error(`${agents.length} agents in the report, instead of one`);
  return Object.fromEntries(Object.entries(agents[0])
    .map(([id, { behavior, behaviorClose }]) => [id, [behavior, behaviorClose]])
    .sort(([a], [b]) => compareIds(a, b)));
}

/** Whether a pattern such as `6.4.*` selects the case `id`. */
export function selects(patterns, id) {
  return patterns.some((pattern) => {
    const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*');
    return new RegExp(`^${source}$`).test(id);
  });
}

/** Whether a case has passed, as one may expect it to. */
function hasPassed([behavior, behaviorClose]) {
  return PASSED.includes(behavior) && PASSED_CLOSE.includes(behaviorClose);
}

/**
 * The cases that failed, and those whose verdicts are not the expected ones, as
 * `[id, found, wanted]`: `found` is undefined for a case that was not run, `wanted` for a new one.
 */
export function findFaults(verdicts, expected) {
  const ids = [...new Set([...Object.keys(expected), ...Object.keys(verdicts)])].sort(compareIds);
  return ids
    .map((id) => [id, verdicts[id], expected[id]])
    .filter(([, found, wanted]) => String(found) !== String(wanted) || !hasPassed(found));
}

/** One fault of `findFaults` with what the report in `folder` says of it, wire log included. */
export function describeFault(folder, [id, found, wanted]) {
  const title = `${id}: ${verdictText(found, 'not run')}, expected ${verdictText(wanted, 'nothing')}`;
  if (found === undefined) return title;

  const agent = Object.values(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')))[0];
  const report = JSON.parse(readFileSync(join(folder, agent[id].reportfile), 'utf8'));
  return [
    title,
    `the case: ${plainText(report.description)}`,
    `should:   ${plainText(report.expectation)}`,
    `result:   ${plainText(report.result)} ${plainText(report.resultClose)}`,
    ...report.wirelog.filter(([kind]) => kind in DIRECTIONS).slice(0, SHOWN_OCTETS).map(octetsText)
  ].join('\n    ');
}

/** The text of expected.json: `{ role: { case: [behavior, behaviorClose] } }`, a case a line. */
export function tableText(expected) {
  const roles = ROLES.map((role) => {
    const cases = Object.entries(expected[role])
      .map(([id, [behavior, behaviorClose]]) => `    "${id}": ["${behavior}", "${behaviorClose}"]`);
    return `  "${role}": {\n${cases.join(',\n')}\n  }`;
  });
  return `{\n${roles.join(',\n')}\n}\n`;
}

/** The table of the document: how many cases of each section had which verdict, in Markdown. */
export function summaryTable(expected) {
  const heads = ROLES.flatMap((role) => PASSED.map((verdict) => `${role}: ${verdict}`));
  const numbers = Object.keys(SECTIONS).sort(compareIds);
  const rows = numbers.map((number) => {
    return [`${number} ${SECTIONS[number]}`, ...countVerdicts(expected, [`${number}.*`])];
  });
  rows.push(['All', ...countVerdicts(expected, ['*'])]);
  const lines = [['Section', ...heads], ['---', ...heads.map(() => '--:')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function octetsText([kind, [length, hex]]) {
  return `${DIRECTIONS[kind]} ${length} bytes: ${hex}`;
}

function verdictText(verdict, absent) {
  return verdict === undefined ? absent : verdict.join(' / ');
}

function countVerdicts(expected, patterns) {
  return ROLES.flatMap((role) => {
    const verdicts = Object.entries(expected[role]).filter(([id]) => selects(patterns, id));
    return PASSED.map((verdict) => verdicts.filter(([, [behavior]]) => behavior === verdict).length);
  });
}

// The testsuite writes HTML, of the simplest kind.
function plainText(html) {
  return String(html).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
}

/** Orders '9.2' before '10.1'. */
function compareIds(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
