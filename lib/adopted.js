'use strict';

const codec = require('./codec.js');

/** The connections whose sockets the reactor reads, by their number. */
const connections = [];
let count = 0;

function enter(connection) {
  connections[connection.id] = connection;
  connection.outbox.channel = connection.id;
  count++;
}

/**
 * Has a socket read, or left alone: where somebody has paused it, and where something of what it has
 * brought still waits, as bytes that the decoder has not seen.
 */
function watch(connection) {
  const { backlog, outbox: { channel }, paused, socket } = connection;
  if (channel !== -1) codec.watch(channel, backlog === null && paused === 0 && !socket.isPaused() ? 1 : 0);
}

/** Lets go of a socket; Node does not read it either. */
function leave(connection) {
  const { id, outbox } = connection;
  if (outbox.channel === -1) return;
  outbox.channel = -1;
  connections[id] = undefined;
  count--;
  codec.abandon(id);
}

/** Gives a socket back to Node, which tells the program of its end, or of what has failed. */
function giveBack(connection) {
  const { _handle: handle } = connection.socket;
  leave(connection);
  handle?.readStart();
}

/** How many there are. */
function countAdopted() {
  return count;
}

module.exports = { connections, countAdopted, enter, giveBack, leave, watch };
