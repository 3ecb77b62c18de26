'use strict';

// Every way to a connection that the library reads: one end of ours, the far one a bare socket.

const { describe, test } = require('node:test');
const { WS } = require('../../index.js');
const { keeper } = require('./attached.js');
const clients = require('./clients.js');
const { peerOf } = require('./frames.js');
const { openAsClient } = require('./handshake.js');
const { Inbox } = require('./inbox.js');
const { dial, serve } = require('./listening.js');
const { connected } = require('./sockets.js');

/** The role of our end, and how it comes to its connection: `{ socket, far }`. */
const WAYS = {
  'listen': ['server', (t, handlers, options) => listening(t, handlers, options)],
  'upgrade\'s answer': ['server', (t, handlers, options) => (
    listening(t, { ...handlers, upgrade: () => ({ ...options, data: 'data' }) }, undefined)
  )],
  'connect': ['client', async (t, handlers, options) => {
    const { url, sockets } = await clients.serve(t, accept);
    const socket = await new Promise((resolve) => {
      WS.connect(url, { ...handlers, open: opener(handlers, resolve) }, options);
    });
    t.after(() => socket.destroy());
    return { socket, far: [...sockets][0] };
  }],
  'attach, a server': ['server', (t, handlers, options) => attached(t, 'server', 'client', handlers, options)],
  'attach, a client': ['client', (t, handlers, options) => attached(t, 'client', 'server', handlers, options)]
};

/** What is offered is agreed to. */
function accept(head) {
  const isOffered = head.headers['sec-websocket-extensions'] !== undefined;
  return clients.accepting(head, ...(isOffered ? ['Sec-WebSocket-Extensions: permessage-deflate'] : []));
}

async function listening(t, handlers, options) {
  let open;
  const opened = new Promise((resolve) => { open = opener(handlers, resolve); });
  const server = await serve(t, 'own', { ...handlers, open }, options);
  const far = await dial(server);
  t.after(() => far.destroy());
  await openAsClient(far, { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' });
  return { socket: await opened, far };
}

async function attached(t, own, other, handlers, options) {
  const sockets = await connected(t, 'net');
  WS.attach(sockets[own], handlers, options);
  return { socket: sockets[own], far: sockets[other] };
}

function opener(handlers, resolve) {
  return (socket, ...rest) => {
    handlers.open?.(socket, ...rest);
    resolve(socket);
  };
}

/** A test of `name` by every way; its body gets our end, the bare far end, and what builds frames for us. */
function everyWay(name, options, body, timeout = 30_000) {
  describe(name, () => {
    for (const [way, [role, connectBy]] of Object.entries(WAYS)) {
      test(way, { timeout }, async (t) => {
        const { handlers, inbox, closed } = keeper();
        // What a test asks for goes through; all else is kept.
        const calls = Object.fromEntries(['open', 'ping', 'pong', 'drain'].map((call) => {
          const arrived = new Inbox();
          handlers[call] = (...args) => arrived.push(args);
          return [call, arrived];
        }));
        const ends = await connectBy(t, handlers, options);
        // It reads, so that it sees our FIN and answers it.
        ends.far.resume();
        await body({ ...ends, way, role, peer: peerOf(role), inbox, closed, calls });
      });
    }
  });
}

module.exports = { everyWay };
