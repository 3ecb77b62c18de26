'use strict';

const { Socket } = require('node:net');
const { TLSSocket } = require('node:tls');
const { chunkOf } = require('./chunks.js');
const { collector } = require('./collector.js');
const errors = require('./errors.js');
const { peek } = require('./connection.js');
const { copyOf, handleBuffer } = require('./memory.js');
const { isNode } = require('./runtime.js');
const { rethrow } = require('./unhandled.js');

// How bytes get from a socket to whoever reads it, where the reactor does not: to the socket's attachment, or to a
// program that hands them to WS.receive.
//
// For each chunk Node allocates 64 KiB, cuts them, and pushes the rest into the stream. But a handle can be told to
// read into a buffer of the user's, which is what the option `onread` of `net.Socket` is for, and whatever has been
// read, or has failed, it tells its own `onread`, a function of Node's. The library puts a function in front of that.
// What the library alone reads does not go through the stream then; everybody else gets copies, through the stream.

const kIntake = Symbol('ws13.intake');

/** Where Node keeps that option: the buffer, and who is told how many bytes were read into it. */
const kBuffer = symbolOf('kBuffer');
const kBufferCb = symbolOf('kBufferCb');

function symbolOf(name) {
  return Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name);
}

/** What the library keeps with a handle. */
class Intake {
  constructor(socket, onread) {
    this.socket = socket;
    /** Node's own function. */
    this.onread = onread;
  }
}

/** Has what a socket brings go to its attachment. */
function beginIntake(socket) {
  socket.on('data', socketOnData);
}

/** Whether nobody but the library reads a socket. */
function isOnlyReader(socket) {
  return socket.readableEncoding === null
    && socket.listenerCount('data') === 1 && socket.listenerCount('data', socketOnData) === 1
    && socket.listenerCount('readable') === 0
    && !Object.hasOwn(socket, 'emit') && !Object.hasOwn(socket, 'push');
}

/** Has a socket read into the library's buffer, from its second chunk on, where that can be done. */
function readToBuffer(socket) {
  if (!isReadByNode(socket)) return;
  const { _handle: handle } = socket;
  if (handle[kIntake] !== undefined) return;
  handle[kIntake] = new Intake(socket, handle.onread);
  handle.onread = handleOnFirstRead;
}

/** Whether a socket is one that Node reads for its stream, if nothing else does. */
function isReadByNode(socket) {
  const prototype = Object.getPrototypeOf(socket);
  return isNode && (prototype === Socket.prototype || prototype === TLSSocket.prototype)
    // Where the option is not used; a Node that keeps it elsewhere is read by 'data'.
    && socket[kBuffer] === null && socket[kBufferCb] !== undefined
    && typeof socket._handle?.useUserBuffer === 'function' && typeof socket._handle.onread === 'function';
}

/**
 * A chunk in memory of Node's shows that nothing lies between the handle and its stream. Under TLS, an HTTP parser or
 * an HTTP/2 session nobody here would be told, and the buffer would cut those off.
 */
function handleOnFirstRead(arrayBuffer) {
  const { onread, socket } = this[kIntake];
  if (arrayBuffer !== undefined) {
    socket[kBufferCb] = noteLength;
    this.onread = handleOnRead;
    this.useUserBuffer(handleBuffer.whole);
  }
  return onread.call(this, arrayBuffer);
}

/** The bytes of the read that Node is telling of; 0 where it is an end or an error. */
let length = 0;

/** Node would give them to the program here. */
function noteLength(bytes) {
  length = bytes;
}

/** The handle has read into the buffer, or has come to its end, or failed. Which, Node's function knows. */
function handleOnRead(arrayBuffer) {
  const { onread, socket } = this[kIntake];
  socket[kBuffer] = handleBuffer.whole;
  try {
    onread.call(this, arrayBuffer);
  } finally {
    // Before anybody sees it: who inspects the socket, and its `pause`.
    socket[kBuffer] = null;
  }
  if (length === 0) return;
  const chunk = handleBuffer.bytes(length);
  length = 0;
  take(socket, this, chunk);
}

function take(socket, handle, chunk) {
  const isFlowing = socket.readableFlowing === true && socket.readableLength === 0;
  if (isFlowing && isOnlyReader(socket)) {
    peek(socket).attachment.hear(chunk);
  } else if (!push(socket, chunk, isFlowing)) {
    // The stream has as much as it wants: what Node does then.
    handle.reading = false;
    if (!socket.destroyed) handle.readStop();
  }
}

/** Gives the stream a copy, which may share its memory if it does not wait there. */
function push(socket, chunk, isFlowing) {
  let copy;
  try {
    copy = isFlowing ? chunkOf(chunk) : copyOf(chunk);
  } catch (error) {
    // There is no memory for it, and what follows would not be understood without these bytes.
    socket.destroy(error);
    return false;
  }
  return socket.push(copy);
}

function socketOnData(chunk) {
  if (typeof chunk === 'string') {
    this.destroy(errors.noBytes());
    return;
  }
  try {
    collector.count(chunk.length);
    peek(this).attachment.hear(chunk);
  } catch (error) {
    // Thrown from here it would end the flow of the stream, with whatever it still holds.
    process.nextTick(rethrow, error);
  }
}

module.exports = { beginIntake, isOnlyReader, readToBuffer };
