'use strict';

const { readable } = require('./frames.js');

/**
 * The least that is a socket: `write` and `end`, both recorded. What is written is kept as it came,
 * not copied, as a real socket keeps it: memory that is used again too early shows up as bad bytes.
 */
function plain(role = null) {
  const socket = {
    /** 'write' and 'end' in the order of the calls. */
    calls: [],
    writes: [],
    write(chunk, ...rest) {
      socket.calls.push('write');
      socket.writes.push(chunk);
      const callback = rest.at(-1);
      if (typeof callback === 'function') process.nextTick(callback);
      return true;
    },
    end() {
      socket.calls.push('end');
    }
  };
  return as(role, socket);
}

/** Sets the flags of `role` on any socket, as the article's client does by hand. */
function as(role, socket) {
  if (role === null) return socket;
  socket._is_server = role === 'server';
  socket._is_client = role === 'client';
  return socket;
}

function roleOf(socket) {
  return socket._is_server === true ? 'server' : socket._is_client === true ? 'client' : null;
}

function wire(socket) {
  // The handshake's response may be a string, as the article's is; frames are Buffers.
  return Buffer.concat(socket.writes.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
}

/** The frames that a plain socket was given, readable; forgets them. */
function sent(socket) {
  const bytes = wire(socket);
  socket.writes.length = 0;
  return readable(bytes, roleOf(socket));
}

/** How often `end` was called. */
function ends(socket) {
  return socket.calls.filter((call) => call === 'end').length;
}

/** Resolves when what was gathered in this tick must have been written. */
function nextTurn() {
  return new Promise(setImmediate);
}

module.exports = { plain, as, wire, sent, ends, nextTurn };
