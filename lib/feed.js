'use strict';

const { isSharedArrayBuffer } = require('node:util').types;
const codec = require('./codec.js');
const { roleOf } = require('./connection.js');
const { act, answerPings, checkWaiting, emptyInbox, failTooBig } = require('./events.js');
const { inbound, renewAssembly, renewInbound, takeAssembly, view } = require('./memory.js');
const { Queue } = require('./queue.js');

const { table, EVENTS, EVENT_WORDS } = codec;

/**
 * Processes a chunk behind all that waits; whatever is sent meanwhile leaves in one write. What a
 * callback throws passes through, and what is behind it waits.
 * @param deliver the callback of WS.receive, or null
 */
function process(connection, bytes, deliver) {
  const { outbox } = connection;
  // The socket is closed, or the peer has broken the protocol: nothing more is read.
  if (connection.id === -1 || connection.error !== null) return;
  const chunk = isShared(bytes) ? Buffer.from(bytes) : bytes;
  if (connection.busy) {
    // A callback has led back here: these bytes come after the rest of the chunk in hand.
    wait(connection, chunk, deliver);
    return;
  }
  connection.first = undefined;
  connection.busy = outbox.receiving = true;
  try {
    if (connection.pongs !== null) answerPings(connection);
    if (deliver !== null && connection.inbox !== null) {
      wait(connection, chunk, null);
      emptyInbox(connection, deliver);
    } else if (connection.backlog === null && connection.paused === 0) {
      feed(connection, chunk, deliver, null);
    } else if (chunk.length > 0) {
      // What waits because of a pause has no later call to wait for: it keeps its own callback.
      wait(connection, chunk, connection.paused === 0 ? null : deliver);
    }
    if (connection.backlog !== null) drain(connection, deliver);
  } finally {
    connection.busy = outbox.receiving = false;
    outbox.flush();
  }
}

/** Whether another thread may write to the bytes while they are read. */
function isShared({ buffer }) {
  return !(buffer instanceof ArrayBuffer) && isSharedArrayBuffer(buffer);
}

/** How many loops over the table are under way: more than one where a callback feeds another socket. */
let walks = 0;
/** Words of the table that the innermost of them uses. */
let used = 0;

/**
 * Reads a chunk: one native call, or a few, and the events of each in turn. The rest of it waits
 * where a callback throws, or pauses the connection.
 * @param own the callback that is to get the rest, or null for that of the next call
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
      at += table[codec.READ];
      inbound.used = table[codec.SLAB_USED];
      used = EVENTS + count * EVENT_WORDS;
      const needed = table[codec.NEEDED];
      const keep = table[codec.NEEDS_ASSEMBLY] === 1 ? table[codec.KEEP] : -1;
      for (event = 0; event < count; event++) {
        const word = EVENTS + event * EVENT_WORDS;
        const kind = table[word];
        const payload = eventPayload(connection, slab, kind, table[word + 1], table[word + 2]);
        act(connection, kind & ~codec.IN_ASSEMBLY, payload, eventNumber(kind, word), deliver);
        if (connection.paused !== 0) break;
      }
      if (connection.paused !== 0) {
        // No later call brings a callback for it.
        keepRest(connection, slab, event + 1, count, chunk, at, own ?? deliver);
        return;
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
function eventPayload(connection, slab, kind, offset, length) {
  if ((kind & codec.IN_ASSEMBLY) !== 0) {
    const message = takeAssembly(connection.assembly, length);
    connection.assembly = undefined;
    return message;
  }
  return kind === codec.VIOLATION ? undefined : view(slab, offset, offset + length);
}

/** The number that goes with an event: a close code, or a fault's. */
function eventNumber(kind, word) {
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
    // There is no memory for a message of that size.
    failTooBig(connection);
  }
}

/** Keeps a chunk for later. */
function wait(connection, chunk, deliver) {
  connection.backlog ??= new Queue();
  connection.backlog.push({ chunk: Buffer.from(chunk), deliver }, chunk.length);
  checkWaiting(connection);
}

/** Processes what waits, the oldest first, until the connection is paused. */
function drain(connection, deliver) {
  const { backlog } = connection;
  // A violation drops it.
  while (!backlog.isEmpty && connection.paused === 0 && connection.backlog === backlog) {
    const entry = backlog.shift();
    const own = entry.deliver;
    if (entry.chunk !== undefined) feed(connection, entry.chunk, own ?? deliver, own);
    else act(connection, entry.kind, entry.payload, entry.number, own ?? deliver);
  }
  if (backlog.isEmpty && connection.backlog === backlog) connection.backlog = null;
}

/** Keeps what comes behind an event. */
function keepRest(connection, slab, event, count, chunk, at, own) {
  const rest = new Queue();
  for (; event < count; event++) {
    const word = EVENTS + event * EVENT_WORDS;
    const kind = table[word];
    const payload = eventPayload(connection, slab, kind, table[word + 1], table[word + 2]);
    const entry = { kind: kind & ~codec.IN_ASSEMBLY, payload, number: eventNumber(kind, word), deliver: own };
    rest.push(entry, payload?.length ?? 0);
  }
  if (at < chunk.length) {
    const bytes = Buffer.from(chunk.subarray(at));
    rest.push({ chunk: bytes, deliver: own }, bytes.length);
  }
  if (rest.isEmpty || connection.error !== null) return;
  connection.backlog ??= new Queue();
  connection.backlog.prepend(rest);
  checkWaiting(connection);
}

module.exports = { process, wait };
