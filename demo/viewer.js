'use strict';

const { WS } = require('ws13-native');

// A page that does not read is shown no more frames past this, and is told how many it missed.
const MAX_WAITING_BYTES = 1024 * 1024;
// One chunk can hold thousands of tiny frames; the page keeps 200.
const MAX_FRAMES_AT_ONCE = 200;
// Requests are a few words.
const MAX_REQUEST_BYTES = 1024;

/** The channel that shows a tab the frames of its chat connection. Messages are JSON, both ways. */
class Viewer {
  #member;
  #missed = 0;

  /** `member()` gives the tab's chat Member, or undefined. */
  constructor(socket, member) {
    this.socket = socket;
    this.#member = member;
    socket.on('data', (chunk) => WS.receive(socket, chunk, (payload) => this.#serve(payload)));
    socket.on('drain', () => this.#tellMissed());
  }

  /** Shows `frames` (of a FrameReader) that went `in` or `out`. */
  show(direction, frames) {
    if (this.socket.writableLength > MAX_WAITING_BYTES) {
      this.#missed += frames.length;
      return;
    }
    const shown = frames.slice(-MAX_FRAMES_AT_ONCE);
    this.#missed += frames.length - shown.length;
    this.#tellMissed();
    this.tell({
      type: 'frames',
      direction,
      time: Date.now(),
      frames: shown.map(({ bytes }) => Buffer.from(bytes).toString('hex'))
    });
  }

  /** Sends the page one message. */
  tell(message) {
    WS.send(this.socket, JSON.stringify(message));
  }

  #tellMissed() {
    if (this.#missed === 0) return;
    this.tell({ type: 'missed', count: this.#missed });
    this.#missed = 0;
  }

  #serve(payload) {
    const request = parse(payload);
    if (request?.type !== 'ping' && request?.type !== 'close') {
      WS.close(this.socket, 1008, 'no such request');
      return;
    }
    const member = this.#member();
    if (member === undefined) {
      this.tell({ type: 'refused', message: 'This tab is not connected.' });
      return;
    }
    try {
      if (request.type === 'ping') member.ping();
      else member.leave(request.code, request.reason);
    } catch (error) {
      // A code or a reason that no close frame may carry.
      this.tell({ type: 'refused', message: error.message });
    }
  }
}

function parse(payload) {
  if (payload.length > MAX_REQUEST_BYTES) return null;
  try {
    return JSON.parse(payload);
  } catch {
    return null;
  }
}

module.exports = { Viewer };
