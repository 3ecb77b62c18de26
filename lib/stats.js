'use strict';

const codec = require('./codec.js');
const { countAdopted } = require('./adopted.js');

/**
 * What `codec.totals` writes: open connections, messages received and sent, bytes received and sent,
 * and the volumes of extensions.
 */
const numbers = new Float64Array(5 + 6);
const bytes = new Uint8Array(numbers.buffer);

/** Connections there ever were. */
let opened = 0;
/** Handshakes of clients under way: the core has a half for each, but they are no connections yet. */
let handshakes = 0;
/** How many handshakes were refused, by the core's name of the reason. */
const refusals = new Map();

/**
 * The counters of this environment: the main thread and every worker have their own.
 *
 * A connection counts as open until its socket is closed. Messages are whole ones; bytes are those
 * of frames, headers and control frames included.
 */
function stats() {
  codec.totals(bytes);
  const [halves, messagesReceived, messagesSent, bytesReceived, bytesSent, ...volumes] = numbers;
  return {
    connections: { open: halves - handshakes, total: opened, reactor: countAdopted() },
    messages: { received: messagesReceived, sent: messagesSent },
    bytes: { received: bytesReceived, sent: bytesSent },
    compression: compressionOf(volumes),
    refusals: Object.fromEntries(refusals)
  };
}

/** What extensions have done, by its six numbers. */
function compressionOf([messagesIn, compressedIn, plainIn, messagesOut, compressedOut, plainOut]) {
  return {
    received: { messages: messagesIn, compressed: compressedIn, plain: plainIn },
    sent: { messages: messagesOut, compressed: compressedOut, plain: plainOut }
  };
}

function countOpened() {
  opened++;
}

/** A client's handshake has begun on one more socket. */
function countHandshake() {
  handshakes++;
}

/** It is over, and the core's half of it is freed. */
function uncountHandshake() {
  handshakes--;
}

/** Counts a handshake that was answered with a refusal. */
function countRefused(reason) {
  refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
}

module.exports = { compressionOf, countHandshake, countOpened, countRefused, stats, uncountHandshake };
