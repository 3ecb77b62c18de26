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

module.exports = { connections, countAdopted, enter, giveBack, leave };
