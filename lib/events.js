'use strict';

const codec = require('./codec.js');
const { isDropped } = require('./connection.js');
const { MESSAGE_TOO_BIG, TOO_MANY_WAITING, faultError } = require('./faults.js');
const { Queue } = require('./queue.js');
const { sendControl } = require('./control.js');

/** RFC 6455 §7.1.5: the code of a close frame that has none. */
const NO_CODE = 1005;

/** Does what an event asks for. */
function act(connection, kind, payload, number, deliver) {
  // What an event before this one has led to: a violation, or a socket that is closed.
  if (connection.error !== null || connection.id === -1) return undefined;
  switch (kind) {
    case codec.TEXT:
    case codec.BINARY:
      return message(connection, payload, kind === codec.BINARY, deliver);
    case codec.TEXT | codec.PART:
    case codec.BINARY | codec.PART:
      return part(connection, payload, (kind & codec.BINARY) !== 0);
    case codec.PING:
      answerPing(connection, payload);
      return isDeaf(connection) ? undefined : connection.attachment?.ping(payload);
    case codec.PONG:
      return takePong(connection, payload);
    case codec.CLOSE:
      connection.closeCode = number === 0 ? NO_CODE : number;
      connection.closeReason = payload.toString();
      connection.wasClean = true;
      return connection.finish();
    default:
      return violation(connection, number);
  }
}

/** Whether the program wants no more messages: it has closed or destroyed the connection. */
function isDeaf({ closing, error, isLate, outbox, socket }) {
  if (closing || error !== null) return true;
  return !outbox.isGathering && socket.destroyed === true && (!isLate || isDropped(socket));
}

function message(connection, payload, isBinary, deliver) {
  if (isDeaf(connection)) return;
  if (connection.attachment !== null) {
    connection.attachment.message(payload, isBinary);
    return;
  }
  if (deliver !== null) {
    connection.first ??= payload;
    deliver(payload, isBinary);
    return;
  }
  connection.inbox ??= new Queue();
  connection.inbox.push({ payload, isBinary }, payload.length);
  checkWaiting(connection);
}

/** Only an attached connection asks for parts. */
function part(connection, payload, isBinary) {
  if (!isDeaf(connection)) connection.attachment.part(payload, isBinary);
}

/** RFC 6455 §5.5.2: "an endpoint MUST send a Pong frame in response". */
function answerPing(connection, payload) {
  if (connection.socket.writableNeedDrain !== true) {
    sendControl(connection, codec.PONG, payload);
    return;
  }
  // The peer does not read. §5.5.3: "the endpoint MAY elect to send a Pong frame for only the most
  // recently processed Ping frame", so the oldest answers are dropped.
  if (connection.pongs === null) {
    connection.pongs = [];
    // Before the program's own listeners, which may fill the socket again.
    connection.socket.prependOnceListener?.('drain', () => answerPings(connection));
  }
  connection.pongs.push(Buffer.from(payload));
  if (connection.pongs.length > connection.limits.maxPendingPongs) connection.pongs.shift();
}

function answerPings(connection) {
  const { pongs, socket } = connection;
  if (pongs === null || socket.writableNeedDrain === true) return;
  connection.pongs = null;
  for (const payload of pongs) sendControl(connection, codec.PONG, payload);
}

function takePong(connection, payload) {
  let roundTrip = null;
  if (connection.pingedAt !== 0) {
    roundTrip = connection.latency = performance.now() - connection.pingedAt;
    connection.pingedAt = 0;
  }
  if (!isDeaf(connection)) connection.attachment?.pong(payload, roundTrip);
}

/** RFC 6455 §7.1.7: fails the connection. */
function violation(connection, number) {
  if (connection.error !== null) return;
  connection.error = faultError(number);
  connection.closeCode ??= connection.error.closeCode;
  connection.closeReason ??= '';
  codec.fail(connection.id, number);
  connection.assembly = undefined;
  connection.backlog = null;
  connection.finish();
  connection.attachment?.error(connection.error);
}

/** Hands the messages that were kept for a call without a callback to one that has it. */
function emptyInbox(connection, deliver) {
  const { inbox } = connection;
  while (!inbox.isEmpty && !isDeaf(connection)) {
    const { payload, isBinary } = inbox.shift();
    connection.first ??= payload;
    deliver(payload, isBinary);
  }
  connection.inbox = null;
}

/** A program that takes fewer messages than arrive must not fill its memory with them. */
function checkWaiting(connection) {
  const bytes = (connection.inbox?.bytes ?? 0) + (connection.backlog?.bytes ?? 0);
  if (bytes <= connection.limits.maxPayload + MARGIN) return;
  connection.inbox = null;
  violation(connection, TOO_MANY_WAITING);
}

/** What may wait beside a message of the longest length. */
const MARGIN = 1024 * 1024;

/** Fails the connection because there is no memory for its message. */
function failTooBig(connection) {
  violation(connection, MESSAGE_TOO_BIG);
}

module.exports = { act, answerPings, checkWaiting, emptyInbox, failTooBig, violation };
