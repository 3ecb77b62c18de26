'use strict';

// Other WebSocket libraries, and this one, behind one small shape, so that each can be set against
// each. An end is `{ inbox, send, ping, close, closed, destroy }`: `inbox` holds the messages as
// `{ payload, isBinary }`; `ping` resolves when its pong has come, and is null where a library has
// none; `closed` resolves with the code and the reason of the close.

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const websocketDriver = require('websocket-driver');
const { WebSocket: UndiciSocket } = require('undici');
const ws = require('ws');
const { WS } = require('../../index.js');
const { openAsClient } = require('./handshake.js');
const { Inbox } = require('./inbox.js');
const { HOST, connect, listen } = require('./sockets.js');

/** Above the largest message that is sent, and below what all of them take. */
const MAX_PAYLOAD = 100 << 20;

/** Each takes an http 'upgrade' event and gives an end. */
const SERVERS = { 'ws13-native': ownServer, 'ws': wsServer, 'websocket-driver': driverServer };

/** Each takes a port and gives a promise of an open end. */
const CLIENTS = { 'ws13-native': ownClient, 'ws': wsClient, 'websocket-driver': driverClient, 'undici': undiciClient };

/** Ends of two libraries that are connected to each other, and their release. */
async function meet(serverName, clientName) {
  const listener = http.createServer();
  const accepted = once(listener, 'upgrade').then((event) => SERVERS[serverName](...event));
  const [server, client] = await Promise.all([accepted, listen(listener).then(CLIENTS[clientName])]);
  const release = async () => {
    client.destroy();
    server.destroy();
    await new Promise((resolve) => { listener.close(resolve); });
  };
  return { server, client, release };
}

function ownServer(request, socket, head) {
  WS.upgrade(socket, request.headers);
  return own(socket, head);
}

async function ownClient(port) {
  const socket = await connect(port);
  await openAsClient(socket);
  return own(socket);
}

function own(socket, head = Buffer.alloc(0)) {
  const inbox = new Inbox();
  const take = (chunk) => WS.receive(socket, chunk, (payload, isBinary) => inbox.push({ payload, isBinary }));
  take(head);
  socket.on('data', take).on('error', () => {}).on('close', () => inbox.close('closed'));
  return {
    inbox,
    send: (payload) => WS.send(socket, payload),
    // That the first ping of a connection was answered is known by its latency alone.
    ping: async (payload) => {
      WS.ping(socket, payload);
      while (WS.info(socket).latency === null) await once(socket, 'data');
    },
    close: (code, reason) => WS.close(socket, code, reason),
    closed: once(socket, 'close').then(() => {
      const { closeCode, closeReason } = WS.info(socket);
      return [closeCode, closeReason];
    }),
    destroy: () => socket.destroy()
  };
}

function wsServer(request, socket, head) {
  const server = new ws.WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD });
  return new Promise((resolve) => {
    server.handleUpgrade(request, socket, head, (end) => resolve(wsEnd(end)));
  });
}

async function wsClient(port) {
  const end = new ws.WebSocket(`ws://${HOST}:${port}`, { maxPayload: MAX_PAYLOAD });
  const wrapped = wsEnd(end);
  await once(end, 'open');
  return wrapped;
}

function wsEnd(end) {
  const inbox = new Inbox();
  end.on('message', (payload, isBinary) => inbox.push({ payload, isBinary }));
  end.on('close', () => inbox.close('closed'));
  return {
    inbox,
    send: (payload) => end.send(payload),
    ping: async (payload) => {
      end.ping(payload);
      const [answer] = await once(end, 'pong');
      assert.equal(answer.toString(), payload);
    },
    close: (code, reason) => end.close(code, reason),
    closed: once(end, 'close').then(([code, reason]) => [code, reason.toString()]),
    destroy: () => end.terminate()
  };
}

function driverServer(request, socket, head) {
  const driver = websocketDriver.http(request, { maxLength: MAX_PAYLOAD });
  driver.io.write(head);
  socket.pipe(driver.io).pipe(socket);
  const end = driverEnd(driver, socket);
  driver.start();
  return end;
}

async function driverClient(port) {
  const driver = websocketDriver.client(`ws://${HOST}:${port}/`, { maxLength: MAX_PAYLOAD });
  const socket = await connect(port);
  socket.pipe(driver.io).pipe(socket);
  const end = driverEnd(driver, socket);
  const opened = new Promise((resolve) => { driver.on('open', resolve); });
  driver.start();
  await opened;
  return end;
}

function driverEnd(driver, socket) {
  const inbox = new Inbox();
  socket.on('error', () => {}).on('close', () => inbox.close('closed'));
  driver.on('message', ({ data }) => {
    inbox.push({ payload: Buffer.from(data), isBinary: typeof data !== 'string' });
  });
  const closed = new Promise((resolve) => {
    driver.on('close', ({ code, reason }) => { inbox.close('closed'); resolve([code, reason]); });
  });
  return {
    inbox,
    send: (payload) => (typeof payload === 'string' ? driver.text(payload) : driver.binary(payload)),
    ping: (payload) => new Promise((resolve) => { driver.ping(payload, resolve); }),
    close: (code, reason) => driver.close(reason ?? '', code),
    closed,
    destroy: () => socket.destroy()
  };
}

async function undiciClient(port) {
  const end = new UndiciSocket(`ws://${HOST}:${port}`);
  end.binaryType = 'arraybuffer';
  const inbox = new Inbox();
  const closed = new Promise((resolve) => {
    end.addEventListener('close', ({ code, reason }) => { inbox.close('closed'); resolve([code, reason]); });
  });
  end.addEventListener('message', ({ data }) => {
    inbox.push({ payload: Buffer.from(data), isBinary: typeof data !== 'string' });
  });
  await new Promise((resolve, reject) => {
    end.addEventListener('open', resolve);
    end.addEventListener('error', reject);
  });
  return {
    inbox,
    send: (payload) => end.send(payload),
    ping: null, // a browser's WebSocket has none
    close: (code, reason) => end.close(code, reason),
    closed,
    destroy: () => end.close()
  };
}

module.exports = { SERVERS, CLIENTS, meet };
