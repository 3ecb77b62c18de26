'use strict';

const { getSystemErrorName, inspect } = require('node:util');

// The caller's faults, in the form of Node's own.

function coded(ErrorClass, code, message) {
  const error = new ErrorClass(message);
  error.code = code;
  return error;
}

/** What a value is, for a message. */
function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  return `type ${typeof value} (${inspect(value).slice(0, 28)})`;
}

function invalidArgType(name, expected, value) {
  return coded(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" argument must be ${expected}. Received ${describe(value)}`
  );
}

function invalidArgValue(name, reason, value) {
  // Of what is written down in the call, what it holds is shown.
  const depth = [Array, Object].includes(value?.constructor) ? 0 : -1;
  const received = inspect(value, { depth, breakLength: Infinity }).slice(0, 128);
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The "${name}" argument ${reason}. Received ${received}`);
}

/** For header fields: the reason names the one that is wrong, and what they hold may be secret. */
function invalidFields(name, reason) {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The "${name}" argument ${reason}`);
}

/** For a payload that is to be sent as text. */
function invalidText(payload) {
  return invalidArgValue('payload', 'must be valid UTF-8 to be sent as text', payload);
}

function outOfRange(name, range, value) {
  return coded(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`
  );
}

/** For a function of the program's that has not done what is asked of it. */
function invalidReturn(name, expected, value) {
  return coded(
    TypeError,
    'ERR_INVALID_RETURN_VALUE',
    `Expected ${expected} to be returned from the "${name}" function but got ${describe(value)}`
  );
}

/** @param advice for a name that is well known, but not here; undefined for others */
function unknownOption(name, nearest, known, advice) {
  const hint = nearest === null ? `There are: ${known.join(', ')}` : `Did you mean "${nearest}"?`;
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `There is no option "${name}". ${advice ?? hint}`);
}

function invalidState(message) {
  return coded(Error, 'ERR_INVALID_STATE', message);
}

/** For a socket that is to be read, and has been given an encoding. */
function noBytes() {
  return invalidState('The socket gives strings, not bytes: setEncoding was called');
}

function unknownHandler(name, nearest) {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `There is no handler "${name}". Did you mean "${nearest}"?`);
}

/** For the callback of a send that came too late. */
function socketClosed() {
  return coded(Error, 'ERR_SOCKET_CLOSED', 'The connection is closing or closed');
}

/** For the stream of a message whose end never came. */
function messageCut() {
  return coded(Error, 'ERR_WS13_MESSAGE_CUT', 'The connection ended before the message did');
}

/** For a reader of messages: the connection was lost rather than closed (RFC 6455 §7.1.5, 1006). */
function abnormalClosure() {
  return coded(Error, 'ERR_WS13_ABNORMAL_CLOSURE', 'The connection ended without a close frame');
}

/** A peer that has not answered a heartbeat's ping. */
function heartbeatTimeout(heartbeat) {
  return coded(Error, 'ERR_WS13_HEARTBEAT', `Nothing arrived within ${heartbeat} ms of a ping`);
}

/** More for a peer than may wait: it does not read, or not as fast. */
function bufferOverflow(bytes, most) {
  return coded(
    Error,
    'ERR_WS13_BUFFER_OVERFLOW',
    `${bytes} bytes wait for the peer to read them; maxBufferedAmount is ${most}`
  );
}

/** A socket that cannot be read any more, as Node tells it. */
function readFailed(errno) {
  const name = getSystemErrorName(-errno);
  return Object.assign(coded(Error, name, `read ${name}`), { errno: -errno, syscall: 'read' });
}

/** A handshake that did not come to a connection; `details` become the error's own properties. */
function handshakeFailed(code, reason, details) {
  return Object.assign(coded(Error, code, `The handshake failed: ${reason}`), details);
}

/** What an AbortSignal ends something with: the error that Node's own streams use. */
function aborted(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

module.exports = {
  invalidArgType,
  invalidArgValue,
  invalidFields,
  invalidText,
  invalidReturn,
  invalidState,
  noBytes,
  outOfRange,
  unknownHandler,
  unknownOption,
  socketClosed,
  messageCut,
  abnormalClosure,
  heartbeatTimeout,
  bufferOverflow,
  readFailed,
  handshakeFailed,
  aborted
};
