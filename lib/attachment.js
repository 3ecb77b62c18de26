'use strict';

const { AsyncResource } = require('node:async_hooks');
const { constants } = require('node:buffer');
const diagnostics = require('./diagnostics.js');
const errors = require('./errors.js');
const { watch } = require('./adopted.js');
const { deadlinesBy } = require('./deadlines.js');
const { TOO_MANY_MESSAGES } = require('./faults.js');
const { failTooBig, violation } = require('./events.js');
const { processChunk } = require('./feed.js');
const { IncomingMessage } = require('./incoming.js');
const { inScope } = require('./scope.js');
const { beginIntake, readToBuffer } = require('./intake.js');
const { NO_BYTES } = require('./memory.js');
const { RateLimit } = require('./rate-limit.js');
const { adopt, isAdoptable } = require('./reactor.js');
const { ping } = require('./control.js');
const { INCOMING, PROGRAM, READER, peek } = require('./connection.js');
const { resumeFor } = require('./pause.js');
const { rethrow } = require('./unhandled.js');

/** The side of the handlers: a connection whose socket the library reads itself. */
class Attachment {
  constructor(connection, handlers, options) {
    this.connection = connection;
    this.handlers = handlers;
    this.options = options;
    /** The message that is being handed on as a stream, or null. */
    this.incoming = null;
    /** Bytes of messages that were handed on as streams, have ended, and are not read yet. */
    this.unread = 0;
    /** The WS.stream or WS.messages that gets the messages in place of the handler, or null. */
    this.reader = null;
    this.rateLimit = options.maxMessageRate === undefined ? null : new RateLimit(options.maxMessageRate);
    /** Whether anything has arrived since the last heartbeat. */
    this.isHeard = false;
    /** Whether a heartbeat's ping has not been followed by anything. */
    this.pinged = false;
    /** Bytes the kernel had accepted at the last heartbeat if others were queued, else -1. */
    this.taken = -1;
  }

  /** Takes over the socket's events and tells the program that the connection is open. */
  start(head, request, data) {
    const { connection, handlers, options } = this;
    const { socket } = connection;
    beginIntake(socket);
    socket.on('drain', socketOnDrain);
    socket.on('error', socketOnError);
    if (options.heartbeat > 0) heartbeats.start(this, options.heartbeat);
    diagnostics.opened(connection, request);
    try {
      handlers.open?.(socket, request, data);
    } catch (error) {
      // An uncaught exception; but what has arrived is delivered, and the socket is read.
      process.nextTick(rethrow, error);
    }
    try {
      if (head !== undefined && head.length > 0) this.take(head);
    } catch (error) {
      process.nextTick(rethrow, error);
    }
    connection.scope = new AsyncResource('WS13');
    if (connection.paused === 0) socket.resume();
    // A client's flows until here, whatever the program has asked for in the handshake.
    else socket.pause();
    if (options.transport === 'auto' && isAdoptable(socket)) adopt(connection);
    else readToBuffer(socket);
  }

  /** Takes what the stream, or its handle, has read. */
  hear(chunk) {
    this.isHeard = true;
    const { scope } = this.connection;
    // Every chunk comes by here: not by `inScope`.
    if (scope === null) this.take(chunk);
    else scope.runInAsyncScope(this.take, this, chunk);
  }

  /** The next bytes of the socket. What a handler throws is an uncaught exception. */
  take(chunk) {
    try {
      processChunk(this.connection, chunk, null);
    } catch (error) {
      this.goOn();
      throw error;
    } finally {
      watch(this.connection);
    }
  }

  /** A handler has thrown: the messages behind its own are not lost. */
  goOn() {
    setImmediate(takeRest, this);
  }

  /** The same, where others are to be served before the error is told. */
  goOnAfter(error) {
    this.goOn();
    process.nextTick(rethrow, error);
  }

  /** A message, or the last part of one that is handed on as a stream. */
  message(payload, isBinary) {
    const { incoming, options } = this;
    if (incoming !== null) {
      this.incoming = null;
      incoming.finish(payload);
      return;
    }
    if (!this.admits()) return;
    if (options.stream) {
      // Bytes first: a handler that throws must not cost any.
      const whole = this.begin(isBinary);
      whole.finish(payload);
      this.deliver(whole, isBinary);
      return;
    }
    if (options.text !== 'string' || isBinary) this.deliver(payload, isBinary);
    else if (payload.length > constants.MAX_STRING_LENGTH) failTooBig(this.connection);
    else this.deliver(payload.utf8Slice(), isBinary);
  }

  /** A part of a message, where they are handed on as streams; more follow. */
  part(payload, isBinary) {
    if (this.incoming !== null) {
      this.incoming.add(payload);
      return;
    }
    if (!this.admits()) return;
    const incoming = this.incoming = this.begin(isBinary);
    incoming.add(payload);
    this.deliver(incoming, isBinary);
  }

