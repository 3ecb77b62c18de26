'use strict';

const diagnostics = require('./diagnostics.js');
const errors = require('./errors.js');
const native = require('./native.js');
const { acceptance, admitsOrigin, readAnswer } = require('./admission.js');
const { attachChecked } = require('./attach.js');
const { peek } = require('./connection.js');
const { deadlinesBy } = require('./deadlines.js');
const { answerOffers } = require('./deflate.js');
const { handshakeOf } = require('./listener.js');
const { close } = require('./close.js');
const { Request, judge } = require('./request.js');
const { countOpened, countRefused } = require('./stats.js');
const { rethrow } = require('./unhandled.js');

const { Hindrance } = native;

const PENDING = 0;
const OPEN = 1;
const OVER = 2;

/**
 * One opening handshake, from a new socket to the 101 or the refusal; after it, the socket's place
 * among those of its listener. What arrives behind the request stays in the socket's own buffer,
 * which is bounded, until the connection is open.
 */
class Handshake {
  constructor(listener, socket) {
    this.listener = listener;
    this.socket = socket;
    /** Whether the request is still to be read, or the rest of it. */
    this.isUnread = false;
    /** What has read the beginning of it, or null. */
    this.reader = null;
    this.request = null;
    this.accept = '';
    /** The extensions that the client offers, as it has written them; undefined for none. */
    this.offers = undefined;
    /** What came in one chunk with the request. */
    this.head = undefined;
    /** PENDING until the answer is out, or there is nobody to answer any more. */
    this.state = PENDING;
    /** The shutdown that waits for it, or null. */
    this.closing = null;
    /** Whether it counts towards `maxConnections`. */
    this.admitted = false;
  }

  /** Starts on a socket that nothing has been read from. */
  read() {
    const { listener, socket } = this;
    this.begin();
    if (listener.closing !== null) {
      this.hinder(Hindrance.Shutdown);
      return;
    }
    this.isUnread = true;
    socket.on('data', socketOnData);
    socket.resume();
  }

  /** Starts with a request that Node's HTTP server has read. */
  take(request, head) {
    const { socket } = this;
    // Another listener of the server's has it: one WS.listen more, or the program with WS.upgrade.
    if (handshakeOf(socket) !== undefined || peek(socket) !== undefined) return;
    if (socket.destroyed || socket.writableEnded) {
      // It may have been reset, or refused by the program; http has taken its own listener off.
      socket.on('error', socketOnError);
      return;
    }
    this.begin();
    socket.pause();
    socket.on('data', socketOnData);
    this.takeInTurn(request, head);
  }

  /** Goes on once the responses to the client's earlier, pipelined requests are written. */
  takeInTurn(request, head) {
    const { socket } = this;
    if (this.state !== PENDING) return;
    // An answer's end has the socket flow, and its time run.
    socket.pause();
    socket.setTimeout?.(0);
    if (isOwed(socket)) {
      socket._httpMessage.once('finish', () => this.takeInTurn(request, head));
      return;
    }
    // That answer may have been the last one.
    if (!socket.writable) return;
    this.request = request;
    const verdict = judge(request, this.listener.options.strict);
    if (verdict.response !== undefined) {
      this.refuse(verdict);
      return;
    }
    request.protocols = verdict.protocols;
    this.consider(request, verdict, head);
  }

  /** Ends it for a server that shuts down: a close frame where there is a connection, else a 503. */
  dismiss(code) {
    if (this.state === OPEN) close(this.socket, code);
    // One whose turn has not come is refused in it, behind the answers before it.
    else if (this.state === PENDING && !isOwed(this.socket)) this.hinder(Hindrance.Shutdown);
  }

  begin() {
    const { listener, socket } = this;
    listener.enter(this);
    // What an http server is told to `emit('connection')` may be any Duplex.
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
    socket.on('error', socketOnError);
    socket.on('end', socketOnEnd);
    socket.on('close', socketOnClose);
    handshakes.start(this, listener.options.handshakeTimeout);
  }

  /** The next bytes of the request, or behind it. */
  feed(chunk) {
    const { listener, socket } = this;
    if (!this.isUnread) {
      // Somebody has resumed the socket: these bytes are not the handshake's.
      socket.pause();
      socket.unshift(chunk);
      return;
    }
    const reader = this.reader ??= takeReader();
    const verdict = reader.feed(chunk, listener.options.strict);
    if (verdict === null) return;
    socket.pause();
    this.isUnread = false;
    this.reader = null;
    if (verdict.response !== undefined) {
      this.refuse(verdict);
      return;
    }
    idleReader = reader;
    const rest = chunk.subarray(verdict.consumed);
    this.consider(new Request(socket, verdict), verdict.offer, rest);
  }

