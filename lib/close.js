'use strict';

const codec = require('./codec.js');
const native = require('./native.js');
const errors = require('./errors.js');
const { connectionOf, roleOf } = require('./connection.js');
const { inTurn } = require('./deferred.js');

/** RFC 6455 §7.4.1: "the purpose for which the connection was established has been fulfilled". */
const NORMAL = 1000;
/** What a close frame has room for behind its code (§5.5). */
const REASON_MAX = 123;

/** Starts the closing handshake (RFC 6455 §7.1.2). */
function close(socket, code, reason) {
  checkClose(code, reason);
  const connection = connectionOf(socket);
  const { canSend, closing, isLate } = connection;
  if (closing || (!canSend && !isLate)) return false;
  // What has come before the peer's end may still wait, though the socket is closed.
  connection.closing = true;
  connection.attachment?.stop();
  return canSend && closeInTurn(connection, code, reason);
}

/** Closes behind all that was sent; what the peer sends before its own close frame is still read. */
function endSending(connection) {
  closeInTurn(connection, NORMAL);
}

/**
 * Closes behind all that was sent. A Readable may take as long as it likes, but one that gives
 * nothing, or a peer that takes nothing of it, for the time of closeTimeout ends the connection.
 */
function closeInTurn(connection, code, reason) {
  if (connection.deferred === null) return closeNow(connection, code, reason);
  connection.startCloseTimer();
  inTurn(connection, 0, () => closeNow(connection, code, reason));
  return true;
}

function closeNow(connection, code = 0, reason = '') {
  if (!connection.canSend) return false;
  const { outbox, socket } = connection;
  outbox.reserve(codec.CONTROL_ROOM);
  const end = codec.close(connection.id, roleOf(socket), code, reason, outbox.slab, outbox.end);
  if (end < 0) return false;
  outbox.end = end;
  connection.startCloseTimer();
  outbox.commitControl();
  return true;
}

/** The check of a code that a close frame is to carry. */
function checkCode(name, value) {
  if (typeof value !== 'number') throw errors.invalidArgType(name, 'a number', value);
  if (!native.isCloseCode(value)) {
    throw errors.outOfRange(name, '1000-1003, 1007-1014 or 3000-4999', value);
  }
}

function checkClose(code, reason) {
  if (code !== undefined) checkCode('code', code);
  if (reason === undefined) return;
  if (typeof reason !== 'string') throw errors.invalidArgType('reason', 'a string', reason);
  if (code === undefined && reason !== '') {
    throw errors.invalidArgValue('reason', 'needs a code before it', reason);
  }
  const length = Buffer.byteLength(reason);
  if (length > REASON_MAX) {
    throw errors.outOfRange('reason', `at most ${REASON_MAX} bytes of UTF-8`, length);
  }
}

module.exports = { NORMAL, checkCode, close, closeNow, endSending };
