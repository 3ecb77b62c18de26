'use strict';

const { Socket } = require('node:net');
const { isNodesOwn } = require('./shadows.js');
const { isNode } = require('./runtime.js');

// The way to the kernel past Node's stream, where the reactor does not write.
//
// A write goes through the stream to the socket's handle, which gives the kernel what that has room for and keeps
// the rest. Nearly always there is no rest, and all that the stream has noted is taken back a tick later. So the
// library asks the handle itself. Where something is left, or has failed, the stream gets that write after the fact:
// it makes one of its own, which the handle, instead of writing again, answers as it has answered the first.

/**
 * The class of what Node gives a handle to stand for the write, should that take longer; null where it gives nothing
 * (from 26 on); undefined until the first write of all shows it.
 */
let Request;

/** One that no write has needed so far. */
let spare = null;

const { _write, _writev, _writeGeneric } = Socket.prototype;

/** Whether what is written to a socket goes to its handle and nowhere else, if nothing waits in the stream. */
function hasPlainHandle(socket) {
  return isNode && isNodesOwn(socket) && !socket.connecting && socket.errored === null
    && socket._write === _write && socket._writev === _writev && socket._writeGeneric === _writeGeneric
    && typeof socket._handle?.writev === 'function';
}

/**
 * Writes buffers to the handle of such a socket.
 * @returns whether that is all; if not, they are to be written to the socket next, in one go and before anything else
 *   is written to any, which has the stream wait for the rest, or hear of the error
 */
function writeToHandle({ _handle: handle }, buffers) {
  if (Request === undefined) {
    answerNext(handle, (method, request, ...rest) => {
      Request = request === null ? null : request.constructor;
      return handle[method](request, ...rest);
    });
    return false;
  }
  const request = Request === null ? null : spare ??= new Request();
  const answer = buffers.length === 1
    ? handle.writeBuffer(request, buffers[0])
    : handle.writev(request, buffers, true);
  if (answer === 0 && !isPending(request)) return true;
  spare = null;
  answerNext(handle, (method, streams) => {
    if (request !== null) request.oncomplete = (...result) => streams.oncomplete(...result);
    return answer;
  });
  return false;
}

/** Whether a write is still to be told of: also one that was done at the second attempt, within the call. */
function isPending(request) {
  return request !== null && request.getAsyncId() !== -1;
}

/**
 * Has a function stand in for the handle's next write. Node keeps the other results of a write (bytes, async) in one
 * place for all handles, and the stream reads them there.
 */
function answerNext(handle, answer) {
  const restores = ['writeBuffer', 'writev'].map((method) => {
    const descriptor = Object.getOwnPropertyDescriptor(handle, method);
    handle[method] = (...args) => {
      for (const restore of restores) restore();
      return answer(method, ...args);
    };
    return () => {
      if (descriptor === undefined) delete handle[method];
      else Object.defineProperty(handle, method, descriptor);
    };
  });
}

module.exports = { hasPlainHandle, writeToHandle };
