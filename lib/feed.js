'use strict';

const { AsyncResource } = require('node:async_hooks');
const { unpack } = require('./background.js');
const { watch } = require('./adopted.js');
const codec = require('./codec.js');
const { BACKGROUND, roleOf } = require('./connection.js');
const { act, answerPings, checkWaiting, emptyInbox, failTooBig } = require('./events.js');
const { NO_BYTES, fitInbound, inbound, handleBuffer, renewAssembly, renewInbound } = require('./memory.js');
const { Queue } = require('./queue.js');
const { inScope } = require('./scope.js');
const { actOn, beginWalk, endWalk, noteEvents, pushEvents } = require('./walk.js');

const { table } = codec;

/** The most memory to lend ahead of delivery: an allocation that fails would cost the messages before it. */
const AHEAD_MAX = 128 * 1024;

/**
 * Processes a chunk behind all that waits; whatever is sent meanwhile leaves in one write. What a
 * callback throws passes through, and what is behind it waits.
 * @param deliver the callback of WS.receive, or null
 */
function processChunk(connection, chunk, deliver) {
  const { outbox } = connection;
  // The socket is closed, or the peer has broken the protocol: nothing more is read.
  if (connection.id === -1 || connection.error !== null) return;
  if (outbox.isReceiving) {
    // A callback has led back here: these bytes come after the rest of the chunk in hand.
    wait(connection, chunk, deliver);
    return;
  }
  connection.first = undefined;
  outbox.isReceiving = true;
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
    outbox.isReceiving = false;
    outbox.flush();
  }
}

/**
 * Reads a chunk: one native call, or a few, and the events of each in turn. The rest of it waits
 * where a callback throws, or pauses the connection.
 * @param own the callback for what has to wait, or null for that of the next call
 * @param from where in the chunk to begin; past 0 the inflation budget is not renewed (receive.rs)
 */
function feed(connection, chunk, deliver, own, from = 0) {
  const outer = beginWalk();
  let at = from;
  let event = 0;
  let count = 0;
  let memory = null;
  let needed = 0;
  try {
    // What does not fit would be decoded in parts, and none of them be handed on before the last.
    if (chunk.length > inbound.slab.length - inbound.used && handleBuffer.holds(chunk)) fitInbound(chunk.length);
    // A callback may close the socket, or even transfer the chunk's memory away.
    while (connection.id !== -1 && at <= chunk.length) {
      count = decode(connection, chunk, at);
      if (count === codec.SHARED) {
        count = 0;
        chunk = Buffer.from(chunk);
        continue;
      }
      at += table[codec.READ];
      memory = inbound.memory;
      // A callback may have more read over the rest.
      if (count > 0 && at < chunk.length && handleBuffer.holds(chunk)) {
        // All of it is delivered as what has waited is.
        const entries = decodeAhead(connection, chunk, at, count);
        if (connection.error === null) keepInFront(connection, entries);
        return;
      }
      needed = table[codec.NEEDED];
      const needs = table[codec.NEEDS];
      const keep = table[codec.KEEP];
      for (event = 0; event < count; event++) {
        actOn(connection, memory, event, deliver);
        if (connection.paused !== 0) break;
      }
      if (connection.paused !== 0) {
        // No later call brings a callback for it.
        keepRest(connection, memory, event + 1, count, chunk, at, own ?? deliver, needed > 0);
        return;
      }
      if (needs === codec.BACKGROUND) {
        keepRest(connection, memory, count, count, chunk, at, own ?? deliver, true);
        unpackLater(connection, needed, keep);
        return;
      }
      if (needed > 0) lend(connection, needs, needed, keep);
      else if (at >= chunk.length) return;
    }
  } catch (error) {
    keepRest(connection, memory, event + 1, count, chunk, at, own, needed > 0);
    throw error;
  } finally {
    endWalk(outer);
  }
}

/** Decodes a chunk from `at` on, as far as memory and the table reach → the number of events, or SHARED. */
function decode(connection, chunk, at) {
  // It was transferred away.
  if (inbound.slab.length === 0) renewInbound(0);
  const { assembly, id, socket } = connection;
  const count = codec.receive(id, roleOf(socket), chunk, at, inbound.slab, inbound.used, assembly);
  if (count === codec.SHARED) return count;
  inbound.used = table[codec.SLAB_USED];
  noteEvents(count);
  return count;
}

