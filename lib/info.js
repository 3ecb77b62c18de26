'use strict';

const { CLIENT, SERVER, peek, roleOf } = require('./connection.js');
const { compressionOf } = require('./stats.js');

/** What there is to know of a socket's connection; null of a socket that has none. */
function info(socket) {
  const connection = peek(socket);
  if (connection === undefined) return null;
  const { state } = connection;
  // A listener for 'close' that was there first is told before the connection is. A close frame may be yet to come.
  const isCut = state === 'closed' && connection.closeCode === null && socket.closed === true && !connection.waits;
  return {
    role: roleName(socket),
    state,
    transport: connection.outbox.channel === -1 ? 'stream' : 'reactor',
    protocol: connection.protocol,
    extensions: connection.extension.text,
    bufferedAmount: (socket.writableLength ?? 0) + connection.outbox.pending + connection.deferredBytes,
    bytesReceived: connection.bytesReceived,
    bytesSent: connection.bytesSent,
    closeCode: isCut ? 1006 : connection.closeCode,
    closeReason: isCut ? '' : connection.closeReason,
    compression: connection.extension.agreement === 0 ? null : compressionOf(connection.volumes),
    latency: connection.latency,
    error: connection.error
  };
}

function roleName(socket) {
  const role = roleOf(socket);
  if (role === SERVER) return 'server';
  return role === CLIENT ? 'client' : null;
}

module.exports = { info };