  /** Asks the program about a request that is in order. */
  consider(request, { accept, extensions }, head) {
    const { listener } = this;
    this.request = request;
    this.accept = accept;
    this.offers = extensions;
    this.head = head;
    if (listener.closing !== null) {
      this.hinder(Hindrance.Shutdown);
      return;
    }
    if (!listener.admit(this)) {
      this.hinder(Hindrance.MaxConnections);
      return;
    }
    let answer;
    let isLate;
    try {
      if (!admitsOrigin(listener.options.origins, request)) {
        this.hinder(Hindrance.Origin);
        return;
      }
      answer = listener.handlers.upgrade?.(request);
      isLate = typeof answer?.then === 'function';
    } catch (error) {
      this.fail(error);
      return;
    }
    if (!isLate) {
      this.settle(answer);
      return;
    }
    // Out of the promise's reach: what the handlers throw is an uncaught exception, as ever.
    Promise.resolve(answer).then(
      (value) => { process.nextTick(settleLate, this, value); },
      (error) => { process.nextTick(failLate, this, error); }
    );
  }

  /** Does what `upgrade` has said. */
  settle(answer) {
    if (this.state !== PENDING) return;
    let verdict;
    let extension;
    let response;
    try {
      verdict = readAnswer(answer, this.request, this.listener.options);
      if (verdict.refusal === null) {
        extension = answerOffers(verdict.options.perMessageDeflate, this.offers);
        response = acceptance(this.accept, verdict.protocol, extension, verdict.fields);
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    if (verdict.refusal === null) this.open(response, verdict, extension);
    else this.refuse(verdict.refusal);
  }

  open(response, { protocol, data, options }, extension) {
    const { head, listener, request, socket } = this;
    if (this.state !== PENDING) return;
    if (socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    this.end(OPEN);
    socket._is_server = true;
    socket._is_client = false;
    socket.write(response, 'latin1');
    // Somebody may have asked about the socket already.
    const early = peek(socket);
    if (early !== undefined && early.handshake !== null) {
      early.handshake = null;
      countOpened();
    }
    // A Duplex may be destroyed by that: then there is no other listener for its error.
    if (socket.destroyed) return;
    socket.off('error', socketOnError);
    attachChecked(socket, listener.handlers, options, { extension, head, protocol, request, data });
  }

  hinder(hindrance) {
    this.refuse(native.refuse(hindrance));
  }

  /** The program has thrown: the client is told, and so is whoever looks after the program. */
  fail(error) {
    this.hinder(Hindrance.Error);
    process.nextTick(rethrow, error);
  }

  /** Answers with a refusal, and gives the client a while to read it. */
  refuse(refusal) {
    const { listener, request, socket } = this;
    // A function of the program's may have shut the server down, and so refused this one.
    if (this.state !== PENDING) return;
    this.end(OVER);
    countRefused(refusal.reason);
    diagnostics.refused(socket, request, refusal);
    listener.dismissed(this);
    // The client would take a refusal for the response to an earlier request.
    if (socket.destroyed || !socket.writable || isOwed(socket)) {
      socket.destroy();
      return;
    }
    socket.end(refusal.response, 'latin1');
    // Closing a socket with unread bytes resets it, and the answer may be lost with that.
    socket.resume();
    farewells.start(this, listener.options.closeTimeout);
  }

  /** Nothing more of the handshake is waited for. */
  end(state) {
    const { listener, socket } = this;
    this.state = state;
    this.isUnread = false;
    this.reader = null;
    this.request = null;
    this.accept = '';
    this.offers = undefined;
    this.head = undefined;
    handshakes.cancel(this, listener.options.handshakeTimeout);
    socket.off('data', socketOnData);
    socket.off('end', socketOnEnd);
  }
}

/** One that has read a whole request, for the next: most come in one chunk. */
let idleReader = null;

function takeReader() {
  const reader = idleReader ?? new native.RequestReader();
  idleReader = null;
  return reader;
}

const handshakes = deadlinesBy((handshake) => {
  handshake.hinder(handshake.request === null ? Hindrance.Timeout : Hindrance.Busy);
});

const farewells = deadlinesBy((handshake) => {
  handshake.socket.destroy();
});

/** Whether an HTTP server has yet to answer a request that came before this one. */
function isOwed({ _httpMessage: response }) {
  return response !== undefined && response !== null;
}

function settleLate(handshake, answer) {
  handshake.settle(answer);
}

function failLate(handshake, error) {
  handshake.fail(error);
}

function socketOnData(chunk) {
  const handshake = handshakeOf(this);
  if (typeof chunk === 'string') handshake.fail(errors.noBytes());
  else handshake.feed(chunk);
}

/** A client that goes away before it has an answer is nobody's error. */
function socketOnError() {}

function socketOnEnd() {
  this.destroy();
}

function socketOnClose() {
  const handshake = handshakeOf(this);
  const { listener } = handshake;
  if (handshake.state === PENDING) handshake.end(OVER);
  farewells.cancel(handshake, listener.options.closeTimeout);
  listener.leave(handshake);
}

module.exports = { Handshake };
