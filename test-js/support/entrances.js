'use strict';

// Every way to a connection whose socket the library reads, each against a peer without a line of it.

const net = require('node:net');
const { once } = require('node:events');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('../../index.js');
const { accepting } = require('./clients.js');
const { readHead, requestHead, requestHeaders } = require('./handshake.js');
const { HOST, listen } = require('./sockets.js');

/** By name: our role, and what makes a place where connections are opened. */
const ENTRANCES = {
  'listen': { role: 'server', place: listening },
  'connect': { role: 'client', place: connecting },
  'attach, server': { role: 'server', place: (handlers, options) => attaching('server', handlers, options) },
  'attach, client': { role: 'client', place: (handlers, options) => attaching('client', handlers, options) }
};

// A place is `{ open, close }`: `open()` resolves with `{ ours, peer }`, both sockets, or null for
// `ours` where an `upgrade` handler has refused; `close()` resolves when nothing is left of it.

async function listening(handlers, options) {
  const server = WS.listen({ port: 0, host: HOST }, handlers, options);
  await once(server, 'listening');
  return {
    async open() {
      const [[ours], peer] = await Promise.all([once(server, 'connection'), dial(server)]);
      peer.write(requestHead(requestHeaders()));
      const status = await answered(peer);
      return { ours: status === 101 ? ours : null, peer, status };
    },
    close: () => closed(server)
  };
}

async function connecting(handlers, options) {
  const server = net.createServer();
  const port = await listen(server);
  return {
    async open() {
      const ours = WS.connect(`ws://${HOST}:${port}/`, handlers, options);
      const [peer] = await once(server, 'connection');
      peer.setNoDelay(true).on('error', () => {});
      peer.write(accepting(await readHead(peer)));
      while (WS.info(ours).state === 'connecting') await turn();
      return { ours, peer };
    },
    close: () => closed(server)
  };
}

async function attaching(role, handlers, options) {
  const server = net.createServer();
  await listen(server);
  return {
    async open() {
      const [[end], peer] = await Promise.all([once(server, 'connection'), dial(server)]);
      // What is attached is the end that was accepted, in either role.
      end._is_server = role === 'server';
      end._is_client = role === 'client';
      return { ours: WS.attach(end, handlers, options), peer };
    },
    close: () => closed(server)
  };
}

async function dial(server) {
  const socket = net.connect(server.address().port, HOST);
  socket.setNoDelay(true).on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The status of the answer; what follows its head stays unread. */
async function answered(peer) {
  try {
    const { status } = await readHead(peer);
    return status;
  } catch {
    return 0;
  }
}

function closed(server) {
  return new Promise((resolve) => { server.close(resolve); });
}

module.exports = { ENTRANCES };
