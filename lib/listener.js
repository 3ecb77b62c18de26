'use strict';

const { clearTimeout, setTimeout } = require('node:timers');

const kHandshake = Symbol('ws13.handshake');

/** What one WS.listen knows of its sockets. */
class Listener {
  constructor(server, handlers, options) {
    this.server = server;
    this.handlers = handlers;
    this.options = options;
    /** A handshake for each socket that is not closed yet: pending, open or refused. */
    this.handshakes = new Set();
    /** How many of them are open, or the program is being asked about. */
    this.admitted = 0;
    /** Whether it has been seen to listen; one that has not may be about to. */
    this.hasListened = server.listening;
    /** The shutdown of this server, `{ promise, resolve, timer }`, or null while there is none. */
    this.closing = null;
  }

  enter(handshake) {
    Object.defineProperty(handshake.socket, kHandshake, { value: handshake, writable: true, configurable: true });
    this.handshakes.add(handshake);
  }

  /** Makes room for one more connection, if there is any. */
  admit(handshake) {
    const { maxConnections } = this.options;
    if (maxConnections !== undefined && this.admitted >= maxConnections) return false;
    handshake.admitted = true;
    this.admitted++;
    return true;
  }

  /** There will be no connection. */
  dismissed(handshake) {
    if (handshake.admitted) this.admitted--;
    handshake.admitted = false;
  }

  /** The socket is closed. */
  leave(handshake) {
    this.dismissed(handshake);
    this.handshakes.delete(handshake);
    handshake.closing?.leave(handshake);
  }

  /**
   * Takes no more sockets and closes those that there are, with force after `timeout` ms.
   * @returns a promise that resolves when the last of them is gone
   */
  shutDown(code, timeout) {
    // A server that is still looking up its host is not `listening` yet; `close` keeps it from starting.
    if (this.server.listening || !this.hasListened) this.server.close();
    if (this.closing !== null) return this.closing.promise;
    const closing = this.closing = new Closing(this.handshakes);
    for (const handshake of [...closing.handshakes]) handshake.dismiss(code);
    closing.start(timeout);
    return closing.promise;
  }
}

/** A shutdown under way, or done: of those that were there when it began, and are not gone yet. */
class Closing {
  #timer = null;
  #resolve;

  constructor(handshakes) {
    this.handshakes = new Set(handshakes);
    for (const handshake of handshakes) handshake.closing = this;
    this.promise = new Promise((resolve) => { this.#resolve = resolve; });
  }

  start(timeout) {
    if (this.handshakes.size === 0) this.#resolve();
    else this.#timer = setTimeout(destroyAll, timeout, this.handshakes);
  }

  leave(handshake) {
    this.handshakes.delete(handshake);
    if (this.handshakes.size > 0) return;
    clearTimeout(this.#timer);
    this.#resolve();
  }
}

function destroyAll(handshakes) {
  for (const handshake of [...handshakes]) {
    const { listener, socket } = handshake;
    socket.destroy();
    // The program may have taken all listeners off, ours too.
    if (socket.closed === true) listener.leave(handshake);
    else socket.once('close', socketOnClose);
  }
}

function socketOnClose() {
  const handshake = handshakeOf(this);
  handshake.listener.leave(handshake);
}

/** The handshake of a socket that a WS.listen has, or has had; undefined for others. */
function handshakeOf(socket) {
  return socket?.[kHandshake];
}

module.exports = { Listener, handshakeOf };
