'use strict';

const { AsyncResource } = require('node:async_hooks');
const { unpack } = require('./background.js');
const { watch } = require('./adopted.js');
const codec = require('./codec.js');
const { roleOf } = require('./connection.js');
const { act, answerPings, checkWaiting, emptyInbox, failTooBig } = require('./events.js');
const {
  FastBuffer, NO_BYTES, fitInbound, inbound, passing, renewAssembly, renewInbound, takeAssembly
} = require('./memory.js');
const { Queue } = require('./queue.js');
const { inScope } = require('./scope.js');

const { table, EVENTS, EVENT_WORDS } = codec;

/** The length of a close event. */
const CODE_MASK = (1 << codec.CODE) - 1;

/** The most memory to lend ahead of delivery: an allocation that fails would cost the messages before it. */
const AHEAD_MAX = 128 * 1024;

/** The bit of `paused` for a message that is unpacked in the background; see pause.js. */
const BACKGROUND = 8;

/**
 * Processes a chunk behind all that waits; whatever is sent meanwhile leaves in one write. What a
 * callback throws passes through, and what is behind it waits.
 * @param deliver the callback of WS.receive, or null
 */
function processChunk(connection, chunk, deliver) {
  const { outbox } = connection;
  // The socket is closed, or the peer has broken the protocol: nothing more is read.
  if (connection.id === -1 || connection.error !== null) return;
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

/** How many loops over the table are under way: more than one where a callback feeds another socket. */
let walks = 0;
/** Words of the table that the innermost of them uses. */
let used = 0;

/** Begins a loop over `count` entries, which are there until its end whatever callbacks do. */
function beginWalk(count) {
  walks++;
  used = EVENTS + count * EVENT_WORDS;
}

function endWalk() {
  walks--;
  used = 0;
}

/**
 * Reads a chunk: one native call, or a few, and the events of each in turn. The rest of it waits
 * where a callback throws, or pauses the connection.
 * @param own the callback for what has to wait, or null for that of the next call
 * @param from where in the chunk to begin; past 0 the inflation budget is not renewed (receive.rs)
 */
function feed(connection, chunk, deliver, own, from = 0) {
  const outer = walks === 0 ? null : table.slice(0, used);
  let at = from;
  let event = 0;
  let count = 0;
  let memory = null;
  let needed = 0;
  /** Events that wait until the whole chunk is decoded, or null. */
  let early = null;
  walks++;
  try {
    // What does not fit would be decoded in parts, and none of them be handed on before the last.
    if (chunk.length > inbound.slab.length - inbound.used && passing.holds(chunk)) fitInbound(chunk.length);
    // A callback may close the socket, or even transfer the chunk's memory away.
    while (connection.id !== -1 && at <= chunk.length) {
      if (inbound.slab.length === 0) renewInbound(0);
      memory = inbound.memory;
      count = codec.receive(
        connection.id, roleOf(connection.socket), chunk, at, inbound.slab, inbound.used, connection.assembly
      );
      if (count === codec.SHARED) {
        count = 0;
        chunk = Buffer.from(chunk);
        continue;
      }
      at += table[codec.READ];
      inbound.used = table[codec.SLAB_USED];
      used = EVENTS + count * EVENT_WORDS;
      needed = table[codec.NEEDED];
      const needs = table[codec.NEEDS];
      const keep = table[codec.KEEP];
      // A callback may cause a read over the rest: decode it ahead of delivery, or else copy it.
      if ((count > 0 || early !== null) && at < chunk.length && passing.holds(chunk)) {
        if (needed > 0 && needed <= AHEAD_MAX && needs !== codec.BACKGROUND) {
          early ??= new Queue();
          pushEvents(early, connection, memory, 0, count, null);
          lend(connection, needs, needed, keep);
          continue;
        }
        if (early === null) {
          chunk = restOf(chunk, at);
          at = 1;
        }
      }
      if (early !== null) {
        pushEvents(early, connection, memory, 0, count, null);
        if (at < chunk.length || needed > 0) {
          early.push({ chunk: restOf(chunk, at), from: 1, deliver: null }, chunk.length - at);
        }
        // They are delivered as all that has waited is.
        if (connection.error === null) keepInFront(connection, early);
        return;
      }
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
    walks--;
    if (outer !== null) {
      table.set(outer);
      used = outer.length;
    }
  }
}

/** A copy of a chunk from `at` on, behind a byte of no meaning: native code begins a turn where a chunk begins. */
function restOf(chunk, at) {
  const rest = Buffer.allocUnsafe(1 + chunk.length - at);
  chunk.copy(rest, 1, at);
  return rest;
}

/** Does what an event of the table asks for. */
function actOn(connection, memory, event, deliver) {
  const word = EVENTS + event * EVENT_WORDS;
  const kind = table[word];
  const payload = eventPayload(connection, memory, kind, table[word + 1], table[word + 2]);
  act(connection, kind & ~codec.IN_ASSEMBLY, payload, eventNumber(kind, word), deliver);
}

/** The payload of an event, in memory that is never written again. */
function eventPayload(connection, memory, kind, offset, length) {
  if ((kind & codec.IN_ASSEMBLY) !== 0) {
    const message = takeAssembly(connection.assembly, length);
    connection.assembly = undefined;
    return message;
  }
  if (kind === codec.VIOLATION) return undefined;
  return new FastBuffer(memory, offset, kind === codec.CLOSE ? length & CODE_MASK : length);
}

/** The number that goes with an event: a close code, or a fault's. */
function eventNumber(kind, word) {
  if (kind === codec.CLOSE) return table[word + 2] >>> codec.CODE;
  return kind === codec.VIOLATION ? table[word + 1] : 0;
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
  if (connection.paused !== 0 || connection.busy || connection.handshake !== null) return;
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

/** Adds events `event` to `end` of the table to the entries of a backlog. */
function pushEvents(entries, connection, memory, event, end, own) {
  for (; event < end; event++) {
    const word = EVENTS + event * EVENT_WORDS;
    const kind = table[word];
    const payload = eventPayload(connection, memory, kind, table[word + 1], table[word + 2]);
    const entry = { kind: kind & ~codec.IN_ASSEMBLY, payload, number: eventNumber(kind, word), deliver: own };
    entries.push(entry, payload?.length ?? 0);
  }
}

module.exports = { actOn, beginWalk, endWalk, feed, keepRest, lend, processChunk, resumeNow, unpackLater };
