'use strict';

const net = require('node:net');
const { randomBytes } = require('node:crypto');
const diagnostics = require('./diagnostics.js');
const errors = require('./errors.js');
const native = require('./native.js');
const { attachChecked } = require('./attach.js');
const { open, peek } = require('./connection.js');
const { deadlinesBy } = require('./deadlines.js');
const { agreedByAnswer, offerOf } = require('./deflate.js');
const { dial } = require('./dial.js');
const { headersOf } = require('./headers.js');
const { unwatch, watch } = require('./signals.js');
const { countHandshake, countOpened, uncountHandshake } = require('./stats.js');
const { ignore, rethrow } = require('./unhandled.js');

const KEY_BYTES = 16;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Fields that are meant for one origin, and say who the client is. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];
/** The same among the options of TLS, and the name of the first host. */
const TLS_CREDENTIALS = ['cert', 'key', 'passphrase', 'pfx', 'servername'];

/**
 * A client's handshake, from the first hop to the last. It ends in exactly one of two ways: the
 * handlers are attached to the socket, and `open` is called, or they get one `error`.
 */
class ClientHandshake {
  constructor(target, headers, handlers, options) {
    this.target = target;
    /** Names and values in turn. */
    this.headers = headers;
    this.handlers = handlers;
    this.options = options;
    /** The socket of this hop, or null before there is one. */
    this.socket = null;
    /** The core's half of this hop. */
    this.core = null;
    /** The error of an answer whose body is still awaited, or null. */
    this.refusal = null;
    this.redirects = 0;
    this.isDone = false;
    this.prepare();
  }

  /**
   * Builds the request of this hop.
   * @throws TypeError where it cannot be written
   */
  prepare() {
    const { target, headers, options: { perMessageDeflate, protocols, origin } } = this;
    const { path, authority } = target;
    // RFC 6455 §4.1 item 7: "The nonce MUST be selected randomly for each connection."
    const key = randomBytes(KEY_BYTES);
    const deflate = offerOf(perMessageDeflate);
    this.core = new native.ClientHandshake({ path, host: authority, key, protocols, deflate, origin, headers });
    const fault = this.core.fault();
    if (fault === null) return;
    const { argument, reason } = fault;
    const value = { 'url': target.href, 'options.protocols': protocols, 'options.origin': origin }[argument];
    if (value === undefined) throw errors.invalidFields(argument, reason);
    throw errors.invalidArgValue(argument, reason, value);
  }

  /** Connects. What is wrong with the program's own options is thrown. */
  start() {
    const { options: { handshakeTimeout, signal } } = this;
    if (signal?.aborted) {
      this.take(new net.Socket().destroy(errors.aborted(signal)));
      return;
    }
    this.connect();
    deadlines.start(this, handshakeTimeout);
    // What makes the socket is the program's, and may have aborted it meanwhile.
    if (signal?.aborted) this.abort();
    else if (signal !== undefined) watch(signal, this);
  }

  connect() {
    const { target } = this;
    const socket = dial(target, this.options, (error, late) => {
      if (error !== null) this.fail(error);
      else if (this.isDone) late.on('error', ignore).destroy();
      else this.take(late);
    });
    if (socket !== undefined) this.take(socket);
  }

  /** Speaks over this stream. */
  take(socket) {
    this.socket = socket;
    open(socket, this.options, { handshake: this });
    countHandshake();
    socket.on('data', socketOnData);
    socket.on('end', socketOnEnd);
    socket.on('error', socketOnError);
    socket.on('close', socketOnClose);
    socket.setNoDelay?.(true);
    // Who has spoken with a proxy hands it on paused, so that nothing is lost, or has heard of its end.
    socket.resume?.();
    if (socket.destroyed === true) process.nextTick(socketOnClose.bind(socket));
    else if (socket.readableEnded === true) process.nextTick(socketOnEnd.bind(socket));
    // Not a byte for a server that has not proved who it is.
    else if (socket.secureConnecting === true) socket.on('secureConnect', socketOnSecure);
    // Another stream than Node's own may bring the answer from within its `write`.
    else process.nextTick(ask, socket);
  }

  /** Lets go of the socket of this hop. */
  letGo() {
    const { socket } = this;
    if (socket === null) return;
    const connection = peek(socket);
    connection.handshake = null;
    // What comes of it, if anything, is a connection of its own.
    connection.release();
    uncountHandshake();
    socket.off('data', socketOnData);
    socket.off('end', socketOnEnd);
    socket.off('error', socketOnError);
    socket.off('close', socketOnClose);
    socket.off('secureConnect', socketOnSecure);
  }

  /** The next bytes of the server's. */
  read(chunk) {
    if (this.refusal !== null) {
      if (this.core.feedBody(chunk)) this.failRefused();
      return;
    }
    const answer = this.core.feed(chunk);
    if (answer === null) return;
    const rest = chunk.subarray(answer.consumed);
    if (answer.code === undefined) this.succeed(answer, rest);
    else if (this.options.maxRedirects > 0 && REDIRECTS.includes(answer.status)) this.redirect(answer);
    else this.refuse(answer, rest);
  }

