// A WebSocket client of a few lines that has nothing in common with the library.
import net from 'node:net';
import { FrameReader, payloadOf } from '../../demo/public/frame.js';
import { Conditions } from './conditions.mjs';
import { makeFrame } from './frames.mjs';

const KEPT_BYTES = 1024 * 1024;

export class RawClient {
  #conditions = new Conditions(() => (
    this.socket.destroyed ? `The connection closed too early, after: ${this.response}` : null
  ));

  #reader = new FrameReader(KEPT_BYTES);
  #answersClose;
  /** The HTTP response, once it is whole. */
  response = null;
  /** The frames after it. */
  frames = [];

  /**
   * Sends a handshake to 127.0.0.1 as the article's client does, without a Host header.
   * `headers` are added to it, `frames` are sent in the same packet. Close frames are answered,
   * unless the client is `silent`.
   */
  constructor(t, port, options = {}) {
    const { path = '/', protocol = 'me-want-cookies', headers = [], frames = [], silent = false } = options;
    this.#answersClose = !silent;
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.write(Buffer.concat([Buffer.from([
      `GET ${path} HTTP/1.1`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
      'Sec-WebSocket-Version: 13',
      ...headers,
      '',
      ''
    ].join('\r\n')), ...frames]));
    this.#readResponse();
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.#conditions.wake());
    t.after(() => this.socket.destroy());
  }

  /** The first line of the response. */
  async status() {
    await this.until(() => this.response !== null);
    return this.response.split('\r\n', 1)[0];
  }

  /** Sends a masked frame. */
  send(first, payload) {
    this.socket.write(makeFrame(first, payload, true));
  }

  /** Resolves when `isDone()` holds; looks after each chunk. Rejects when the connection closes before. */
  until(isDone) {
    return this.#conditions.until(isDone);
  }

  #readResponse() {
    let head = Buffer.alloc(0);
    this.socket.on('data', (chunk) => {
      if (this.response === null) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end === -1) return;
        this.response = head.toString('latin1', 0, end);
        this.#readFrames(head.subarray(end + 4));
      } else {
        this.#readFrames(chunk);
      }
      this.#conditions.wake();
    });
  }

  #readFrames(chunk) {
    for (const frame of this.#reader.push(chunk)) {
      this.frames.push(frame);
      if (frame.opcode === 8 && this.#answersClose) this.send(0x88, payloadOf(frame).subarray(0, 2));
    }
  }
}
