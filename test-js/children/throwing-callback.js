'use strict';

// Three sends that leave in one write, the second with a callback that throws. A process of its own,
// since node:test takes uncaught exceptions for its own.

const { WS } = require('../../index.js');
const { openPair } = require('../support/sockets.js');

process.on('uncaughtException', ({ message }) => console.log(`uncaught: ${message}`));

main();

async function main() {
  const { server, client, release } = await openPair('net');
  let received = 0;
  server.resume();
  client.on('data', (chunk) => WS.receive(client, chunk, () => { received++; }));
  client.on('close', async () => {
    console.log(`received: ${received}`);
    await release();
  });
  // The first frame of a tick is written at once, the others together.
  WS.send(server, 'alone');
  WS.send(server, 'one', () => console.log('first'));
  WS.send(server, 'two', () => {
    throw new Error('second');
  });
  WS.send(server, 'three', () => console.log('third'));
  WS.close(server);
}
