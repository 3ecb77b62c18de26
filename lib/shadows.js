'use strict';

const { Socket } = require('node:net');
const { Duplex } = require('node:stream');

// Frames that are gathered for a socket must leave before anything that the program does to the
// socket itself: a frame accepted by WS.send goes out before the FIN of a socket.end() after it.
// So the three methods that could overtake them are shadowed by own, non-enumerable properties.

const NAMES = ['write', 'end', 'destroy'];
const kOutbox = Symbol('ws13.outbox');

/** Shadows of inherited methods: shared by all sockets, and left in place once they are there. */
const shadows = {
  write(chunk, encoding, callback) {
    // What is sent from within a `write` comes behind what that was given.
    if (!this[kOutbox].isWriting) this[kOutbox].flush();
    return inherited(this, 'write').call(this, chunk, encoding, callback);
  },
  end(chunk, encoding, callback) {
    this[kOutbox].flush();
    return inherited(this, 'end').call(this, chunk, encoding, callback);
  },
  destroy(error) {
    this[kOutbox].flush();
    return inherited(this, 'destroy').call(this, error);
  }
};

function inherited(socket, name) {
  return Object.getPrototypeOf(socket)[name];
}

/**
 * Has `outbox.flush()` called before the socket's next write, end or destroy.
 * @returns whether that could be done; where not, nothing may be gathered
 */
function shadowMethods(socket, outbox) {
  if (outbox.shadowed !== null || isShadowed(socket, outbox)) return true;
  try {
    // An own method, as a plain object or a test's double has it, gets its place back with
    // `restoreMethods`; whoever looks at it later finds what they put there.
    for (const name of NAMES) {
      if (typeof socket[name] !== 'function' || socket[name] === shadows[name]) continue;
      if (Object.hasOwn(socket, name)) shadowOwn(socket, name, outbox);
      else define(socket, name, shadows[name]);
    }
    define(socket, kOutbox, outbox);
    return true;
  } catch {
    // A frozen object: its frames are written one by one.
    restoreMethods(socket, outbox);
    return false;
  }
}

/** Whether inherited methods are shadowed, all of them still. */
function isShadowed(socket, outbox) {
  return socket[kOutbox] === outbox
    && socket.write === shadows.write
    && socket.end === shadows.end
    && (socket.destroy === shadows.destroy || socket.destroy === undefined);
}

function shadowOwn(socket, name, outbox) {
  const descriptor = Object.getOwnPropertyDescriptor(socket, name);
  const own = socket[name];
  const shadow = function (...args) {
    if (name !== 'write' || !outbox.isWriting) outbox.flush();
    // Not what is there by now, which may be a method of the program's around this one.
    return Reflect.apply(own, this, args);
  };
  define(socket, name, shadow, descriptor.enumerable);
  outbox.shadowed ??= [];
  outbox.shadowed.push({ name, descriptor, shadow });
}

function define(socket, name, value, enumerable = false) {
  Object.defineProperty(socket, name, { value, enumerable, writable: true, configurable: true });
}

/** Gives own methods their places back, where the program has not put others there meanwhile. */
function restoreMethods(socket, outbox) {
  if (outbox.shadowed === null) return;
  for (const { name, descriptor, shadow } of outbox.shadowed) {
    if (socket[name] === shadow) Object.defineProperty(socket, name, descriptor);
  }
  outbox.shadowed = null;
}

/** The method that the program sees as the socket's own, by which what has been gathered is written. */
function writeOf(socket) {
  // A shadow would only find that nothing is gathered any more.
  return socket.write === shadows.write ? inherited(socket, 'write') : socket.write;
}

function writeTo(socket, buffer, callback) {
  const write = writeOf(socket);
  return callback === undefined ? write.call(socket, buffer) : write.call(socket, buffer, callback);
}

/** Writes buffers, in one go where the socket can do that → what its `write` returns. */
function writeAll(socket, buffers, callback) {
  if (buffers.length === 1) return writeTo(socket, buffers[0], callback);
  if (typeof socket.cork !== 'function' || typeof socket.uncork !== 'function') {
    return writeTo(socket, Buffer.concat(buffers), callback);
  }
  const write = writeOf(socket);
  const last = buffers.pop();
  socket.cork();
  for (const buffer of buffers) write.call(socket, buffer);
  const result = callback === undefined ? write.call(socket, last) : write.call(socket, last, callback);
  socket.uncork();
  return result;
}

/** What a socket inherits, unless somebody has put something before it. */
const { write: nodesWrite } = Duplex.prototype;

/** Whether writing to a socket is Node's own doing alone: a plain net.Socket that nobody has patched. */
function isNodesOwn(socket) {
  return Object.getPrototypeOf(socket) === Socket.prototype
    && Socket.prototype.write === nodesWrite
    && (socket.write === shadows.write || socket.write === nodesWrite);
}

module.exports = { isNodesOwn, isShadowed, restoreMethods, shadowMethods, writeAll };
