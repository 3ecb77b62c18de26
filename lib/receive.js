'use strict';

const { connectionOf } = require('./connection.js');
const { process } = require('./feed.js');

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
  if (connection.busy) {
    process(connection, buffer, deliver);
    return undefined;
  }
  process(connection, buffer, deliver);
  if (deliver === null) return connection.inbox?.shift()?.payload;
  const { first } = connection;
  connection.first = undefined;
  return first;
}

module.exports = { receive };