  /** Whether one more message is to be handed on; the connection fails where they are too many. */
  admits() {
    if (this.connection.error !== null) return false;
    if (this.rateLimit === null || this.rateLimit.admits()) return true;
    violation(this.connection, TOO_MANY_MESSAGES);
    return false;
  }

  /** What the bytes of a new message go to. */
  begin(isBinary) {
    const { connection, options, reader } = this;
    if (reader !== null && reader.takesParts) return reader;
    const incoming = new IncomingMessage(connection);
    if (options.text === 'string' && !isBinary) incoming.setEncoding('utf8');
    return incoming;
  }

  /** Hands a message to whoever reads the socket. */
  deliver(payload, isBinary) {
    const { connection, handlers, reader } = this;
    if (payload === reader) return;
    diagnostics.received(connection, payload, isBinary);
    if (reader !== null) reader.message(payload, isBinary);
    else if (handlers.message !== undefined) handlers.message(connection.socket, payload, isBinary);
    else if (this.options.stream) payload.resume();
  }

  /**
   * The program has asked to close: it gets no more of any message, and nothing that it does not
   * read keeps the peer's close frame from being read.
   */
  stop() {
    const { incoming } = this;
    this.incoming = null;
    incoming?.abort();
    resumeFor(this.connection, INCOMING | PROGRAM | READER);
  }

  /**
   * Whether the peer has read some of what waited for it at the last heartbeat: a ping behind a long message
   * takes as long as that does.
   */
  isReading() {
    const { _handle: handle } = this.connection.socket;
    // That of TLS takes all at once, and has one of TCP below it.
    const { bytesWritten = 0, writeQueueSize = 0 } = handle?._parent ?? handle ?? {};
    const taken = bytesWritten - writeQueueSize;
    const isReading = this.taken !== -1 && taken > this.taken;
    this.taken = writeQueueSize > 0 ? taken : -1;
    return isReading;
  }

  ping(payload) {
    this.handlers.ping?.(this.connection.socket, payload);
  }

  pong(payload, roundTrip) {
    this.handlers.pong?.(this.connection.socket, payload, roundTrip);
  }

  error(error) {
    diagnostics.failed(this.connection, error);
    this.incoming?.abort(error);
    this.incoming = null;
    this.reader?.fail(error);
    this.handlers.error?.(this.connection.socket, error);
  }

  /** The socket is closed; the last that the program hears of it. */
  close() {
    const { connection, handlers, options } = this;
    if (options.heartbeat > 0) heartbeats.cancel(this, options.heartbeat);
    this.incoming?.abort();
    const { socket, closeReason, wasClean, error } = connection;
    // RFC 6455 §7.1.5: the code is that of a frame that came in; there may be none.
    const code = error === null ? connection.closeCode : 1006;
    diagnostics.closed(connection, code);
    this.reader?.close(wasClean && error === null);
    handlers.close?.(socket, code, closeReason, wasClean);
  }
}

/** RFC 6455 §5.5.2: a ping "may serve either as a keepalive or as a means to verify that the remote
 * endpoint is still responsive". */
const heartbeats = deadlinesBy((attachment) => {
  const { connection, options: { heartbeat } } = attachment;
  const reads = attachment.isReading();
  const isSilent = !attachment.isHeard && !reads;
  // Behind a pause the answer to a ping is not read; but where the peer is gone, writing one fails.
  const isPaused = connection.paused !== 0;
  if (isSilent && attachment.pinged && !isPaused) {
    connection.socket.destroy(errors.heartbeatTimeout(heartbeat));
    return;
  }
  attachment.isHeard = false;
  attachment.pinged = isSilent && !isPaused;
  if (isSilent) ping(connection.socket);
  heartbeats.start(attachment, heartbeat);
});

/**
 * Delivers what waits behind a handler that has thrown. Where one throws again, its error is told, and the rest
 * follows before anything else happens: the socket may be closing.
 */
function takeRest(attachment) {
  const { connection } = attachment;
  try {
    processChunk(connection, NO_BYTES, null);
  } catch (error) {
    process.nextTick(rethrow, error);
    if (connection.backlog !== null && connection.paused === 0) process.nextTick(takeRest, attachment);
  }
  watch(connection);
  if (connection.isLate || connection.isOver) connection.settle();
}

function socketOnDrain() {
  const connection = peek(this);
  inScope(connection, drain, connection.attachment);
}

function drain() {
  const { connection, handlers, reader } = this;
  reader?.drain();
  handlers.drain?.(connection.socket);
}

function socketOnError(error) {
  const connection = peek(this);
  const { attachment } = connection;
  inScope(connection, attachment.error, attachment, error);
}

module.exports = { Attachment };
