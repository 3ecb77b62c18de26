'use strict';

// Thousands of connections on one process; with WS13_LARGE=1, ten thousand, and more rounds of them.

const assert = require('node:assert/strict');
const { join } = require('node:path');
const { test } = require('node:test');
const { Program } = require('./support/child.js');

const KIB = 1024;
const MIB = 1024 * KIB;
const LARGE = process.env.WS13_LARGE === '1';
const [WANTED, ROUNDS, HEARTBEAT] = LARGE ? [10_000, 5, 4000] : [2000, 3, 1500];

/** Files of a process that are no connections. */
const OTHER_FILES = 200;

test(`${WANTED} connections, ${ROUNDS} rounds`, { timeout: 120_000 }, async (t) => {
  const count = Math.min(WANTED, fileLimit() - OTHER_FILES);
  if (count < WANTED) t.diagnostic(`only ${count} connections: a process may open ${fileLimit()} files here`);
  const child = join(__dirname, 'children/scale-server.js');
  const program = new Program(process.execPath, ['--expose-gc', child, count, ROUNDS, HEARTBEAT].map(String));
  t.after(() => program.stop());
  const { code } = await program.exited;
  assert.equal(code, 0, program.output);

  const rounds = program.output.split('\n').map((line) => JSON.parse(line));
  assert.equal(rounds.length, ROUNDS);
  const [first] = rounds;
  const last = rounds.at(-1);
  for (const { round, during, times } of rounds) {
    const each = (what) => kibibytes((during[what] - first.before[what]) / count);
    t.diagnostic(`round ${round}: ${mebibytes(during.rss)} MiB RSS with ${count} connections, `
      + `${each('rss')} KiB for each (objects and buffers: ${each('heap')} KiB); `
      + `open ${times.open} ms, broadcast ${times.broadcast} ms, shutdown ${times.shutdown} ms`);
    assert.ok((during.heap - first.before.heap) / count < 16 * KIB);
  }
  // Whatever is lost with a connection is lost again in each round.
  for (const when of ['during', 'after']) {
    const grown = (what) => last[when][what] - first[when][what];
    assert.ok(grown('heap') / (count * (ROUNDS - 1)) < KIB / 4, `${when}: ${grown('heap')} bytes more on the heap`);
    assert.ok(grown('used') < 12 * MIB, `${when}: ${grown('used')} bytes more`);
  }
});

/** How many files a process may open; Node itself raises the soft limit to the hard one. */
function fileLimit() {
  const hard = process.report.getReport().userLimits?.open_files.hard;
  return Number.isFinite(Number(hard)) ? Number(hard) : Infinity;
}

function kibibytes(bytes) {
  return (bytes / KIB).toFixed(1);
}

function mebibytes(bytes) {
  return (bytes / MIB).toFixed(1);
}
