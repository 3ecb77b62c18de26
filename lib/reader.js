'use strict';

const errors = require('./errors.js');
const { attachChecked, attachOptions, defaultsOf } = require('./attach.js');
const { knownOf, peek } = require('./connection.js');
const { checkOptions } = require('./options.js');

// A reader gets a connection's messages in place of the `message` handler. It has
//   connection                    set before anything else, where the socket is not destroyed
//   takesParts                    whether it wants messages as parts, where there are any: then
//     add(part), finish(part), abort()
//   message(payload, isBinary)    what the handler would have got
//   drain()                       the socket takes more
//   fail(error)                   the peer's violation or the socket's error; `close` follows
//   close(isClean)                the socket is closed

/** For a socket that only a reader reads. */
const readerHandlers = {
  open(socket, request, reader) {
    enter(peek(socket), reader);
  }
};

/** For a socket that is attached: its options are settled. */
const settled = Object.fromEntries(Object.keys(attachOptions).map((name) => [name, (whole, value) => {
  throw errors.invalidArgValue(whole, 'comes too late: the socket is attached already', value);
}]));

/** Whether the socket is attached, so that its options are settled. */
function isAttached(socket) {
  const connection = knownOf(socket);
  if (connection === undefined) return false;
  if (connection.handshake !== null) {
    throw errors.invalidState('The handshake is not done: read the socket from its open handler on');
  }
  return connection.attachment !== null;
}

/**
 * The options of a reader: its own, and those of `WS.attach` for a socket that it has to attach.
 * @param fixed the options of `WS.attach` that are the reader's to choose
 */
function readerOptions(socket, options, own, ownDefaults, fixed) {
  if (typeof socket?.on !== 'function') {
    throw errors.invalidArgType('socket', 'a socket or another Duplex', socket);
  }
  const attached = isAttached(socket);
  const table = attached ? { ...settled, ...own } : { ...attachOptions, ...own };
  for (const name of Object.keys(fixed)) delete table[name];
  return checkOptions(options, table, attached ? ownDefaults : { ...defaultsOf(socket), ...ownDefaults });
}

/** Has a reader take over a socket's messages; one that is not attached is attached. */
function readWith(socket, reader, options) {
  if (!isAttached(socket)) {
    attachChecked(socket, readerHandlers, options, { head: options.head, data: reader });
  } else {
    enter(peek(socket), reader);
  }
  // What was to end it may be over, and a socket that is destroyed is not attached any more.
  if (reader.connection === null || reader.connection.id === -1) reader.close(peek(socket)?.wasClean === true);
}

function enter(connection, reader) {
  const { attachment } = connection;
  if (attachment.reader !== null) throw errors.invalidState('The messages of the socket are read already');
  reader.connection = connection;
  attachment.reader = reader;
}

module.exports = { readWith, readerOptions };
