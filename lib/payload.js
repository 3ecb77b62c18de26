'use strict';

// Not the global, which is a getter: every message comes by here.
const { Buffer } = require('node:buffer');
const { Readable } = require('node:stream');
const { isAnyArrayBuffer, isArrayBufferView, isSharedArrayBuffer } = require('node:util').types;
const { share } = require('./background.js');
const codec = require('./codec.js');
const errors = require('./errors.js');
const { FastBuffer, allocateShared, forbidTransfer } = require('./memory.js');
const { boolean, checkOptions } = require('./options.js');

// What can be sent, and as what kind of message.

const sendOptions = { binary: boolean, compress: boolean, fin: boolean };
const sendDefaults = { binary: undefined, compress: true, fin: true };

/** A message that is encoded once, for any number of connections; WS.frame makes it. */
class Frame {
  /** The same packed, by the number of the parameter set; null where that is no gain. */
  #packed = null;
  /** The promises of those that are packed in the background. */
  #packing = null;

  /**
   * @param bytes the frame as a server sends it
   * @param payload the part of `bytes` behind the header
   */
  constructor(kind, bytes, payload) {
    this.kind = kind;
    this.bytes = bytes;
    this.payload = payload;
    Object.freeze(this);
  }

  /** The frame as a server sends it that has agreed to a permessage-deflate of that parameter set. */
  packed(set) {
    this.#packed ??= new Map();
    let bytes = this.#packed.get(set);
    if (bytes === undefined) this.#packed.set(set, bytes = pack(this, set));
    return bytes;
  }

  /** Resolves when `packed` of that parameter set takes no time any more. */
  packInBackground(set) {
    this.#packing ??= new Map();
    let promise = this.#packing.get(set);
    if (promise === undefined) this.#packing.set(set, promise = this.#packLater(set));
    return promise;
  }

  async #packLater(set) {
    try {
      const { room, start, end } = await share(this.kind, this.payload, set);
      forbidTransfer(room);
      this.#packed ??= new Map();
      this.#packed.set(set, end < 0 ? null : room.subarray(start, end));
    } catch (error) {
      // There may be memory for it the next time.
      this.#packing.delete(set);
      throw error;
    }
  }
}

function pack({ kind, payload }, set) {
  const length = codec.share(kind, payload, set);
  if (length < 0) return null;
  const bytes = allocateShared(length);
  codec.packed(bytes, 0);
  return bytes;
}

/** The kind of frame that a payload makes, as native code counts them. */
function kindOf(payload, options) {
  if (options === undefined) {
    return isFrame(payload) ? payload.kind : messageKind(payload, undefined);
  }
  const { binary, compress, fin } = arePlain(options) ? options : checkOptions(options, sendOptions, sendDefaults);
  if (isFrame(payload)) {
    throw errors.invalidArgValue('options', 'must be given to WS.frame, not with its frame', options);
  }
  return messageKind(payload, binary)
    | (fin === false ? codec.MORE : 0)
    | (compress === false ? codec.AS_IT_IS : 0);
}

/** Whether options are right at first sight: every message has them checked. */
function arePlain(options) {
  if (options === null || typeof options !== 'object') return false;
  // In this order: V8 knows the prototype of what it has read a property of.
  const { binary, compress, fin } = options;
  if (Object.getPrototypeOf(options) !== Object.prototype) return false;
  for (const name in options) {
    if (name !== 'binary' && name !== 'fin' && name !== 'compress') return false;
  }
  return isFlag(binary) && isFlag(compress) && isFlag(fin);
}

function isFlag(value) {
  return value === undefined || typeof value === 'boolean';
}

function messageKind(payload, binary) {
  return (binary ?? typeof payload !== 'string') ? codec.BINARY : codec.TEXT;
}

/** A payload that is there as a whole, as a Buffer; a string stays one. */
function bytesOf(name, payload) {
  const bytes = knownBytes(payload);
  if (bytes !== null) return bytes;
  throw errors.invalidArgType(name, 'a string, Buffer, TypedArray, DataView or ArrayBuffer', payload);
}

/**
 * The same, or the Blob, Readable, ReadableStream or Frame that the payload is. A Buffer may be of
 * shared memory: native code refuses it, which costs less than to look at every Buffer here.
 */
function payloadOf(name, payload) {
  if (isPlain(payload)) return payload;
  const bytes = knownBytes(payload);
  if (bytes !== null) return bytes;
  if (payload instanceof Frame || isSlow(payload)) return payload;
  const expected = 'a string, Buffer, TypedArray, DataView, ArrayBuffer, Blob, Readable, ReadableStream or Frame';
  throw errors.invalidArgType(name, expected, payload);
}

/** Whether a payload is a string or a Buffer, as nearly all are: a look at one prototype. */
function isPlain(payload) {
  return typeof payload === 'string' || Buffer.isBuffer(payload);
}

function isFrame(payload) {
  return !isPlain(payload) && payload instanceof Frame;
}

/** Whether the bytes of a payload have to be waited for. */
function isSlow(payload) {
  return !isPlain(payload)
    && (payload instanceof Blob || payload instanceof Readable || payload instanceof ReadableStream);
}

function knownBytes(payload) {
  if (typeof payload === 'string') return payload;
  if (Buffer.isBuffer(payload) && payload.buffer instanceof ArrayBuffer) return payload;
  if (isArrayBufferView(payload)) return ownBytes(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isAnyArrayBuffer(payload)) return ownBytes(payload, 0, payload.byteLength);
  return null;
}

function ownBytes(memory, offset, length) {
  const bytes = new FastBuffer(memory, offset, length);
  // Another thread may write to shared memory while it is read: read it once.
  return isSharedArrayBuffer(memory) ? Buffer.from(bytes) : bytes;
}

module.exports = { Frame, bytesOf, isSlow, kindOf, payloadOf, sendDefaults, sendOptions };
