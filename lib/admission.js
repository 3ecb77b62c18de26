'use strict';

const { isNativeError } = require('node:util').types;
const errors = require('./errors.js');
const native = require('./native.js');
const { connectionOptions } = require('./attach.js');
const { checkOptions, integer } = require('./options.js');
const { chooseProtocol } = require('./upgrade.js');

// What the program says to a request. All that is wrong with its answer is the program's error.

/** What `upgrade` may return for its connection, beside the options of every connection. */
const answerOptions = {
  ...connectionOptions,
  status: integer(300, 599),
  protocol: checkProtocol,
  headers: checkHeaders,
  data: () => {}
};

const NO_FIELDS = [];
const DECLINED = 403;

/** Whether connections are taken from where the request says that it comes from. */
function admitsOrigin(origins, request) {
  if (origins === undefined) return true;
  const { origin } = request.headers;
  if (typeof origins === 'function') {
    const admitted = origins(origin, request);
    if (typeof admitted !== 'boolean') throw errors.invalidReturn('origins', 'true or false', admitted);
    return admitted;
  }
  // Browsers always send it; without it this is no page a user was lured to.
  if (origin === undefined) return true;
  return origins.some((known) => {
    // Unlike `test`, `search` always begins at the start.
    return typeof known === 'string' ? known === origin : origin.search(known) !== -1;
  });
}

/**
 * Reads what `upgrade` has returned.
 * @returns either `{ refusal }`, or `{ protocol, fields, data, options }` of a connection
 */
function readAnswer(answer, request, options) {
  if (answer === undefined || answer === true) {
    const protocol = chooseProtocol(options.protocols, request.protocols, request);
    return { refusal: null, protocol, fields: NO_FIELDS, data: undefined, options };
  }
  if (answer === false) return { refusal: decline(DECLINED, NO_FIELDS) };
  if (typeof answer === 'number') {
    answerOptions.status('upgrade() result', answer);
    return { refusal: decline(answer, NO_FIELDS) };
  }
  if (answer === null || typeof answer !== 'object' || isForeign(answer)) {
    const meant = 'true, false, a status, an object with properties of its own or nothing';
    throw errors.invalidReturn('upgrade', meant, answer);
  }
  const { status, protocol, headers, data, ...given } = checkOptions(answer, answerOptions, {}, 'upgrade() result');
  const fields = headers === undefined ? NO_FIELDS : fieldsOf(headers);
  if (status !== undefined) return { refusal: decline(status, fields) };
  return {
    refusal: null,
    protocol: protocol === undefined
      ? chooseProtocol(options.protocols, request.protocols, request)
      // One that the client has not offered cannot be answered (RFC 6455 §4.2.2).
      : request.protocols.find((offered) => offered === protocol),
    fields,
    data,
    options: Object.keys(given).length === 0 ? options : { ...options, ...given }
  };
}

/**
 * Whether an object says what it says in another way than ours, as an Error does, or a Response by getters of
 * its class: read as one of ours, which it has no property of, it would let the client in.
 */
function isForeign(answer) {
  const isInherited = (name) => name in answer && !Object.hasOwn(answer, name);
  return isNativeError(answer) || answer instanceof Error || Object.keys(answerOptions).some(isInherited);
}

/** The head that accepts. */
function acceptance(accept, protocol, { text }, fields) {
  const extensions = text === '' ? undefined : text;
  if (fields.length === 0) return native.upgradeResponse(accept, protocol, extensions);
  const { response, error } = native.acceptResponse(accept, protocol, extensions, fields);
  if (error !== undefined) throw badFields(error);
  return response;
}

function decline(status, fields) {
  const refusal = native.decline(status, fields);
  if (typeof refusal === 'string') throw badFields(refusal);
  return refusal;
}

function badFields(error) {
  return errors.invalidFields('upgrade() result.headers', `cannot be sent: ${error}`);
}

/** Names and values in turn, as native code takes them. */
function fieldsOf(headers) {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
}

function checkProtocol(name, value) {
  if (value !== false && typeof value !== 'string') {
    throw errors.invalidArgType(name, 'a string or false', value);
  }
}

function checkHeaders(name, value) {
  // A Map or Headers has no properties: nothing of it would be sent.
  if (value === null || typeof value !== 'object' || Symbol.iterator in value) {
    throw errors.invalidArgType(name, 'a plain object', value);
  }
  for (const [field, content] of Object.entries(value)) {
    if (![content].flat().every((one) => typeof one === 'string')) {
      throw errors.invalidArgType(`${name}.${field}`, 'a string or an array of strings', content);
    }
  }
}

function checkOrigins(name, value) {
  if (typeof value === 'function') return;
  const known = (origin) => typeof origin === 'string' || origin instanceof RegExp;
  if (!Array.isArray(value) || !value.every(known)) {
    throw errors.invalidArgType(name, 'an array of strings and regular expressions, or a function', value);
  }
  for (const origin of value) {
    if (typeof origin === 'string' && !isOrigin(origin)) {
      throw errors.invalidArgValue(name, 'must hold origins, such as "https://host" or "null", as a browser writes them', origin);
    }
  }
}

/** Whether a string is what a browser may send: anything else would let nobody in (RFC 6454 §6.1). */
function isOrigin(origin) {
  if (origin === 'null') return true;
  if (!URL.canParse(origin)) return false;
  const { origin: written } = new URL(origin);
  // Of schemes that are not the web's, such as an extension's, URL has no opinion.
  return written === origin || (written === 'null' && !origin.endsWith('/'));
}

module.exports = { acceptance, admitsOrigin, answerOptions, checkOrigins, readAnswer };
