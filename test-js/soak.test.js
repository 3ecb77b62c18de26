'use strict';

// A short run of children/soak.js over each transport; `npm run soak` gives it minutes.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { run } = require('./support/child.js');

for (const transport of ['auto', 'stream']) {
  test(`connections that do everything at random leave nothing: ${transport}`, { timeout: 200_000 }, async (t) => {
    const args = ['--lives', 600, '--seed', 20, '--transport', transport];
    const { code, signal, stdout, stderr } = await run('soak', args, ['--expose-gc']);
    assert.equal(stderr, '');
    assert.deepEqual([code, signal], [0, null]);
    t.diagnostic(stdout);
  });
}
