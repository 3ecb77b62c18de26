'use strict';

const { AsyncResource } = require('node:async_hooks');
const { setImmediate } = require('node:timers');
const codec = require('./codec.js');
const errors = require('./errors.js');
const { connections, giveBack, leave, watch } = require('./adopted.js');
const { answerPings } = require('./events.js');
const { feed, keepRest, lend, unpackLater } = require('./feed.js');
const { NO_BYTES, READ_BUFFER, inbound, renewInbound, view } = require('./memory.js');
const { rethrow } = require('./unhandled.js');
const { actOn, beginWalk, endWalk, noteEvents } = require('./walk.js');

const { table, EVENTS, EVENT_WORDS } = codec;

/** What native code reads sockets into; null before there is one to read. */
let readBuffer = null;

/** Whether a turn is due for what the last one has left. */
let isDue = false;

/** The reactor's async context: else it would keep that of the connection that started it. */
const root = new AsyncResource('WS13');

/** Starts the reactor → 1; 0 where that may be done later, -1 where there will be none. */
function start() {
  readBuffer ??= Buffer.allocUnsafeSlow(READ_BUFFER);
  return root.runInAsyncScope(codec.start, null, readBuffer, turn);
}

/**
 * Reads all sockets that are ready; whatever is sent to one of them meanwhile leaves in one write.
 * Native code calls this once a turn of the loop, where something is ready. What a handler throws is an
 * uncaught exception.
 */
function turn() {
  let large = null;
  let more = codec.NOW;
  while (more === codec.NOW) {
    if (inbound.slab.length === 0) renewInbound(0);
    const { memory, slab, used } = inbound;
    const count = large === null
      ? codec.turn(slab, used)
      : codec.read(large.id, slab, used, large.assembly);
    more = table[codec.MORE_READY];
    inbound.used = table[codec.SLAB_USED];
    large = walk(memory, count);
  }
  if (more === codec.LATER && !isDue) {
    isDue = true;
    setImmediate(turnAgain);
  }
}

function turnAgain() {
  isDue = false;
  if (codec.begin() === 1) turn();
}

/**
 * Goes through the sockets of the table.
 * @returns the connection whose message is to be read into its own memory, or null
 */
function walk(memory, count) {
  const rest = restOf();
  let large = null;
  const outer = beginWalk();
  noteEvents(count);
  for (let at = 0; at < count;) {
    const word = EVENTS + at * EVENT_WORDS;
    const kind = table[word];
    const connection = connections[table[word + 1]];
    const number = table[word + 2];
    const first = at + 1;
    at = endOf(first, count);
    if (connection === undefined) continue;
    if (kind === codec.LARGE) {
      large = connection;
      continue;
    }
    const bytes = at === count ? rest : null;
    try {
      connection.scope.runInAsyncScope(take, null, connection, kind, number, memory, first, at, bytes);
    } catch (error) {
      // An uncaught exception; the other sockets come first.
      process.nextTick(rethrow, error);
    }
  }
  endWalk(outer);
  return large;
}

/** Takes what an entry tells of its socket: events `first` to `end` and the rest of its bytes, or its end. */
function take(connection, kind, number, memory, first, end, rest) {
  if (kind === codec.SOCKET) {
    connection.bytesRead += number;
    hear(connection, memory, first, end, rest);
  } else if (kind === codec.ENDED) {
    tellEnd(connection);
  } else if (number === 0) {
    giveBack(connection);
  } else {
    fail(connection, number);
  }
}

/** Where the events of a socket end that begin at `first`. */
function endOf(first, count) {
  let end = first;
  while (end < count && table[EVENTS + end * EVENT_WORDS] < codec.SOCKET) end++;
  return end;
}

/** What the last socket's bytes hold beyond its events, or null. */
function restOf() {
  const at = table[codec.READ];
  const end = table[codec.RECEIVED];
  const needed = table[codec.NEEDED];
  if (at === end && needed === 0) return null;
  return { bytes: view(readBuffer, at, end), needed, needs: table[codec.NEEDS], keep: table[codec.KEEP] };
}

/**
 * Acts on the events `first` to `end` of a socket, and on the rest of its bytes where there is one.
 * Nothing waits in front of them: a connection with a backlog is not read.
 */
function hear(connection, memory, first, end, rest) {
  const { attachment, outbox } = connection;
  attachment.isHeard = true;
  if (connection.socket.timeout) connection.socket._unrefTimer();
  if (connection.error !== null) return;
  let event = first;
  let bytes = rest === null ? NO_BYTES : rest.bytes;
  let goesOn = rest !== null && rest.needed > 0;
  outbox.isReceiving = true;
  try {
    if (connection.pongs !== null) answerPings(connection);
    for (; event < end && connection.paused === 0; event++) actOn(connection, memory, event, null);
    if (connection.paused !== 0) {
      keepRest(connection, memory, event, end, bytes, 0, null, goesOn);
    } else if (rest !== null) {
      bytes = NO_BYTES;
      goesOn = false;
      readOn(connection, rest);
    }
  } catch (error) {
    keepRest(connection, memory, event + 1, end, bytes, 0, null, goesOn);
    attachment.goOnAfter(error);
  } finally {
    outbox.isReceiving = false;
    if (connection.backlog !== null) watch(connection);
    outbox.flush();
  }
}

/** The peer has ended its half: the stream is told as Node's handle would tell it. */
function tellEnd(connection) {
  const { socket } = connection;
  leave(connection);
  socket.push(null);
  socket.read(0);
}

/** Reading has failed in a way that Node will not hear of: the error was ours to take. */
function fail(connection, errno) {
  leave(connection);
  connection.socket.destroy(errors.readFailed(errno));
}

function readOn(connection, { bytes, needed, needs, keep }) {
  if (connection.error !== null) return;
  if (needs === codec.BACKGROUND) {
    keepRest(connection, null, 0, 0, bytes, 0, null, true);
    unpackLater(connection, needed, keep);
    return;
  }
  if (needed > 0) lend(connection, needs, needed, keep);
  feed(connection, bytes, null, null);
}

module.exports = { start };
