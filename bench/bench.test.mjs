import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contenders, unfitness } from './contenders.mjs';
import { parseCores } from './machine.mjs';
import { measure, start } from './measure.mjs';
import { readOptions } from './options.mjs';
import { countsFor, planOf } from './plan.mjs';
import { choose, scenarios } from './scenarios.mjs';
import { frame, payloadOf } from './servers/frames.mjs';
import { handlers } from './servers/tasks.mjs';
import { against, order, ratios, spread } from './statistics.mjs';

const bench = { node: process.execPath, pins: { server: [], load: [] }, spin: false, cpuMs: 1000 };

test('the spread is the median and the extremes, compared as numbers', () => {
  assert.deepEqual(spread([10, 9, 100]), { median: 10, min: 9, max: 100 });
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(spread([7]), { median: 7, min: 7, max: 7 });
});

test('a steady drift of the machine leaves the ratios alone', () => {
  const { baseline, others } = ratios({ first: 10, last: 14, others: { same: 12, half: 6 } });
  assert.deepEqual(others, { same: 1, half: 0.5 });
  assert.equal(baseline, 1.4);
});

test('a second baseline is compared with round by round', () => {
  assert.deepEqual(against([0.5, 0.6], [1, 0.5]), [0.5, 1.2]);
});

test('every other round runs backwards', () => {
  const names = ['a', 'b', 'c'];
  assert.deepEqual([0, 1, 2].map((round) => order(names, round).join('')), ['abc', 'cba', 'abc']);
});

test('reads a list of cores', () => {
  assert.deepEqual(parseCores('0-2,5'), [0, 1, 2, 5]);
  assert.deepEqual(parseCores('7'), [7]);
});

test('every scenario has a name of its own, and the headline is among them', () => {
  const names = scenarios.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(choose('headline').length, 14);
  assert.ok(choose('tls, handshake').every(({ name }) => /^(tls|handshake) /.test(name)));
  assert.equal(choose('').length, scenarios.length);
});

test('the headline is measured with a few, unless told', () => {
  const names = (...args) => readOptions(args).contenders.map(({ name }) => name);
  assert.deepEqual(names('--only', 'headline'), ['ws', 'receive', 'listen', 'reactor', 'net', 'uws']);
  assert.deepEqual(names('--only', 'headline', '--contender', 'bun'), ['ws', 'bun']);
  assert.equal(names().length, contenders.length);
});

test('options that mean nothing are refused', () => {
  const refused = (args, reason) => assert.throws(() => readOptions(args), reason);
  refused(['--only', 'nothing like it'], /No scenario/);
  refused(['--contender', 'nobody'], /No contender is called "nobody"/);
  refused(['--rounds', '0'], /whole number/);
  refused(['--speed'], /--speed/);
});

test('who cannot run a scenario says why', () => {
  const [ws, ...others] = contenders;
  const article = others.find(({ name }) => name === 'article');
  const [client] = choose('client 2x64KiB');
  assert.equal(unfitness(ws, client), undefined);
  assert.match(unfitness(article, client), /as a client/);
  assert.match(unfitness(article, choose('pipelined')[0]), /drops the others/);
  assert.equal(unfitness(article, choose('echo 50x1x64B text')[0]), undefined);
});

test('a command brings whole bursts, and no more than fits', () => {
  const [scenario] = choose('broadcast 1000x10x1KiB');
  const { job, args } = planOf(scenario, { warmUp: 11, messages: 20 }, bench);
  assert.deepEqual(
    args.filter((each) => /^(mode|burst|command|warm-up|messages)=/.test(each)),
    ['mode=told', 'burst=10', 'command=10', 'warm-up=20', 'messages=20'],
  );
  assert.deepEqual([job.task, job.size, job.burst], ['broadcast', 1024, 10]);
  const [push] = choose('push 10x100x64B');
  assert.ok(planOf(push, { warmUp: 1, messages: 1 }, bench).args.includes('command=4000'));
});

