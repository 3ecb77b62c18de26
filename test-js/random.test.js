'use strict';

// Scenario 18: bytes that nobody would send. The runs are seeded: the seed of a failure is its name.

const test = require('node:test');
const assert = require('node:assert/strict');
const { WS } = require('..');
const { ROLES, closePayload, frame, peerOf, readable } = require('./support/frames.js');
const { generator } = require('./support/generator.js');
const { plain, wire, ends } = require('./support/plain.js');

const RUNS = 4000;
const FAILURES = [1002, 1007, 1008, 1009];

/** What a connection did with `chunks`: messages, the frames it answered with, and its end. */
function outcome(role, chunks) {
  const socket = plain(role);
  const got = [];
  for (const chunk of chunks) {
    WS.receive(socket, chunk, (payload, isBinary) => got.push([payload.toString('hex'), isBinary]));
  }
  return { got, answers: readable(wire(socket), role), ended: ends(socket) };
}

function cutAnywhere(random, bytes) {
  const chunks = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(random.below(2) === 0 ? 4 : 60);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Waits for more, or has ended with one close frame and nothing behind it. */
function assertSound({ answers, ended }) {
  const closes = answers.filter((one) => 'close' in one);
  assert.equal(closes.length, ended);
  if (ended === 0) return;
  assert.ok(ended === 1 && 'close' in answers.at(-1));
  const { close, reason } = closes[0];
  const echoed = close >= 1000 && close < 5000 && ![1004, 1005, 1006, 1015].includes(close);
  assert.ok(close === null || echoed || FAILURES.includes(close), `close code ${close}`);
  assert.equal(reason, '');
}

/** Runs `make(random)` for every seed; the outcome must be sound, however the bytes are cut. */
function check(t, role, firstSeed, make) {
  let ended = 0;
  for (let seed = firstSeed; seed < firstSeed + RUNS; seed++) {
    const random = generator(seed);
    const bytes = make(random);
    try {
      const whole = outcome(role, [bytes]);
      assertSound(whole);
      assert.deepEqual(outcome(role, cutAnywhere(random, bytes)), whole, 'another cut, another outcome');
      ended += whole.ended;
    } catch (error) {
      error.message = `${role}, seed ${seed}, ${bytes.toString('hex')}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(`${RUNS} streams, ${ended} of them ended`);
  return ended;
}

for (const [at, role] of ROLES.entries()) {
  const seed = 1 + at * 1_000_000;

  test(`${role}: scenario 18: random bytes`, (t) => {
    const ended = check(t, role, seed, (random) => random.bytes(1 + random.below(200)));
    assert.ok(ended > RUNS / 2, 'noise is not a WebSocket connection');
  });

  test(`${role}: scenario 18: random payloads behind headers that are nearly right`, (t) => {
    check(t, role, seed + 100_000, (random) => Buffer.concat(
      Array.from({ length: 1 + random.below(8) }, () => nearlyRight(random, role))
    ));
  });

  test(`${role}: scenario 18: valid streams stay valid under every cut`, (t) => {
    const ended = check(t, role, seed + 200_000, (random) => validStream(random, role));
    assert.ok(ended > RUNS / 4 && ended < RUNS);
  });

  test(`${role}: scenario 18: valid streams with bytes changed, lost or doubled`, (t) => {
    check(t, role, seed + 300_000, (random) => mutated(random, validStream(random, role)));
  });

  test(`${role}: scenario 18: WS.receive takes a stream that never ends well for as long as it lasts`, () => {
    const random = generator(seed + 400_000);
    const socket = plain(role);
    for (let chunk = 0; chunk < 2000; chunk++) WS.receive(socket, random.bytes(100));
    assertSound({ answers: readable(wire(socket), role), ended: ends(socket) });
  });
}

function nearlyRight(random, role) {
  const opcode = [0, 1, 2, 8, 9, 10][random.below(6)];
  const masked = (role === 'server') === (random.below(20) > 0);
  return frame(opcode, random.bytes(random.below(random.below(10) === 0 ? 300 : 12)), {
    fin: random.below(4) > 0,
    rsv: random.below(30) === 0 ? 1 + random.below(7) : 0,
    key: masked ? random.bytes(4) : null
  });
}

/** Messages whole and in fragments, control frames between, and for some a close at the end. */
function validStream(random, role) {
  const peer = peerOf(role);
  const parts = [];
  for (let left = 1 + random.below(6); left > 0; left--) {
    const fragments = 1 + random.below(4);
    const text = random.below(2) === 0;
    for (let at = 0; at < fragments; at++) {
      const payload = text ? '\u00fc\u20ac\u{1f44b}x'.repeat(random.below(8)) : random.bytes(random.below(200));
      const fin = at === fragments - 1;
      parts.push(peer.frame(at > 0 ? 0 : text ? 1 : 2, payload, { fin }));
      if (random.below(3) === 0) parts.push(peer.frame(9 + random.below(2), random.bytes(random.below(126))));
    }
  }
  if (random.below(2) === 0) parts.push(peer.frame(8, closePayload(3000 + random.below(2000), 'bye')));
  return Buffer.concat(parts);
}

function mutated(random, bytes) {
  let changed = Buffer.from(bytes);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(changed.length);
    const rest = changed.subarray(at);
    switch (random.below(4)) {
      case 0: changed[at] ^= 1 << random.below(8); break;
      case 1: changed[at] = random.below(256); break;
      case 2: changed = Buffer.concat([changed.subarray(0, at), rest.subarray(1), Buffer.from([0])]); break;
      default: changed = Buffer.concat([changed.subarray(0, at), random.bytes(1 + random.below(4)), rest]);
    }
  }
  return changed;
}
