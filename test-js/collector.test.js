'use strict';

const test = require('node:test');
const assert = require('node:assert');
const { Collector, LEAST, MOST, REST, STEP } = require('../lib/collector.js');
const { run } = require('./support/child.js');

const MiB = 1024 * 1024;

/** A collector whose collections take `pause` milliseconds of a clock that stands still otherwise. */
function collectorOf(pause) {
  const clock = { time: 1000, pause, collections: 0 };
  const collect = () => {
    clock.collections++;
    clock.time += clock.pause;
  };
  return { clock, collector: new Collector(collect, () => clock.time) };
}

test('Collections follow the memory that payloads are given', () => {
  const { clock, collector } = collectorOf(0);
  collector.count(LEAST - 1);
  assert.strictEqual(clock.collections, 0);
  collector.count(1);
  assert.strictEqual(clock.collections, 1);
  collector.count(LEAST - 1);
  assert.strictEqual(clock.collections, 1);
  collector.count(1);
  assert.strictEqual(clock.collections, 2);
  collector.count(100 * LEAST);
  assert.strictEqual(clock.collections, 3, 'one for a payload, however long it is');
});

test('A collection that took long is followed by a rest', () => {
  const { clock, collector } = collectorOf(3);
  collector.count(LEAST);
  assert.strictEqual(clock.collections, 1);
  collector.count(LEAST);
  clock.time += REST * 3 - 1;
  collector.count(STEP);
  assert.strictEqual(clock.collections, 1, 'too soon');
  clock.time += 1;
  collector.count(STEP - 1);
  assert.strictEqual(clock.collections, 1, 'the clock is not asked for each payload');
  collector.count(1);
  assert.strictEqual(clock.collections, 2);
});

test('The rest ends where V8 would go through the whole heap', () => {
  const { clock, collector } = collectorOf(1000);
  collector.count(LEAST);
  assert.strictEqual(clock.collections, 1);
  for (let given = 0; given < MOST - STEP; given += STEP) collector.count(STEP);
  assert.strictEqual(clock.collections, 1);
  collector.count(STEP);
  assert.strictEqual(clock.collections, 2);
});

for (const way of ['receive', 'small', 'data', 'stream', 'reactor', 'send', 'long', 'compressed']) {
  test(`V8 collects its young generation as long payloads go by: ${way}`, async () => {
    const { code, stdout, stderr } = await run('collections', [way]);
    assert.strictEqual(code, 0, stderr);
    const { bytes, forced, exposed } = JSON.parse(stdout);
    assert.ok(bytes >= 64 * MiB);
    assert.ok(forced >= 1, `${forced} collections`);
    assert.strictEqual(exposed, false, 'a new context has no gc()');
  });
}

test('With WS13_COLLECT=never that is left to V8', async () => {
  const { code, stdout, stderr } = await run('collections', ['receive'], [], { WS13_COLLECT: 'never' });
  assert.strictEqual(code, 0, stderr);
  assert.strictEqual(JSON.parse(stdout).forced, 0);
});

test("The program's own gc() is left as it is", async () => {
  const { code, stdout, stderr } = await run('collections', ['receive'], ['--expose-gc']);
  assert.strictEqual(code, 0, stderr);
  const { forced, exposed } = JSON.parse(stdout);
  assert.ok(forced >= 1);
  assert.strictEqual(exposed, true);
});
