'use strict';

const { WS } = require('../../index.js');
const { bounded } = require('./bounded.js');
const { describe, parse } = require('./frames.js');

/** What arrives, in order, to be awaited one by one. Nothing that arrives is ever missed. */
class Inbox {
  #arrived = [];
  #waiting = [];
  #closed = null;

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(item);
    else waiting.resolve(item);
  }

  /** Nothing more will come: whoever waits is told, rather than left hanging. */
  close(reason) {
    this.#closed ??= new Error(reason);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }

  next() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    if (this.#closed !== null) return Promise.reject(this.#closed);
    return bounded('a message', new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    }));
  }

  async take(count) {
    const items = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }

  /** All that came and nobody took. */
  get left() {
    return this.#arrived;
  }
}

/** Reads `socket` with WS.receive: an inbox of `{ payload, isBinary }`. */
function messages(socket) {
  const inbox = new Inbox();
  socket.on('data', (chunk) => {
    WS.receive(socket, chunk, (payload, isBinary) => inbox.push({ payload, isBinary }));
  });
  socket.on('close', () => inbox.close('the socket is closed'));
  return inbox;
}

/** Reads `socket` without the library: an inbox of frames in the words of the shared vectors. */
function frames(socket) {
  const inbox = new Inbox();
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const parsed = parse(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
    rest = parsed.rest;
    for (const one of parsed.frames) inbox.push(describe(one));
  });
  socket.on('end', () => inbox.push('end'));
  socket.on('close', () => inbox.close('the socket is closed'));
  return inbox;
}

module.exports = { Inbox, messages, frames };
