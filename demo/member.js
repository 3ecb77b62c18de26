'use strict';

const { WS } = require('ws13-native');

// The page draws less than this of a payload.
const KEPT_BYTES = 256;
// What may wait for a member that does not read; past it the member is dropped.
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

const PONG = 0xa;

/** A chat connection: `WS` by hand on a socket, and every byte of it watched on its way. */
class Member {
  #wire;
  #say;
  #viewer;
  #readers;
  #pings = 0;
  #pinged = null;

  /**
   * `say(payload, isBinary)` is called for each message, and `viewer()` gives the Viewer that is to
   * see the frames, or undefined.
   */
  constructor(socket, wire, { say, viewer }) {
    this.socket = socket;
    this.#wire = wire;
    this.#say = say;
    this.#viewer = viewer;
    this.#readers = { in: new wire.FrameReader(KEPT_BYTES), out: new wire.FrameReader(KEPT_BYTES) };
    this.#watchWrites();
    socket.on('data', (chunk) => this.#socketOnData(chunk));
    socket.on('drain', () => socket.resume());
  }

  /** Sends the member what somebody said, itself included. */
  hear(payload, isBinary) {
    if (this.socket.writableLength > MAX_WAITING_BYTES) this.socket.destroy();
    else WS.send(this.socket, payload, { binary: isBinary });
  }

  /** Pings; the viewer is told the round trip when the pong comes. */
  ping() {
    this.#pings += 1;
    this.#pinged = { payload: `ping ${this.#pings}`, at: performance.now() };
    WS.ping(this.socket, this.#pinged.payload);
  }

  /** Starts the close handshake. Throws what `WS.close` throws. */
  leave(code, reason) {
    WS.close(this.socket, code, reason);
  }

  #socketOnData(chunk) {
    this.#watch('in', chunk);
    WS.receive(this.socket, chunk, this.#say);
    // A peer that does not read its echo is not read either, until it does.
    if (this.socket.writableNeedDrain) this.socket.pause();
  }

  /** From here on, all that goes out is seen by the viewer. The 101 is out already. */
  #watchWrites() {
    const { write } = this.socket;
    this.socket.write = (chunk, ...others) => {
      this.#watch('out', chunk);
      return write.call(this.socket, chunk, ...others);
    };
  }

  #watch(direction, chunk) {
    const frames = this.#readers[direction].push(chunk);
    const viewer = this.#viewer();
    if (viewer === undefined || frames.length === 0) return;
    viewer.show(direction, frames);
    if (direction === 'in' && frames.some((frame) => this.#isAwaited(frame))) {
      viewer.tell({ type: 'pong', milliseconds: performance.now() - this.#pinged.at });
      this.#pinged = null;
    }
  }

  #isAwaited(frame) {
    return this.#pinged !== null
      && frame.opcode === PONG
      && Buffer.from(this.#wire.payloadOf(frame)).toString() === this.#pinged.payload;
  }
}

module.exports = { Member };
