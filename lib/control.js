'use strict';

const codec = require('./codec.js');
const errors = require('./errors.js');
const { connectionOf, roleOf } = require('./connection.js');
const { NO_BYTES } = require('./memory.js');
const { bytesOf } = require('./payload.js');

/** Sends a ping (RFC 6455 §5.5.2). */
function ping(socket, payload) {
  const bytes = controlPayload(payload);
  const connection = connectionOf(socket);
  const sent = sendControl(connection, codec.PING, bytes);
  if (sent) connection.pingedAt ||= performance.now();
  return sent;
}

/** Sends a pong that answers nothing, a heartbeat (RFC 6455 §5.5.3). */
function pong(socket, payload) {
  const bytes = controlPayload(payload);
  return sendControl(connectionOf(socket), codec.PONG, bytes);
}

const CONTROL_MAX = 125;

function controlPayload(payload) {
  if (payload === undefined) return NO_BYTES;
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : bytesOf('payload', payload);
  if (bytes.length > CONTROL_MAX) {
    throw errors.outOfRange('payload.byteLength', `at most ${CONTROL_MAX}`, bytes.length);
  }
  return bytes;
}

/**
 * Sends a ping or pong; it may overtake what waits for a Blob.
 * @returns whether it was accepted
 */
function sendControl(connection, kind, bytes) {
  if (!connection.canSend) return false;
  const { outbox } = connection;
  const end = outbox.put(connection.id, roleOf(connection.socket), kind, bytes, codec.CONTROL_ROOM);
  if (end < 0) return false;
  outbox.commitControl();
  return true;
}

module.exports = { ping, pong, sendControl };
