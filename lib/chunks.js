'use strict';

const { Socket } = require('node:net');
const { TLSSocket } = require('node:tls');

// A chunk that Node has read for the library alone is the library's to change: payloads are unmasked
// where they lie, and the program gets them as views of it. Any other chunk is left as it is.

/** Smaller payloads go to the slab, where many share a few kilobytes; as SLAB_MESSAGE_MAX of the core. */
const LEAST = 2048 + 1;

/** A payload that is kept keeps its chunk: of 64 KiB, and at most so many times its own length. */
const SHARE = 16;

/** Another program than Node may hand on memory that it goes on using. */
const isNode = process.versions.bun === undefined && process.versions.deno === undefined;

/**
 * How many of the bytes that are yet to come from a socket may be somebody else's as well. The
 * library's listener for 'data' is there already.
 */
function foreignBytes(socket) {
  // What waits in the stream may have been put there by `unshift`.
  return isReadByNode(socket) && socket.listenerCount('data') === 1 ? socket.readableLength : Infinity;
}

/** Whether Node reads a socket into memory that it makes for each chunk, and nobody taps it. */
function isReadByNode(socket) {
  const prototype = Object.getPrototypeOf(socket);
  return isNode
    && (prototype === Socket.prototype || prototype === TLSSocket.prototype)
    && !Object.hasOwn(socket, 'emit') && !Object.hasOwn(socket, 'push');
}

/**
 * From how many bytes on the payloads of a chunk stay in it: one that has come by 'data', and that
 * `foreignBytes` has not counted. 0 where somebody else may have it, too.
 */
function leastInPlace(socket, chunk) {
  if (chunk.length < LEAST) return 0;
  // By 'readable' and `read` others get the same chunk; then the stream does not flow.
  if (socket.readableFlowing !== true || socket.listenerCount('data') !== 1) return 0;
  // Node cuts off what it has not read into, or leaves a little. A shorter view is one of a pool, which
  // hands out less than half of itself at a time.
  const { byteLength } = chunk.buffer;
  const fills = chunk.byteOffset === 0 && chunk.length > byteLength / 2;
  return fills ? Math.max(LEAST, Math.ceil(byteLength / SHARE)) : 0;
}

module.exports = { foreignBytes, leastInPlace };
