'use strict';

const { Socket } = require('node:net');
const { TLSSocket } = require('node:tls');
const { chunkOf } = require('./chunks.js');
const { collector } = require('./collector.js');
const errors = require('./errors.js');
const { peek } = require('./connection.js');
const { passing } = require('./memory.js');
const { isNode } = require('./runtime.js');
const { rethrow } = require('./unhandled.js');

// How bytes get from a socket to its attachment, where the reactor does not read it, or to the program that reads it.
//
// By 'data' each chunk is a Buffer of its own, for which Node allocates 64 KiB and cuts them, and goes through the
// stream. A handle can be told to read into one buffer instead, which is what `net.Socket` has its option `onread`
// for. The library tells it to, and puts a function of its own in front of Node's, which gets all that is no bytes.
// What the library alone reads does not go through the stream then. Everybody else gets copies by it.

const kIntake = Symbol('ws13.intake');

/** The buffer of a socket that was made with that option, and brings its bytes to the program alone. */
const kBuffer = Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === 'kBuffer');

/** What belongs to a handle that reads into the buffer. */
class Intake {
  constructor(socket, { bytesRead, onread }) {
    this.socket = socket;
    /** Node's own function for what the handle has read. */
    this.onread = onread;
    /** Bytes that were read: libuv asks for the buffer as it reads, and the handle counts before it tells. */
    this.bytesRead = bytesRead;
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

/** Leaves the stream out of reading, where nobody else reads it. */
function readDirectly(socket) {
  if (isReadByNode(socket) && isOnlyReader(socket)) readToBuffer(socket);
}

/** The same buffer for a socket that the program reads, and hands in what it has read. */
function readByHand(socket) {
  if (isReadByNode(socket)) readToBuffer(socket);
}

function readToBuffer(socket) {
  if (isReadToBuffer(socket)) return;
  const { _handle: handle } = socket;
  const buffer = passing.buffer();
  handle[kIntake] = new Intake(socket, handle);
  handle.onread = handleOnRead;
  handle.useUserBuffer(buffer);
}

/** Whether that has been done, which lasts as long as the handle. */
function isReadToBuffer({ _handle: handle }) {
  return handle?.[kIntake] !== undefined;
}

/** Whether Node reads a socket's bytes for its stream. */
function isReadByNode(socket) {
  const prototype = Object.getPrototypeOf(socket);
  const { _handle: handle } = socket;
  return isNode && (prototype === Socket.prototype || prototype === TLSSocket.prototype)
    && socket.readable && !socket.connecting && !socket[kBuffer]
    && typeof handle?.useUserBuffer === 'function' && typeof handle.onread === 'function';
}

/** A handle has read something, into the buffer; or it has come to its end, or failed. */
function handleOnRead(nothing) {
  const intake = this[kIntake];
  const { bytesRead } = this;
  const length = bytesRead - intake.bytesRead;
  intake.bytesRead = bytesRead;
  if (length === 0) intake.onread.call(this, nothing);
  else if (!intake.socket.destroyed) take(intake.socket, this, passing.bytes(length));
}

function take(socket, handle, chunk) {
  // Its own time, and that of a socket below it.
  socket._unrefTimer();
  const { attachment } = peek(socket);
  if (attachment !== null && socket.readableFlowing === true && socket.readableLength === 0 && isOnlyReader(socket)) {
    attachment.hear(chunk);
  } else if (!pushCopy(socket, chunk)) {
    // The stream has as much as it wants: as Node's own function does it.
    handle.reading = false;
    if (!socket.destroyed) handle.readStop();
  }
}

function pushCopy(socket, chunk) {
  let copy;
  try {
    copy = chunkOf(chunk);
  } catch (error) {
    // There is no memory, and what follows would not be understood without these bytes.
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

module.exports = { beginIntake, isOnlyReader, isReadToBuffer, readByHand, readDirectly };
