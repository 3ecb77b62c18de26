'use strict';

const errors = require('./errors.js');

const SCHEMES = ['ws:', 'wss:', 'ws+unix:'];
/** What a Location may begin with: servers know their own URL as http's. */
const REDIRECT_SCHEMES = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' };

/** Where a client connects to, and what it asks for there (RFC 6455 §3). */
class Target {
  /**
   * @param url a ws: or wss: URL without user and password
   * @param socketPath of a unix socket, or null
   */
  constructor(url, socketPath) {
    this.url = url;
    this.socketPath = socketPath;
  }

  get secure() {
    return this.url.protocol === 'wss:';
  }

  /** The host to connect to. */
  get host() {
    const { hostname } = this.url;
    return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  }

  get port() {
    if (this.url.port !== '') return Number(this.url.port);
    return this.secure ? 443 : 80;
  }

  /** The value of the Host field. */
  get authority() {
    return this.url.host;
  }

  /** Path and query. */
  get path() {
    return this.url.pathname + this.url.search;
  }

  /** Who is trusted with credentials that are meant for this target. */
  get origin() {
    return this.socketPath === null ? this.url.origin : `ws+unix:${this.socketPath}`;
  }

  get href() {
    if (this.socketPath === null) return this.url.href;
    // What would end the path of the socket, or of the URL.
    const path = encodeURI(this.socketPath).replace(/[:?#]/g, encodeURIComponent);
    return `ws+unix://${path}:${this.path}`;
  }

  /**
   * Where a Location leads to from here, or null where a client cannot follow. User and password in
   * it are dropped: they would be the server's, not the program's.
   */
  follow(location) {
    if (location === undefined || !URL.canParse(location, this.url)) return null;
    const url = new URL(location, this.url);
    const scheme = REDIRECT_SCHEMES[url.protocol];
    if (scheme === undefined) return null;
    url.protocol = scheme;
    url.username = url.password = url.hash = '';
    // A server on a unix socket calls itself what the Host field called it.
    const stays = this.socketPath !== null && url.origin === this.url.origin;
    return new Target(url, stays ? this.socketPath : null);
  }
}

/**
 * Reads the URL that a program gives.
 * @returns {{ target, authorization }} the latter is a field value, or null
 */
function parseUrl(input) {
  const text = input instanceof URL ? input.href : input;
  if (typeof text !== 'string') throw errors.invalidArgType('url', 'a string or a URL', input);
  // The parser of URLs drops some of them in silence.
  if (hasControl(text)) throw errors.invalidArgValue('url', 'must not hold control characters', text);
  const url = new URL(text);
  if (!SCHEMES.includes(url.protocol)) {
    throw errors.invalidArgValue('url', 'must begin with ws:, wss: or ws+unix:', text);
  }
  // RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT
  // be used". The empty one is not in `hash`.
  if (url.href.includes('#')) throw errors.invalidArgValue('url', 'must not have a fragment', text);
  const authorization = basic(url, text);
  url.username = url.password = '';
  const target = url.protocol === 'ws+unix:' ? unixTarget(url, text) : new Target(url, null);
  return { target, authorization };
}

function hasControl(text) {
  return Array.prototype.some.call(text, (character) => character < ' ' || character === '\x7f');
}

/** `ws+unix:///path/to.sock:/request/path?query`; a colon in the socket's path is `%3A`. */
function unixTarget(url, text) {
  const [, socket, path = '/'] = /^([^:]*)(?::(.*))?$/s.exec(url.pathname);
  if (url.host !== '' || socket === '' || !path.startsWith('/')) {
    throw errors.invalidArgValue('url', 'must be ws+unix:///path/to/socket:/request/path', text);
  }
  return new Target(new URL(`ws://localhost${path}${url.search}`), decode(socket, text));
}

/** RFC 7617: the value of an Authorization field for the user and password of a URL. */
function basic(url, text) {
  if (url.username === '' && url.password === '') return null;
  const user = decode(url.username, text);
  // RFC 7617 §2: "a user-id containing a colon character is invalid".
  if (user.includes(':')) throw errors.invalidArgValue('url', 'must not have a colon in its user name', text);
  return `Basic ${Buffer.from(`${user}:${decode(url.password, text)}`).toString('base64')}`;
}

function decode(part, text) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw errors.invalidArgValue('url', 'must be percent-encoded UTF-8', text);
  }
}

module.exports = { parseUrl };
