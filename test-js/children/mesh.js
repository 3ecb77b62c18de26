'use strict';

// One of two processes that are server and client of each other. Over both connections it sends
// 10,000 numbered messages, with pings between, while it checks that it gets all of the other's in
// order. It tells its port, is told the other's, and reports.

const net = require('node:net');
const { once } = require('node:events');
const { WS } = require('../../index.js');
const { openAsClient, readHead } = require('../support/handshake.js');
const { connect, listen } = require('../support/sockets.js');

const COUNT = 10_000;

main();

async function main() {
  const listener = net.createServer();
  process.send({ port: await listen(listener) });
  const accepted = once(listener, 'connection').then(([socket]) => accept(socket));
  const [{ port }] = await once(process, 'message');
  const [server, client] = await Promise.all([accepted, connect(port).then(open)]);

  const [acceptedCount, openedCount] = await Promise.all([server, client].map(async (socket) => {
    const received = receiveAll(socket);
    await sendAll(socket);
    return received;
  }));
  // The pong comes behind all that was sent before it.
  const pongs = [server, client].every((socket) => WS.info(socket).latency !== null);
  process.send({ received: { accepted: acceptedCount, opened: openedCount }, pongs });

  WS.close(client, 1000);
  listener.close();
  await once(listener, 'close');
  process.disconnect();
}

async function accept(socket) {
  const { headers } = await readHead(socket);
  WS.upgrade(socket, headers);
  return socket;
}

async function open(socket) {
  await openAsClient(socket);
  return socket;
}

function receiveAll(socket) {
  return new Promise((resolve, reject) => {
    let expected = 0;
    socket.on('error', reject).on('data', (chunk) => WS.receive(socket, chunk, (payload) => {
      const number = Number.parseInt(payload.toString(), 10);
      if (number !== expected++) reject(new Error(`${number} instead of ${expected - 1}`));
      if (expected === COUNT) resolve(expected);
    }));
  });
}

async function sendAll(socket) {
  for (let at = 0; at < COUNT; at++) {
    if (at % 100 === 0) WS.ping(socket, `${at}`);
    const room = WS.send(socket, `${at} ${'.'.repeat(at % 200)}`);
    if (!room) await once(socket, 'drain');
    else if (at % 50 === 0) await new Promise(setImmediate);
  }
}
