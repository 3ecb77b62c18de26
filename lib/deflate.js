'use strict';

const errors = require('./errors.js');
const native = require('./native.js');
const { boolean, checkOptions, integer } = require('./options.js');

// permessage-deflate (RFC 7692): what the program wants of it, and what a handshake has come to.

const settingOptions = {
  threshold: integer(0, Number.MAX_SAFE_INTEGER),
  level: integer(0, 9),
  memLevel: integer(1, 9),
  serverNoContextTakeover: boolean,
  clientNoContextTakeover: boolean,
  serverMaxWindowBits: integer(8, 15),
  clientMaxWindowBits: integer(8, 15)
};

const clientDefaults = {
  threshold: 1024,
  level: undefined,
  memLevel: 8,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined
};
/** A context costs memory for as long as its connection lasts, and a server has many of them. */
const serverDefaults = { ...clientDefaults, serverNoContextTakeover: true, clientNoContextTakeover: true };

/** In the place of a level: as a message's length says. */
const AUTOMATIC = 15;

/** What a connection has agreed to, as native code takes it, and as WS.info tells it. */
const NO_EXTENSION = Object.freeze({ text: '', agreement: 0, tuning: 0, threshold: 0 });
/** The same where it was wanted, and the client does not: whoever attaches the socket cannot change that. */
const DECLINED = Object.freeze({ ...NO_EXTENSION });

/** The check of the option `perMessageDeflate`. */
function checkDeflate(name, value) {
  if (typeof value === 'boolean') return;
  if (value === null || typeof value !== 'object') {
    throw errors.invalidArgType(name, 'a boolean or an object', value);
  }
  checkOptions(value, settingOptions, {}, name);
}

/** All settings, for an option that is not `false`. */
function settingsOf(option, defaults) {
  if (option === true) return defaults;
  const given = Object.entries(option).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

function extensionOf(text, agreement, { level, memLevel, threshold }) {
  return { text, agreement, tuning: (level ?? AUTOMATIC) | memLevel << 4, threshold };
}

/**
 * What a server agrees to of a client's offers.
 * @param offers the field as it came; undefined or null where there is none
 */
function answerOffers(option, offers) {
  if (option === false) return NO_EXTENSION;
  if (offers === undefined || offers === null) return DECLINED;
  const settings = settingsOf(option, serverDefaults);
  const answer = native.answerDeflate(offers, settings);
  return answer === null ? DECLINED : extensionOf(answer.extensions, answer.agreement, settings);
}

/** What a client offers; undefined for nothing. */
function offerOf(option) {
  return option === false ? undefined : settingsOf(option, clientDefaults);
}

/** What a client has agreed to by the server's answer. */
function agreedByAnswer(option, { extensions, agreement }) {
  if (option === false || agreement === 0) return NO_EXTENSION;
  return extensionOf(extensions, agreement, settingsOf(option, clientDefaults));
}

/** What a handshake has come to that somebody else has made: just what the option says. */
function agreedElsewhere(option, isServer) {
  if (option === false) return NO_EXTENSION;
  const settings = settingsOf(option, clientDefaults);
  return extensionOf('permessage-deflate', native.agreedDeflate(settings, isServer), settings);
}

module.exports = {
  NO_EXTENSION,
  agreedByAnswer,
  agreedElsewhere,
  answerOffers,
  checkDeflate,
  clientDefaults,
  offerOf,
  serverDefaults,
  settingOptions
};
