'use strict';

const codec = require('./codec.js');
const errors = require('./errors.js');
const { SERVER, checkSocket, connectionOf, knownOf, roleOf } = require('./connection.js');
const { frame } = require('./frame.js');
const { Frame } = require('./payload.js');
const { sendFrame } = require('./send.js');

/** Sockets that one native call writes. */
const MOST = 256;
/** A frame of more bytes is sent to each socket by itself: to be called less often is no gain there. */
const FRAME_MAX = 1 << 20;

/** The numbers of connections, and after the call what has come of each, as words and as bytes. */
const targets = new Int32Array(MOST);
const targetBytes = new Uint8Array(targets.buffer);

/**
 * Sends one message to many sockets; it is encoded once.
 * @param sockets any iterable of them
 * @param payload what WS.frame takes, or one of its frames
 * @param options {binary, compress, fin}, where `payload` is no frame
 * @returns for how many sockets it was accepted: those whose connection is open
 */
function broadcast(sockets, payload, options) {
  if (typeof sockets?.[Symbol.iterator] !== 'function' || typeof sockets === 'string') {
    throw errors.invalidArgType('sockets', 'an iterable of sockets', sockets);
  }
  const prepared = prepare(payload, options);
  // All first: nothing is sent where one of them is no socket.
  const connections = Array.from(sockets, connectionAt);
  const others = [];
  let batch = [];
  let accepted = 0;
  for (const connection of connections) {
    if (!tryJoin(connection, prepared)) others.push(connection);
    else if (batch.push(connection) === MOST) {
      accepted += sendBatch(batch, prepared);
      batch = [];
    }
  }
  if (batch.length > 0) accepted += sendBatch(batch, prepared);
  for (const connection of others) {
    if (sendFrame(connection, prepared) !== null) accepted++;
  }
  return accepted;
}

function connectionAt(socket, at) {
  const known = knownOf(socket);
  if (known !== undefined) return known;
  checkSocket(socket, `sockets[${at}]`);
  return connectionOf(socket);
}

/** Whether the frame is written at once, as it is, so that it may be along with others. */
function tryJoin(connection, { bytes }) {
  return bytes.length <= FRAME_MAX
    && connection.canSend && !connection.closing
    && connection.deferred === null && connection.extension.agreement === 0
    && roleOf(connection.socket) === SERVER
    && connection.outbox.beginDirect();
}

/**
 * Writes a frame to all connections of a batch.
 * @returns for how many it was accepted
 */
function sendBatch(batch, frame) {
  const { bytes, kind, payload } = frame;
  for (let at = 0; at < batch.length; at++) targets[at] = batch[at].id;
  codec.broadcast(targetBytes, batch.length, kind, payload.length, bytes);
  // What is left for a stream may lead back here, by a `write` of the program's.
  const results = targets.slice(0, batch.length);
  let accepted = 0;
  for (let at = 0; at < batch.length; at++) {
    if (results[at] !== codec.SEND_ALONE) {
      batch[at].outbox.wrote(bytes, results[at]);
      accepted++;
    } else if (sendFrame(batch[at], frame) !== null) {
      accepted++;
    }
  }
  return accepted;
}

function prepare(payload, options) {
  if (!(payload instanceof Frame)) return frame(payload, options);
  if (options === undefined) return payload;
  throw errors.invalidArgValue('options', 'must be given to WS.frame, not with its frame', options);
}

module.exports = { broadcast };