/**
 * Decodes the rest of a chunk before any of it is delivered.
 * @param count events that the table holds of what is in front of `at`
 * @returns the events of all of it, or, where that takes too much memory or a thread, a copy of the end
 */
function decodeAhead(connection, chunk, at, count) {
  const entries = new Queue();
  pushEvents(entries, connection, inbound.memory, 0, count, null);
  while (at < chunk.length || table[codec.NEEDED] > 0) {
    if (!lendAhead(connection)) {
      // Native code begins a turn where a chunk begins: a byte that has been read goes before the rest.
      const bytes = Buffer.from(chunk.subarray(at - 1));
      entries.push({ chunk: bytes, from: 1, deliver: null }, bytes.length);
      break;
    }
    count = decode(connection, chunk, at);
    at += table[codec.READ];
    pushEvents(entries, connection, inbound.memory, 0, count, null);
  }
  return entries;
}

/** Lends what native code has asked for, if that is neither much nor a thread → whether to go on. */
function lendAhead(connection) {
  const needed = table[codec.NEEDED];
  const needs = table[codec.NEEDS];
  if (needed === 0 || needed > AHEAD_MAX || needs === codec.BACKGROUND) return false;
  lend(connection, needs, needed, table[codec.KEEP]);
  return connection.error === null;
}

/** Lends the memory that native code has asked for. */
function lend(connection, needs, needed, keep) {
  try {
    if (needs === codec.ASSEMBLY) connection.assembly = renewAssembly(connection.assembly, needed, keep);
    else renewInbound(needed);
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
    if (entry.chunk !== undefined) feed(connection, entry.chunk, own ?? deliver, own, entry.from);
    else act(connection, entry.kind, entry.payload, entry.number, own ?? deliver);
  }
  if (backlog.isEmpty && connection.backlog === backlog) connection.backlog = null;
}

/** Reads nothing more of a connection before a thread has unpacked what it has so far. */
function unpackLater(connection, capacity, keep) {
  if (connection.paused === 0) connection.socket.pause?.();
  connection.paused |= BACKGROUND;
  unpack(connection, capacity, keep, AsyncResource.bind(unpacked));
}

function unpacked(connection, isDone) {
  connection.paused &= ~BACKGROUND;
  if (!isDone && connection.id !== -1) failTooBig(connection);
  goOn(connection);
}

/** Goes on with a connection that somebody has resumed, in its own async context. */
function resumeNow(connection) {
  inScope(connection, goOn, null, connection);
}

/** Goes on with a connection for which there is no reason to pause any more. */
function goOn(connection) {
  // A handshake has paused the socket itself, or reads it.
  if (connection.paused !== 0 || connection.outbox.isReceiving || connection.handshake !== null) return;
  // The socket is closed, or has another connection by now, which may be paused.
  if (connection.id === -1) return;
  try {
    if (connection.backlog !== null) {
      if (connection.attachment === null) processChunk(connection, NO_BYTES, null);
      else connection.attachment.take(NO_BYTES);
    }
  } finally {
    if (connection.paused === 0) {
      connection.socket.resume?.();
      // No 'resume' follows where the program has resumed the socket by itself.
      watch(connection);
    }
    if (connection.isLate || connection.isOver) connection.settle();
  }
}

/**
 * Puts what follows an event at the front of the backlog. The limit is not checked: these bytes were
 * admitted already, and `wait` checks new ones.
 * @param goesOn whether there is more to be done for the bytes that were read
 */
function keepRest(connection, memory, event, end, chunk, at, own, goesOn = false) {
  const entries = new Queue();
  pushEvents(entries, connection, memory, event, end, own);
  if (at < chunk.length) {
    const bytes = Buffer.from(chunk.subarray(at));
    entries.push({ chunk: bytes, deliver: own }, bytes.length);
  } else if (goesOn) {
    entries.push({ chunk: NO_BYTES, deliver: own }, 0);
  }
  if (!entries.isEmpty && connection.error === null) keepInFront(connection, entries);
}

/** Keeps entries in front of all that waits. */
function keepInFront(connection, entries) {
  if (connection.backlog === null) connection.backlog = entries;
  else connection.backlog.prepend(entries);
}

module.exports = { feed, keepRest, lend, processChunk, resumeNow, unpackLater };
