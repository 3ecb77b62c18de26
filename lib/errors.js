'use strict';

const { inspect } = require('node:util');

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
  return coded(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The "${name}" argument ${reason}. Received ${inspect(value, { depth: -1 }).slice(0, 128)}`
  );
}

function outOfRange(name, range, value) {
  return coded(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`
  );
}

function unknownOption(name, nearest) {
  const hint = nearest === null ? '' : ` Did you mean "${nearest}"?`;
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `There is no option "${name}".${hint}`);
}

/** For the callback of a send that came too late. */
function socketClosed() {
  return coded(Error, 'ERR_SOCKET_CLOSED', 'The connection is closing or closed');
}

module.exports = { invalidArgType, invalidArgValue, outOfRange, unknownOption, socketClosed };
