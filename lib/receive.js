'use strict';

// Not the global, which is a getter: every chunk comes by here.
const { Buffer } = require('node:buffer');
const { collector } = require('./collector.js');
const { checkNotRead, connectionOf } = require('./connection.js');
const { readToBuffer } = require('./intake.js');
const { processChunk } = require('./feed.js');

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
  checkNotRead(connection);
  if (!connection.isFed && buffer.length > 0) begin(connection);
  // Node has made it for the program.
  collector.count(buffer.byteLength);
  const isNested = connection.outbox.isReceiving;
  processChunk(connection, buffer, deliver);
  // Bytes that a callback hands in wait for the chunk in hand: none of them is a message yet.
  if (isNested) return undefined;
  if (deliver === null) return nextWaiting(connection);
  const { first } = connection;
  connection.first = undefined;
  return first;
}

/** The program reads the socket: it gets chunks that cost less from now on. */
function begin(connection) {
  connection.isFed = true;
  readToBuffer(connection.socket);
}

/** The oldest message that waits; none where the program itself has closed or destroyed the connection. */
function nextWaiting({ closing, inbox, socket }) {
  return closing || socket.destroyed === true ? undefined : inbox?.shift()?.payload;
}

module.exports = { receive };
