// A tab's two connections to the demo's server: the chat, and the viewer that shows its frames.

const CHAT_PROTOCOL = 'me-want-cookies';
const VIEWER_PROTOCOL = 'me-want-frames';

/**
 * `handlers`: `state(name)` with closed, connecting, open or closing; `message(data)` with a string
 * or an ArrayBuffer; `closed({ code, reason, wasClean })`; and for what the viewer says
 * `frames({ direction, time, frames })` (hex), `missed(count)`, `pong(milliseconds)`, `problem(text)`,
 * and `viewerClosed()` when it is lost while the chat is open.
 */
export class Tab {
  #url;
  #handlers;
  #chat = null;
  #viewer = null;

  constructor(handlers) {
    this.#handlers = handlers;
    // Without crypto.randomUUID, which plain http allows on localhost alone.
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
    this.#url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/?tab=${id.join('')}`;
  }

  /** Opens the viewer, then the chat: so no frame goes unseen. */
  async connect() {
    this.#handlers.state('connecting');
    try {
      await this.#openViewer();
    } catch {
      this.#handlers.state('closed');
      this.#handlers.problem('The server does not answer. Is it running?');
      return;
    }
    this.#openChat();
  }

  /** The subprotocol of the chat that the server chose. */
  get protocol() {
    return this.#chat.protocol;
  }

  /** A string as a text frame, bytes as a binary one. */
  send(data) {
    this.#chat.send(data);
  }

  /** Throws where a page may not use the code or the reason. */
  close(code, reason) {
    this.#chat.close(code, reason);
    this.#handlers.state('closing');
  }

  /** Has the server ping this tab: pages cannot. */
  askPing() {
    this.#ask({ type: 'ping' });
  }

  /** Has the server start the close handshake. */
  askClose(code, reason) {
    this.#ask({ type: 'close', code, reason });
  }

  #ask(request) {
    if (this.#viewer.readyState === WebSocket.OPEN) this.#viewer.send(JSON.stringify(request));
    else this.#handlers.problem('The viewer channel is closed. Connect again.');
  }

  #openChat() {
    const chat = new WebSocket(this.#url, [CHAT_PROTOCOL]);
    chat.binaryType = 'arraybuffer';
    chat.onopen = () => this.#handlers.state('open');
    chat.onmessage = ({ data }) => this.#handlers.message(data);
    chat.onclose = (event) => {
      this.#handlers.state('closed');
      this.#handlers.closed(event);
    };
    this.#chat = chat;
  }

  #openViewer() {
    if (this.#viewer?.readyState === WebSocket.OPEN) return Promise.resolve();
    const viewer = new WebSocket(this.#url, [VIEWER_PROTOCOL]);
    viewer.onmessage = ({ data }) => this.#viewerOnMessage(JSON.parse(data));
    this.#viewer = viewer;
    return new Promise((resolve, reject) => {
      viewer.onopen = resolve;
      viewer.onclose = () => {
        reject(new Error('no viewer'));
        if (this.#chat?.readyState === WebSocket.OPEN) this.#handlers.viewerClosed();
      };
    });
  }

  #viewerOnMessage(message) {
    switch (message.type) {
      case 'frames':
        this.#handlers.frames(message);
        break;
      case 'missed':
        this.#handlers.missed(message.count);
        break;
      case 'pong':
        this.#handlers.pong(message.milliseconds);
        break;
      case 'refused':
        this.#handlers.problem(message.message);
        break;
    }
  }
}
