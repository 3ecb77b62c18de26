'use strict';

// Scenario 17: worker threads, and several copies of the package in one process.

const test = require('node:test');
const assert = require('node:assert/strict');
const { cpSync, mkdtempSync, readdirSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Worker } = require('node:worker_threads');
const { once } = require('node:events');
const { WS } = require('..');
const { run } = require('./support/child.js');
const { peerOf } = require('./support/frames.js');
const { plain, as, sent } = require('./support/plain.js');

const ROOT = join(__dirname, '..');

for (const how of ['finish', 'terminate']) {
  test(`scenario 17: two workers and the main thread at once, ${how} in a process that exits with 0`, async (t) => {
    const { code, signal, stdout, stderr } = await run('workers', [how]);
    assert.equal(stderr, '');
    assert.equal(stdout, 'done\n');
    assert.deepEqual([code, signal], [0, null]);
    t.diagnostic(how);
  });
}

test('scenario 17: a worker that ends at once, thirty times', async () => {
  const source = 'require(process.argv[2]).WS.send({ write() {}, end() {} }, "x")';
  for (let round = 0; round < 30; round++) {
    const worker = new Worker(source, { eval: true, argv: [ROOT] });
    assert.deepEqual(await once(worker, 'exit'), [0]);
  }
});

test('scenario 17: import and require give the same WS', async () => {
  const imported = await import(pathToFileURL(join(ROOT, 'index.mjs')));
  assert.equal(imported.WS, WS);
  assert.equal((await import('ws13-native')).WS, WS);
});

test('scenario 17: a second copy of the package works beside the first, on the same socket by turns', async (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'copy-'));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  for (const name of readdirSync(ROOT)) {
    if (/^(index\.m?js|native\.js|package\.json|lib|.*\.node)$/.test(name)) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    }
  }
  const { WS: other } = require(copy);
  assert.notEqual(other, WS);
  for (const [first, second] of [[WS, other], [other, WS]]) {
    const socket = plain('server');
    const far = as('client', plain());
    first.send(socket, 'from one copy');
    assert.equal(second.receive(far, Buffer.concat(socket.writes)).toString(), 'from one copy');
    second.receive(socket, peerOf('server').ping('p'));
    assert.deepEqual(sent(socket), [{ text: 'from one copy' }, { pong: '70' }]);
  }
});
