'use strict';

// Programs and peers that break off in the middle. Of a handshake: listen.test.js, connect-faults.test.js.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { LEAVES, cases, frameTour, leaveAt, play } = require('./children/fault-cases.js');
const { run } = require('./support/child.js');
const { ENTRANCES } = require('./support/entrances.js');

const MIB = 1024 * 1024;

describe('a peer that goes at every byte of its frames', () => {
  for (const [entrance, { role, place }] of Object.entries(ENTRANCES)) {
    for (const [name, leave] of Object.entries(LEAVES)) {
      test(`${name}: ${entrance}`, { timeout: 60_000 }, async () => {
        let calls = [];
        const { open, close } = await place({
          message: (_socket, payload) => calls.push(payload.toString()),
          ping: () => calls.push('ping'),
          pong: () => calls.push('pong'),
          error: (_socket, error) => calls.push(error.code),
          close: (_socket, ...end) => calls.push(end)
        });
        const frames = frameTour(role);
        const bytes = Buffer.concat(frames.map((frame) => frame.bytes));
        for (let at = 0; at <= bytes.length; at++) {
          calls = [];
          await leaveAt(open, bytes, at, leave);
          // Behind the close frame a reset is an error only where our own half was not ended before it.
          if (at === bytes.length) calls = calls.filter((call) => call !== 'ECONNRESET');
          assert.deepEqual(calls, callsUpTo(frames, at, name), `byte ${at}`);
        }
        await close();
      });
    }
  }
});

/** What the handlers must have been called for when the peer goes behind `at` bytes. */
function callsUpTo(frames, at, leave) {
  const calls = [];
  let size = 0;
  for (const { bytes, message, call, end } of frames) {
    size += bytes.length;
    if (size > at) return [...calls, ...(leave === 'RST' ? ['ECONNRESET'] : []), [1006, '', false]];
    const made = message ?? call ?? end;
    if (made !== undefined) calls.push(made);
  }
  return calls;
}

describe('socket.destroy() in every handler', () => {
  for (const one of cases()) {
    test(`${one.name}: ${one.entrance}`, { timeout: 20_000 }, async () => {
      const { calls, messages, end } = await play(one, (socket) => socket.destroy());
      const last = calls.indexOf(one.name);
      assert.ok(last !== -1, `never called, but ${calls}`);
      if (one.name === 'upgrade') {
        assert.deepEqual(calls, ['upgrade']);
      } else {
        assert.deepEqual(calls.slice(last + 1), one.name === 'close' ? [] : ['close']);
        assert.deepEqual(end, one.name === 'close' ? [1000, '', true] : [1006, '', false]);
        assert.ok(!messages.includes('two'));
      }
    });
  }
});

test('a handler that throws, in every place', { timeout: 200_000 }, async () => {
  const { code, stdout, stderr } = await run('faults', ['throws'], ['--expose-gc']);
  assert.equal(code, 0, stderr);
  const results = JSON.parse(stdout);
  assert.deepEqual(results.map(({ entrance, name }) => ({ entrance, name })), [...cases()]);
  for (const { entrance, name, calls, messages, end, status, uncaught } of results) {
    const where = `${name}, ${entrance}: ${calls}`;
    assert.deepEqual(uncaught, ['on purpose'], where);
    if (name === 'upgrade') {
      assert.deepEqual(calls, ['upgrade']);
      assert.equal(status, 500);
      continue;
    }
    const delivered = { error: [], close: [], message: ['zero', 'one', 'two'] }[name] ?? ['one', 'two'];
    assert.deepEqual(messages, delivered, where);
    assert.equal(calls.filter((call) => call === 'close').length, 1, where);
    assert.equal(calls.at(-1), 'close', where);
    assert.deepEqual(end, name === 'error' ? [1006, '', false] : [1000, '', true], where);
  }
});

test('nothing is left of thousands of faults', { timeout: 200_000 }, async (t) => {
  // Left to V8, the first spell takes as much from the system as all that follow; else it is some spells later.
  const { code, stdout, stderr } = await run('faults', ['left'], ['--expose-gc'], { WS13_COLLECT: 'never' });
  assert.equal(code, 0, stderr);
  const { states, opened } = JSON.parse(stdout);
  const [before, between, after] = states;
  const heap = (after.heap - before.heap) / MIB;
  // What is left grows in every spell. An allocator takes more from the system once, whenever it likes.
  const used = Math.min(between.used - before.used, after.used - between.used) / MIB;
  t.diagnostic(`${opened} connections, MiB more: ${heap.toFixed(2)} on the heap, ${used.toFixed(2)} in all`);
  assert.deepEqual(after.handles, before.handles);
  assert.equal(after.open, 0);
  assert.ok(heap < 2 && used < 6, `MiB more: ${heap} on the heap, ${used} in all`);
});
