// Who is connected: the chat's members, and beside a browser tab's chat connection its viewer,
// which shows the tab the frames of that connection. A random id in the URL pairs the two.
'use strict';

const { WS } = require('ws13-native');
const { Member } = require('./member.js');
const { Viewer } = require('./viewer.js');

/** The article's subprotocol: echo and chat. */
const CHAT_PROTOCOL = 'me-want-cookies';
/** The subprotocol of a viewer. */
const VIEWER_PROTOCOL = 'me-want-frames';

// A peer that is there answers a close frame within milliseconds. Stopping closes the chat and the
// viewers one after the other, so this is half of the time that it may take.
const CLOSE_TIMEOUT_MS = 1000;

class Chat {
  #wire;
  #members = new Set();
  // By tab id.
  #memberOf = new Map();
  #viewerOf = new Map();

  /** `wire` is the module public/frame.js, which `require` cannot load. */
  constructor(wire) {
    this.#wire = wire;
  }

  /** Takes an http 'upgrade' in; a handshake that is no good is answered with its status. */
  enter(request, socket, head) {
    const tab = tabOf(request);
    // Without an id there is nothing to view. The article's client has none, and chats.
    const protocols = tab === null ? [CHAT_PROTOCOL] : [VIEWER_PROTOCOL, CHAT_PROTOCOL];
    if (!WS.upgrade(socket, request.headers, { protocols, closeTimeout: CLOSE_TIMEOUT_MS })) {
      socket.destroySoon();
      return;
    }
    socket.setTimeout(0);
    socket.setNoDelay(true);
    // Finds peers that went without a word.
    socket.setKeepAlive(true, 30_000);
    // Frames in the same packet as the request: back into the stream, where 'data' finds them.
    if (head.length > 0) socket.unshift(head);

    if (WS.info(socket).protocol === VIEWER_PROTOCOL) this.#addViewer(socket, tab);
    else this.#addMember(socket, tab);
  }

  /** Closes all connections. The viewers come last: they show the close frames of the others. */
  async close(code, reason) {
    for (const group of [this.#members, new Set(this.#viewerOf.values())]) {
      await Promise.all([...group].map(({ socket }) => new Promise((resolve) => {
        socket.once('close', resolve);
        WS.close(socket, code, reason);
      })));
    }
  }

  #addMember(socket, tab) {
    const member = new Member(socket, this.#wire, {
      say: (payload, isBinary) => this.#members.forEach((each) => each.hear(payload, isBinary)),
      viewer: () => this.#viewerOf.get(tab)
    });
    this.#members.add(member);
    this.#memberOf.set(tab, member);
    socket.on('close', () => {
      this.#members.delete(member);
      deleteEntry(this.#memberOf, tab, member);
    });
  }

  #addViewer(socket, tab) {
    const viewer = new Viewer(socket, () => this.#memberOf.get(tab));
    this.#viewerOf.set(tab, viewer);
    socket.on('close', () => deleteEntry(this.#viewerOf, tab, viewer));
  }
}

/** The id that the page puts into its URLs: 32 hex digits, or null. */
function tabOf({ url }) {
  return /[?&]tab=([0-9a-f]{32})(?:&|$)/.exec(url)?.[1] ?? null;
}

/** A newer connection with the same key keeps its entry. */
function deleteEntry(map, key, value) {
  if (map.get(key) === value) map.delete(key);
}

module.exports = { Chat };