  succeed(answer, rest) {
    const { socket, handlers, options, target } = this;
    this.finish();
    this.letGo();
    // A signal ends the connection as well, whenever it is aborted.
    if (options.signal !== undefined) socket.once('close', () => this.unlisten());
    socket._is_server = false;
    socket._is_client = true;
    const response = { url: target.href, status: answer.status, headers: headersOf(answer.headers) };
    countOpened();
    const extension = agreedByAnswer(options.perMessageDeflate, answer);
    attachChecked(socket, handlers, options, { extension, head: rest, protocol: answer.protocol, request: response });
  }

  /** The answer is an error, but its body may say why. */
  refuse(answer, rest) {
    const { code, reason, status } = answer;
    this.refusal = errors.handshakeFailed(code, reason);
    if (status !== undefined) Object.assign(this.refusal, { status, headers: headersOf(answer.headers) });
    // What follows a 101 is no body, and neither is what follows no HTTP.
    if (status === undefined || status === 101 || this.core.feedBody(rest)) this.failRefused();
  }

  failRefused() {
    const { refusal } = this;
    if (refusal.status !== undefined) refusal.body = this.core.body();
    this.fail(refusal);
  }

  redirect(answer) {
    const headers = headersOf(answer.headers);
    const next = this.target.follow(headers.location);
    const fault = this.redirectFault(next);
    if (fault !== null) {
      const details = { status: answer.status, headers, body: Buffer.alloc(0) };
      this.fail(errors.handshakeFailed('WS_ERR_HANDSHAKE_REDIRECT', fault, details));
      return;
    }
    this.redirects++;
    this.letGo();
    this.socket.on('error', ignore).destroy();
    this.socket = null;
    if (next.origin !== this.target.origin) this.forgetCredentials();
    this.target = next;
    try {
      this.prepare();
      this.connect();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Why a redirect is not followed, or null. */
  redirectFault(next) {
    const { target, redirects, options: { maxRedirects } } = this;
    if (redirects === maxRedirects) return `the server redirects more than ${maxRedirects} times`;
    if (next === null) return 'the server redirects to something else than a WebSocket';
    return target.secure && !next.secure ? 'the server redirects from wss: to ws:' : null;
  }

  /** They stay forgotten, even if a later hop leads back. */
  forgetCredentials() {
    const { headers, options } = this;
    this.headers = [];
    for (let at = 0; at < headers.length; at += 2) {
      if (!CREDENTIALS.includes(headers[at].toLowerCase())) this.headers.push(headers[at], headers[at + 1]);
    }
    const tls = { ...options.tls };
    for (const name of TLS_CREDENTIALS) delete tls[name];
    this.options = { ...options, tls };
  }

  /** Ends the handshake with an error; only the first one counts. */
  fail(error) {
    if (this.isDone) return;
    const { socket, handlers } = this;
    this.finish();
    this.unlisten();
    this.letGo();
    socket?.on('error', ignore);
    diagnostics.failed(this, error);
    try {
      // There is no `close` to tell of it later: an error that nobody handles is an uncaught one.
      if (handlers.error === undefined) process.nextTick(rethrow, error);
      else handlers.error(socket, error);
    } finally {
      socket?.destroy();
    }
  }

  finish() {
    this.isDone = true;
    this.core = null;
    deadlines.cancel(this, this.options.handshakeTimeout);
  }

  unlisten() {
    const { signal } = this.options;
    if (signal !== undefined) unwatch(signal, this);
  }

  /** The signal is aborted, before or after the handshake's end. */
  abort() {
    const error = errors.aborted(this.options.signal);
    // Not from within the program's own call of abort().
    if (this.socket === null) process.nextTick(() => this.fail(error));
    else this.socket.destroy(error);
  }

  /** The socket is gone, for a reason that is nobody's error so far. */
  end(reason) {
    if (this.refusal !== null) this.failRefused();
    else this.fail(errors.handshakeFailed('WS_ERR_HANDSHAKE_ENDED', reason));
  }
}

const deadlines = deadlinesBy((handshake) => process.nextTick(expire, handshake));

function expire(handshake) {
  const { isDone, options: { handshakeTimeout } } = handshake;
  // By a handler of another one that was due before it.
  if (isDone) return;
  if (handshake.refusal !== null) handshake.failRefused();
  else handshake.fail(errors.handshakeFailed('WS_ERR_HANDSHAKE_TIMEOUT', `it took more than ${handshakeTimeout} ms`));
}

/** Sends the request, unless the program has ended the socket before. */
function ask(socket) {
  const { handshake } = peek(socket);
  if (handshake !== null && socket.writable !== false) socket.write(handshake.core.request());
}

function socketOnSecure() {
  ask(this);
}

function socketOnData(chunk) {
  // A listener in front of this one may have destroyed it: its 'close' is what follows.
  if (this.destroyed === true) return;
  const { handshake } = peek(this);
  if (typeof chunk === 'string') handshake.fail(errors.noBytes());
  else handshake.read(chunk);
}

function socketOnEnd() {
  peek(this).handshake?.end('the server ended the connection before its answer');
}

function socketOnError(error) {
  const { handshake } = peek(this);
  if (handshake.refusal === null) handshake.fail(error);
  else handshake.failRefused();
}

function socketOnClose() {
  peek(this).handshake?.end('the connection was closed before the answer');
}

module.exports = { ClientHandshake };
