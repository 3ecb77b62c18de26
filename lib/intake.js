'use strict';

const { Socket } = require('node:net');
const { TLSSocket } = require('node:tls');
const errors = require('./errors.js');
const { peek } = require('./connection.js');
const { NO_BYTES, copyOf, readBuffer, view } = require('./memory.js');

// How bytes get from a socket to its attachment, where the reactor does not read it.
//
// By 'data' each chunk is a Buffer of its own, with memory that Node allocates for 64 KiB and cuts, and goes
// through the stream. A socket that was made with `onread` (`net.Socket`'s option) is read into one buffer, and a
// function is told how much has come. `readDirectly` makes such a socket of one that is there, which takes the two
// properties that the option is kept in; where Node has them no more, 'data' it is.

const probe = new Socket();
const kBuffer = symbolOf(probe, 'kBuffer');
const kBufferCb = symbolOf(probe, 'kBufferCb');

/** Another program than Node may have the properties, and not heed them. */
const isPossible = kBuffer !== undefined && kBufferCb !== undefined
  && process.versions.bun === undefined && process.versions.deno === undefined;

function symbolOf(socket, description) {
  return Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === description);
}

/** Has what a socket brings go to its attachment. */
function beginIntake(socket) {
  socket.on('data', socketOnData);
}

/** Whether nobody but the library reads a socket. */
function isOnlyReader(socket) {
  return socket.readableEncoding === null
    && socket.listenerCount('data') === 1 && socket.listenerCount('data', socketOnData) === 1
    && socket.listenerCount('readable') === 0;
}

/** Leaves the stream out of reading, where that can be done. */
function readDirectly(socket) {
  if (!isPossible || !isReadByNode(socket) || !isOnlyReader(socket)) return;
  // What JavaScript sees of the buffer: enough for Node to tell that there is one.
  socket[kBuffer] = NO_BYTES;
  socket[kBufferCb] = socketOnRead;
  socket._handle.useUserBuffer(readBuffer());
  socket.on('pause', socketOnPause);
}

/** Whether Node reads a socket's bytes from the system, for a stream that nobody taps. */
function isReadByNode(socket) {
  const prototype = Object.getPrototypeOf(socket);
  return (prototype === Socket.prototype || prototype === TLSSocket.prototype)
    && !Object.hasOwn(socket, 'emit') && !Object.hasOwn(socket, 'push')
    && socket.readable && !socket.connecting
    && socket[kBuffer] === null && typeof socket._handle?.useUserBuffer === 'function'
    && !isFed(socket._handle);
}

/**
 * Whether JavaScript gives a handle its bytes, as under TLS over a Duplex: it may do so in the middle of what
 * another socket has brought, which is in the same buffer.
 */
function isFed(handle) {
  for (let each = handle; each; each = each._parent) {
    if (typeof each.readBuffer === 'function') return true;
  }
  return false;
}

/** Node's handle has read so many bytes. */
function socketOnRead(length) {
  const chunk = view(readBuffer(), 0, length);
  if (this.readableFlowing === true && this.readableLength === 0 && isOnlyReader(this)) {
    peek(this).attachment.hear(chunk);
    return true;
  }
  // Somebody else listens by now, or the stream is to keep it.
  return this.push(copyOf(chunk));
}

/** Node has stopped reading, where a stream that is paused reads on as far as it may, and hears of an end. */
function socketOnPause() {
  this.read(0);
}

function socketOnData(chunk) {
  if (typeof chunk === 'string') this.destroy(errors.noBytes());
  else peek(this).attachment.hear(chunk);
}

/** The socket is closed: whatever becomes of it, it is Node's to read again. */
function endIntake(socket) {
  if (isPossible && socket[kBufferCb] === socketOnRead) socket[kBuffer] = socket[kBufferCb] = null;
}

module.exports = { beginIntake, endIntake, isOnlyReader, readDirectly };
