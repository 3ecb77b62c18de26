'use strict';

// One echo over a real connection and a closing handshake; after that nothing keeps the process alive.

const { WS } = require('../../index.js');
const { openPair } = require('../support/sockets.js');

main();

async function main() {
  const { server, client, release } = await openPair('net');
  server.on('data', (chunk) => WS.receive(server, chunk, (payload) => WS.send(server, payload.toString())));
  client.on('data', (chunk) => WS.receive(client, chunk, (payload) => {
    console.log(`echo: ${payload}`);
    WS.close(client, 1000);
  }));
  client.on('close', release);
  WS.send(client, 'hello');
}
