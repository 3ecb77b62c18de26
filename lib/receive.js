'use strict';

const { isSharedArrayBuffer } = require('node:util').types;
const codec = require('./codec.js');
const { connectionOf, roleOf } = require('./connection.js');
const { MESSAGE_TOO_BIG, TOO_MANY_WAITING, faultError } = require('./faults.js');
const { inbound, renewAssembly, renewInbound, takeAssembly, view } = require('./memory.js');
const { Queue } = require('./queue.js');
const { sendControl } = require('./send.js');

const { table, EVENTS, EVENT_WORDS } = codec;

/**
 * Takes the next bytes of a socket, answers what is to be answered, and hands on the messages.
 * @returns the first message, if there is one
 */
function receive(socket, buffer, callback) {
  const deliver = typeof callback === 'function' ? callback : null;
  if (!Buffer.isBuffer(buffer)) {
    if (deliver === null) return null;
    deliver(null);
    return undefined;
  }
  const connection = connectionOf(socket);
  if (connection.id === -1) return undefined;
  const chunk = isShared(buffer) ? Buffer.from(buffer) : buffer;
  if (connection.busy) {
    // A callback has led back here: these bytes come after the rest of the chunk in hand.
    wait(connection, chunk, deliver);
    return undefined;
  }
  return run(connection, chunk, deliver);
}

/** Whether another thread may write to the bytes while they are read. */
function isShared({ buffer }) {
  return !(buffer instanceof ArrayBuffer) && isSharedArrayBuffer(buffer);
}

/** Processes a chunk behind all that waits; whatever is sent meanwhile leaves in one write. */
function run(connection, chunk, deliver) {
  const { outbox } = connection;
  connection.first = undefined;
  connection.busy = outbox.receiving = true;
  try {
    if (connection.pongs !== null) answerPings(connection);
    if (deliver !== null && connection.inbox !== null) {
      wait(connection, chunk, null);
      emptyInbox(connection, deliver);
    } else if (connection.backlog === null) feed(connection, chunk, deliver, null);
    else wait(connection, chunk, deliver);
    if (connection.backlog !== null) drain(connection, deliver);
  } finally {
    connection.busy = outbox.receiving = false;
    outbox.flush();
  }
  if (deliver === null) return connection.inbox?.shift()?.payload;
  const { first } = connection;
  connection.first = undefined;
  return first;
}

/** How many loops over the table are under way: more than one where a callback feeds another socket. */
let walks = 0;
/** Words of the table that the innermost of them uses. */
let used = 0;

/**
 * Reads a chunk: one native call, or a few, and the events of each in turn. What a callback throws
 * passes through; the events and bytes behind it wait for the next call.
 * @param own the callback that is to get them, or null for that of the next call
 */
function feed(connection, chunk, deliver, own) {
  const outer = walks === 0 ? null : table.slice(0, used);
  let [at, event, count, slab] = [0, 0, 0, null];
  walks++;
  try {
    // A callback may close the socket, or even transfer the chunk's memory away.
    while (connection.id !== -1 && at <= chunk.length) {
      if (inbound.slab.length === 0) renewInbound(0);
      slab = inbound.slab;
      count = codec.receive(
        connection.id, roleOf(connection.socket), chunk, at, slab, inbound.used, connection.assembly
      );
      at = table[codec.READ];
      inbound.used = table[codec.SLAB_USED];
      used = EVENTS + count * EVENT_WORDS;
      const needed = table[codec.NEEDED];
      const keep = table[codec.NEEDS_ASSEMBLY] === 1 ? table[codec.KEEP] : -1;
      for (event = 0; event < count; event++) {
        const word = EVENTS + event * EVENT_WORDS;
        const kind = table[word];
        const payload = payloadOf(connection, slab, kind, table[word + 1], table[word + 2]);
        act(connection, kind & 0xf, payload, numberOf(kind, word), deliver);
      }
      if (needed > 0) lend(connection, needed, keep);
      else if (at >= chunk.length) return;
    }
  } catch (error) {
    keepRest(connection, slab, event + 1, count, chunk, at, own);
    throw error;
  } finally {
    walks--;
    if (outer !== null) {
      table.set(outer);
      used = outer.length;
    }
  }
}

/** The payload of an event, in memory that is never written again. */
function payloadOf(connection, slab, kind, offset, length) {
  if ((kind & codec.IN_ASSEMBLY) !== 0) {
    const message = takeAssembly(connection.assembly, length);
    connection.assembly = undefined;
    return message;
  }
  return kind === codec.VIOLATION ? undefined : view(slab, offset, offset + length);
}