test('the faster a contender is, the more messages it gets', async () => {
  const [scenario] = choose('echo 50x1x64B text');
  const counts = (cpu) => countsFor(scenario, async () => ({ cpu }), bench);
  assert.deepEqual(await counts(10), { warmUp: 1000, messages: 2000 });
  assert.deepEqual(await counts(0.5), { warmUp: 20_000, messages: 40_000 });
});

test('latency is measured at a fifth of full load', async () => {
  const [scenario] = choose('latency 50x64B');
  const trial = async (echo) => {
    assert.deepEqual([echo.task, echo.inFlight, echo.figures], ['echo', 1, ['cpu']]);
    return { cpu: 10 };
  };
  assert.deepEqual(await countsFor(scenario, trial, bench), { rate: 20_000, warmUp: 600, messages: 1200 });
});

test('servers send for as many ticks as they are told, to all', async () => {
  const sent = [];
  const job = { task: 'push', kind: 'text', size: 3, burst: 2 };
  const send = (socket, payload, isBinary) => {
    sent.push([socket, payload, isBinary]);
    if (sent.length === 8) finished();
  };
  let finished;
  const end = new Promise((resolve) => { finished = resolve; });
  const { open, message, close } = handlers(job, { send });
  ['a', 'b', 'gone'].forEach(open);
  close('gone');
  message('a', Buffer.from('2'), false);
  await end;
  assert.deepEqual(sent.map(([socket]) => socket).join(''), 'aabbaabb');
  assert.deepEqual(sent[0], ['a', 'xxx', false]);
});

test('the frames of who has no library are those of the RFC', () => {
  // RFC 6455 §5.7.
  const hello = Buffer.from('Hello');
  const masked = frame(hello, 'text', Buffer.from('37fa213d', 'hex'));
  assert.equal(frame(hello, 'text').toString('hex'), '810548656c6c6f');
  assert.equal(masked.toString('hex'), '818537fa213d7f9f4d5158');
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    const payload = Buffer.alloc(length, 'x');
    assert.deepEqual(payloadOf(frame(payload, 'binary')), payload);
    assert.deepEqual(payloadOf(frame(payload, 'binary', masked.subarray(2, 6))), payload);
  }
  assert.equal(frame(Buffer.alloc(256), 'binary').toString('hex', 0, 4), '827e0100');
  assert.equal(frame(Buffer.alloc(65_536), 'binary').toString('hex', 0, 10), '827f0000000000010000');
});

test('a server that only receives answers a message of one byte', () => {
  const sent = [];
  const { message } = handlers({ task: 'receive' }, { send: (...call) => sent.push(call) });
  message('a', Buffer.from('much'), true);
  message('a', new Uint8Array(1).buffer, true);
  message('a', '!', false);
  assert.equal(sent.length, 2);
});

test('a server that is watched tells the longest turn of its event loop', async () => {
  const job = { task: 'receive', stall: true };
  const { peer } = await start(contenders[0], job, bench);
  const { stall } = await peer.ask();
  await peer.stop();
  assert.ok(stall > 0);
});

test('a contender that cannot load says why', async () => {
  const job = { task: 'echo' };
  await assert.rejects(start({ server: 'servers/none.mjs' }, job, bench), /Cannot find module/);
  const missing = { ...bench, node: 'no-such-program' };
  await assert.rejects(start({ server: 'servers/ws.mjs' }, job, missing), /no-such-program ENOENT/);
});

test('a load that fails says who failed, where and why', async () => {
  // Node stands for a load generator that ends at once: there is no script of that name.
  const failing = { ...bench, load: process.execPath };
  const [scenario] = choose('echo 50x1x64B text');
  await assert.rejects(
    measure(contenders[0], scenario, { warmUp: 1, messages: 1 }, failing),
    /^Error: ws failed in echo 50x1x64B text: Error: Cannot find module '.*address=/,
  );
});
