'use strict';

// The vectors that Rust and JavaScript share, each replayed as given, whole, byte by byte and cut in
// two at every place, through WS.receive on the least that is a socket.

const test = require('node:test');
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { WS } = require('..');
const { peerOf } = require('./support/frames.js');
const { requestHeaders } = require('./support/handshake.js');
const { plain, as, sent, ends } = require('./support/plain.js');

const SUBJECTS = {
  'header.json': 'frame headers (scenario 11)',
  'control.json': 'control frames (scenarios 7, 9, 11)',
  'close.json': 'close codes and what follows a close (scenario 10)',
  'fragmentation.json': 'fragmented messages (scenarios 8, 11)',
  'utf8.json': 'UTF-8 in text (scenario 12)',
  'limits.json': 'maxPayload and maxFragments (scenario 13)',
  'roles.json': 'the direction of the mask',
  'deflate.json': 'permessage-deflate'
};

for (const [file, subject] of Object.entries(SUBJECTS)) {
  const vectors = JSON.parse(readFileSync(join(__dirname, '../tests/vectors', file), 'utf8'));

  test(`${file}: ${subject}`, (t) => {
    let replays = 0;
    for (const vector of vectors) {
      for (const [how, chunks] of cuts(vector.chunks.map(unhex))) {
        naming(`${vector.name}, ${how}`, () => replay(vector, chunks));
        replays++;
      }
    }
    t.diagnostic(`${vectors.length} vectors, ${replays} replays`);
  });
}

/** What is offered is agreed to. */
const DEFLATE = { serverNoContextTakeover: false, clientNoContextTakeover: false };

function unhex(text) {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Every way in which a vector is cut into chunks. */
function* cuts(given) {
  const whole = Buffer.concat(given);
  yield ['as given', given];
  yield ['whole', [whole]];
  yield ['byte by byte', Array.from(whole, (byte) => Buffer.from([byte]))];
  for (let at = 1; at < whole.length; at++) {
    yield [`cut at ${at}`, [whole.subarray(0, at), whole.subarray(at)]];
  }
}

function naming(name, check) {
  try {
    check();
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  }
}

function replay(vector, chunks) {
  const socket = socketFor(vector);
  const delivered = [];
  for (const chunk of chunks) receive(socket, chunk, delivered);

  assert.deepEqual(delivered, vector.events.filter((event) => 'text' in event || 'binary' in event));
  assert.deepEqual(sent(socket), answersTo(vector));
  const over = vector.violation !== undefined || vector.events.some((event) => 'close' in event);
  assert.equal(ends(socket), over ? 1 : 0, 'calls of end()');
  if (!over) return;
  assertKnown(WS.info(socket), vector);
  assertDeaf(socket, vector.role);
}

/** A plain socket in the vector's role; its limits come in the one way there is for them. */
function socketFor({ role, deflate, maxPayload, maxFragments }) {
  const socket = plain(role);
  if (deflate === undefined && maxPayload === undefined && maxFragments === undefined) return socket;
  const headers = { ...requestHeaders(), 'sec-websocket-extensions': deflate };
  WS.upgrade(socket, headers, { maxPayload, maxFragments, perMessageDeflate: DEFLATE });
  socket.writes.length = 0;
  return as(role, socket);
}

/** Hands over a chunk of its own memory, which is spoilt afterwards: nothing may be read late. */
function receive(socket, bytes, delivered) {
  const chunk = Buffer.from(bytes);
  WS.receive(socket, chunk, (payload, isBinary) => {
    delivered.push(isBinary ? { binary: payload.toString('hex') } : { text: payload.toString('utf8') });
  });
  assert.deepEqual(chunk, bytes, 'the chunk was modified');
  chunk.fill(0xee);
}

/** A pong for each ping, then the close frame that is due. */
function answersTo({ events, violation }) {
  const answers = events.filter((event) => 'ping' in event).map(({ ping }) => ({ pong: ping }));
  const close = events.find((event) => 'close' in event);
  if (close !== undefined) answers.push({ close: close.close, reason: '' });
  if (violation !== undefined) answers.push({ close: violation.code, reason: '' });
  return answers;
}

function assertKnown(info, { events, violation }) {
  assert.equal(info.state, 'closed');
  if (violation === undefined) {
    const { close, reason } = events.at(-1);
    assert.deepEqual([info.closeCode, info.closeReason, info.error], [close ?? 1005, reason, null]);
  } else {
    assert.equal(info.closeCode, violation.code);
    assert.equal(info.error.closeCode, violation.code);
    assert.equal(info.error.code, violation.error);
  }
}

function assertDeaf(socket, role) {
  const peer = peerOf(role);
  const late = Buffer.concat([peer.text('late'), peer.ping('late'), peer.close(1000)]);
  assert.equal(WS.receive(socket, late, () => assert.fail('delivered after the close')), undefined);
  assert.deepEqual(sent(socket), []);
  assert.equal(ends(socket), 1);
}