/** The number that goes with an event: a close code, or a fault's. */
function numberOf(kind, word) {
  if (kind === codec.CLOSE) return table[codec.CLOSE_CODE];
  return kind === codec.VIOLATION ? table[word + 1] : 0;
}

/** Lends the memory that native code has asked for. */
function lend(connection, needed, keep) {
  if (keep === -1) {
    renewInbound(needed);
    return;
  }
  try {
    connection.assembly = renewAssembly(connection.assembly, needed, keep);
  } catch {
    // No memory for a message of that size: the peer's message is too big for us, no reason to die.
    violation(connection, MESSAGE_TOO_BIG);
  }
}

/** Does what an event asks for. */
function act(connection, kind, payload, number, deliver) {
  switch (kind) {
    case codec.TEXT:
    case codec.BINARY:
      return message(connection, payload, kind === codec.BINARY, deliver);
    case codec.PING:
      return answerPing(connection, payload);
    case codec.PONG:
      return takePong(connection);
    case codec.CLOSE:
      connection.closeCode = number === 0 ? NO_CODE : number;
      connection.closeReason = payload.toString();
      return connection.finish();
    default:
      return violation(connection, number);
  }
}

/** RFC 6455 §7.1.5: the code of a close frame that has none. */
const NO_CODE = 1005;

/** Whether no more messages are handed on: the program has closed the connection, or it has failed. */
function isDeaf({ closing, error, socket }) {
  return closing || error !== null || socket.destroyed === true;
}

function message(connection, payload, isBinary, deliver) {
  if (isDeaf(connection)) return;
  if (deliver !== null) {
    connection.first ??= payload;
    deliver(payload, isBinary);
    return;
  }
  connection.inbox ??= new Queue();
  connection.inbox.push({ payload, isBinary }, payload.length);
  checkWaiting(connection);
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
    if (typeof connection.socket.once === 'function') {
      connection.socket.once('drain', () => answerPings(connection));
    }
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

function takePong(connection) {
  if (connection.pingedAt === 0) return;
  connection.latency = performance.now() - connection.pingedAt;
  connection.pingedAt = 0;
}

/** RFC 6455 §7.1.7: fails the connection. */
function violation(connection, number) {
  connection.error ??= faultError(number);
  connection.closeCode ??= connection.error.closeCode;
  connection.closeReason ??= '';
  codec.fail(connection.id, number);
  connection.assembly = undefined;
  connection.finish();
}

/** Hands the messages that were kept for a call without a callback to one that has it. */
function emptyInbox(connection, deliver) {
  while (!connection.inbox.isEmpty && !isDeaf(connection)) {
    const { payload, isBinary } = connection.inbox.shift();
    connection.first ??= payload;
    deliver(payload, isBinary);
  }
  connection.inbox = null;
}

/** Keeps a chunk for later. */
function wait(connection, chunk, deliver) {
  connection.backlog ??= new Queue();
  connection.backlog.push({ chunk: Buffer.from(chunk), deliver }, chunk.length);
  checkWaiting(connection);
}

/** Processes what waits, the oldest first. */
function drain(connection, deliver) {
  while (!connection.backlog.isEmpty) {
    const entry = connection.backlog.shift();
    const own = entry.deliver;
    if (entry.chunk !== undefined) feed(connection, entry.chunk, own ?? deliver, own);
    else act(connection, entry.kind, entry.payload, entry.number, own ?? deliver);
  }
  connection.backlog = null;
}

/** Keeps what comes behind an event whose callback has thrown. */
function keepRest(connection, slab, event, count, chunk, at, own) {
  const rest = new Queue();
  for (; event < count; event++) {
    const word = EVENTS + event * EVENT_WORDS;
    const kind = table[word];
    const payload = payloadOf(connection, slab, kind, table[word + 1], table[word + 2]);
    const entry = { kind: kind & 0xf, payload, number: numberOf(kind, word), deliver: own };
    rest.push(entry, payload?.length ?? 0);
  }
  if (at < chunk.length) {
    const bytes = Buffer.from(chunk.subarray(at));
    rest.push({ chunk: bytes, deliver: own }, bytes.length);
  }
  if (rest.isEmpty) return;
  connection.backlog ??= new Queue();
  connection.backlog.prepend(rest);
  checkWaiting(connection);
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

module.exports = { receive };
