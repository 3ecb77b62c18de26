'use strict';

const codec = require('./codec.js');
const { enter, leave, watch } = require('./adopted.js');
const { peek, roleOf } = require('./connection.js');
const { isNodesOwn } = require('./shadows.js');
const { isOnlyReader } = require('./intake.js');
const { isNode } = require('./runtime.js');
const { start } = require('./turn.js');
const { rethrow } = require('./unhandled.js');

// The reactor reads and writes plain TCP and unix sockets in place of Node's streams. The socket
// stays Node's: its handle only stops reading, and starts again where the peer has ended or the
// socket has failed, so that Node tells of it.

const kAdopted = Symbol('ws13.adopted');

const isPossible = isNode && typeof codec.start === 'function' && process.env.WS13_TRANSPORT !== 'stream';
/** What starting the reactor has come to; it is tried again while that is 0. */
let started = 0;

/** Whether a socket is one that the reactor can read, and that nobody else does. */
function isAdoptable(socket) {
  return isPossible
    && isNodesOwn(socket)
    && socket.readable && socket.writable && !socket.connecting
    && socket._handle?.fd >= 0 && typeof socket._handle.readStop === 'function'
    && isOnlyReader(socket);
}

/** Takes over the socket of a connection, if it can be done. */
function adopt(connection) {
  const { id, socket } = connection;
  const { _handle: handle } = socket;
  if (started === 0) started = start();
  if (started !== 1) return;
  if (codec.adopt(id, roleOf(socket), handle.fd) !== 1) return;
  handle.readStop();
  // Whatever asks the stream for more must not have the handle read again.
  handle.reading = true;
  enter(connection);
  handle[kAdopted] = connection;
  Object.setPrototypeOf(handle, adoptedPrototype(Object.getPrototypeOf(handle)));
  keepAlive(connection, handle.hasRef() ? 1 : 0);
  // What the program does to the socket is done to the reactor's half as well.
  socket.on('pause', socketOnSwitch);
  socket.on('resume', socketOnSwitch);
  empty(socket);
  watch(connection);
}

/** Has the connection take what the stream has read: nothing would follow that gets it out of there. */
function empty(socket) {
  while (socket.readableLength > 0) {
    try {
      socket.read();
    } catch (error) {
      // A handler's: an uncaught exception, and the rest is behind it.
      process.nextTick(rethrow, error);
    }
  }
}

/** 'resume' is told late, and may have been overtaken by a pause. */
function socketOnSwitch() {
  watch(peek(this));
}

/** For each class of Node's handles, its prototype with what an adopted one does besides. */
const prototypes = new Map();

function adoptedPrototype(prototype) {
  let adopted = prototypes.get(prototype);
  if (adopted === undefined) {
    adopted = extend(prototype);
    prototypes.set(prototype, adopted);
  }
  return adopted;
}

function extend(prototype) {
  return {
    __proto__: prototype,

    // The descriptor may be another socket's as soon as the handle is closed.
    close(callback) {
      leave(this[kAdopted]);
      return super.close(callback);
    },

    reset(callback) {
      leave(this[kAdopted]);
      return super.reset(callback);
    },

    ref() {
      keepAlive(this[kAdopted], 1);
      return super.ref();
    },

    unref() {
      keepAlive(this[kAdopted], 0);
      return super.unref();
    },

    writeBuffer(request, buffer) {
      return tellFault(this, [buffer]) || super.writeBuffer(request, buffer);
    },

    writev(request, chunks, areBuffers) {
      return (areBuffers && tellFault(this, chunks)) || super.writev(request, chunks, areBuffers);
    },

    get bytesRead() {
      return super.bytesRead + this[kAdopted].bytesRead;
    },

    get bytesWritten() {
      return super.bytesWritten + this[kAdopted].outbox.bytesWritten;
    }
  };
}

/**
 * The kernel tells an error once, to whoever asks first. Where that was a direct write, its buffers
 * come to the handle next, which fails as if the kernel had told it, and Node does all that follows.
 * @returns the error, below 0, or 0
 */
function tellFault({ [kAdopted]: { outbox } }, buffers) {
  const { fault } = outbox;
  if (fault === 0) return 0;
  outbox.fault = 0;
  // Node counts what it has tried to write.
  for (const { length } of buffers) outbox.bytesWritten += length;
  return fault;
}

/** Whether the process stays alive for a socket. */
function keepAlive({ outbox: { channel } }, isWanted) {
  if (channel !== -1) codec.keepAlive(channel, isWanted);
}

module.exports = { adopt, isAdoptable };
