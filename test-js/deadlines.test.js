'use strict';

// Deadlines of one length share a timer, and are judged only once the event loop has had a look at I/O.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const timers = require('node:timers');
const { WS } = require('../index.js');
const { attachedPair } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');

/** A clock that goes on as its timers are awaited, `run(until)`, and deadlines by that clock. */
function clock(t) {
  const running = new Set();
  const mocked = { now: 0, timers: running };
  t.mock.method(performance, 'now', () => mocked.now);
  const mocks = [
    t.mock.method(timers, 'setImmediate', (callback) => callback()),
    t.mock.method(timers, 'setTimeout', (callback, delay) => {
      const timer = { callback, at: mocked.now + delay, unref: () => timer };
      running.add(timer);
      return timer;
    })
  ];
  // It takes its timers as it is loaded.
  const path = require.resolve('../lib/deadlines.js');
  const { [path]: loaded } = require.cache;
  delete require.cache[path];
  Object.assign(mocked, require(path));
  require.cache[path] = loaded;
  for (const { mock } of mocks) mock.restore();
  mocked.run = (until) => {
    for (;;) {
      const [timer] = [...running].sort((a, b) => a.at - b.at);
      if (timer === undefined || timer.at > until) break;
      running.delete(timer);
      mocked.now = timer.at;
      timer.callback();
    }
    mocked.now = until;
  };
  return mocked;
}

test('those that are started anew as they fall due delay none of the others', (t) => {
  const time = clock(t);
  const fallen = [];
  const deadlines = time.deadlinesBy((item) => {
    fallen.push([item, time.now]);
    deadlines.start(item, 1000);
  });
  for (const [item, at] of [['a', 0], ['b', 300], ['c', 700]]) {
    time.run(at);
    deadlines.start(item, 1000);
    assert.equal(time.timers.size, 1, 'one timer for all of them');
  }
  time.run(2300);
  assert.deepEqual(fallen, [['a', 1000], ['b', 1300], ['c', 1700], ['a', 2000], ['b', 2300]]);
});

test('nothing is left of a length of time that is not in use any more', (t) => {
  const time = clock(t);
  const fallen = [];
  const deadlines = time.deadlinesBy((item) => fallen.push(item));
  for (let delay = 1; delay <= 1000; delay++) {
    deadlines.start(`due ${delay}`, delay);
    deadlines.start(`cancelled ${delay}`, delay);
    deadlines.cancel(`cancelled ${delay}`, delay);
    deadlines.cancel('unknown', 1000 + delay);
  }
  assert.equal(deadlines.size, 1000);
  time.run(1000);
  assert.deepEqual(fallen, Array.from({ length: 1000 }, (_, at) => `due ${at + 1}`));
  assert.equal(deadlines.size, 0);
  assert.equal(time.timers.size, 0);
  deadlines.start('again', 1);
  time.run(1001);
  assert.equal(fallen.at(-1), 'again');
});

test('a program\'s mocked timers, run to their end, are none of ours', async (t) => {
  const { at } = await attachedPair(t, { server: { heartbeat: 50 } });
  t.mock.timers.enable();
  t.mock.timers.tick(60_000);
  const { error } = await at.server.closed;
  assert.equal(error.code, 'ERR_WS13_HEARTBEAT');
});

test('a stalled event loop drops no peer whose answer waits in the kernel', async (t) => {
  const heartbeat = 50;
  const { server, client, at } = await attachedPair(t, { server: { heartbeat } });
  const pings = frames(client);
  assert.deepEqual(await pings.next(), { ping: '' });
  client.write(peerOf('server').pong(''));
  const until = performance.now() + 4 * heartbeat;
  while (performance.now() < until);
  // The next silence gets its own ping; a connection that was dropped, an end.
  assert.deepEqual(await pings.next(), { ping: '' });
  assert.equal(WS.info(server).state, 'open');
  const { error } = await at.server.closed;
  assert.equal(error.code, 'ERR_WS13_HEARTBEAT');
});
