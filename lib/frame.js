'use strict';

const codec = require('./codec.js');
const errors = require('./errors.js');
const { allocateShared, view } = require('./memory.js');
const { Frame, bytesOf, kindOf } = require('./payload.js');

/**
 * Encodes a message, or a part of one, once, for `WS.send` to any number of sockets. A server's
 * sockets get these very bytes; a client has to mask them afresh each time (RFC 6455 §5.3).
 *
 * The payload is copied. Text is checked here, and has to be whole characters even with
 * `fin: false`, since the frame may go to any connection.
 * @param options {binary, compress, fin} as in WS.send
 */
function frame(payload, options) {
  const data = bytesOf('payload', payload);
  const kind = kindOf(data, options);
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const room = allocateShared(bytes.length + codec.HEADER_ROOM);
  const end = codec.prepare(kind, bytes, room);
  if (end === codec.REFUSED_UTF8) throw errors.invalidText(payload);
  return new Frame(kind, view(room, 0, end), view(room, end - bytes.length, end));
}

module.exports = { frame };
