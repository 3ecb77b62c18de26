'use strict';

// stream-client.js <port> <bytes>: sends one message of so many bytes from a Readable, checks what
// comes back, and tells the most memory it has had, in MiB.

const net = require('node:net');
const { attach } = require('../../lib/attach.js');
const { close } = require('../../lib/close.js');
const { send } = require('../../lib/send.js');
const { openAsClient } = require('../support/handshake.js');
const { Checker, source } = require('./pattern.js');

const [port, size] = process.argv.slice(2).map(Number);

const handlers = {
  async message(socket, incoming) {
    const checker = new Checker();
    for await (const chunk of incoming) checker.take(chunk);
    if (checker.bytes !== size) throw new Error(`${checker.bytes} bytes of ${size}`);
    close(socket, 1000);
  },
  close(socket, code) {
    console.log(`rss ${Math.ceil(process.resourceUsage().maxRSS / 1024)} code ${code}`);
  }
};

async function main() {
  const socket = net.connect(port, '127.0.0.1');
  await openAsClient(socket);
  attach(socket, handlers, { stream: true, maxPayload: 2 ** 40, maxFragments: 2 ** 31 });
  send(socket, source(size), (error) => {
    if (error) throw error;
  });
}

main();
