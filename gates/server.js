'use strict';

// The servers that the gates measure, in a process of its own that ends with its input. Each line of
// its input is an order, and is answered with a line.

const fs = require('node:fs');
const http = require('node:http');
const { createInterface } = require('node:readline');
const { WS } = require('..');

/** Written to nowhere before and after what is measured, so that a trace shows where that is. */
const MARK = 'gate-mark';
const nowhere = fs.openSync('/dev/null', 'w');

const TEXT = { binary: false };
const sockets = new Set();

const handlers = {
  open(socket) {
    sockets.add(socket);
  },
  message(socket, payload) {
    WS.send(socket, payload, TEXT);
  },
  close(socket) {
    sockets.delete(socket);
  }
};

const servers = {
  stream: () => WS.listen({ port: 0, host: '127.0.0.1' }, handlers, { transport: 'stream' }),
  reactor: () => WS.listen({ port: 0, host: '127.0.0.1' }, handlers),
  receive() {
    const server = http.createServer();
    server.on('upgrade', (request, socket) => {
      if (!WS.upgrade(socket, request.headers)) return;
      handlers.open(socket);
      const echo = (payload) => handlers.message(socket, payload);
      socket.on('data', (chunk) => WS.receive(socket, chunk, echo));
      socket.on('close', () => handlers.close(socket));
      socket.on('error', () => {});
    });
    return server.listen(0, '127.0.0.1');
  }
};

const orders = {
  mark: () => 'marked',
  /** Pages that the process had to be given for the first time, or anew. */
  faults: () => process.resourceUsage().minorPageFault,
  /** `count` messages of 64 bytes to each socket, in each of `ticks` ticks. */
  push: (count, ticks) => inTicks(ticks, () => {
    for (const socket of sockets) {
      for (let sent = 0; sent < count; sent++) WS.send(socket, PUSHED);
    }
  }),
  /** One message of 1 KiB to all sockets, in each of `ticks` ticks. */
  broadcast: (ticks) => inTicks(ticks, () => WS.broadcast(sockets, BROADCAST)),
  /** What the process holds, in bytes, once there are `count` sockets. */
  async memory(count) {
    while (sockets.size !== count) await turn();
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  }
};

const PUSHED = Buffer.alloc(64, 'p');
const BROADCAST = Buffer.alloc(1024, 'b');

async function inTicks(ticks, send) {
  mark();
  for (let tick = 0; tick < ticks; tick++) {
    send();
    await turn();
  }
  mark();
  return 'sent';
}

function turn() {
  return new Promise((resolve) => { setImmediate(resolve); });
}

function mark() {
  fs.writeSync(nowhere, MARK);
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const server = servers[process.argv[2]]();
server.on('listening', () => say(server.address().port));

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [name, ...args] = JSON.parse(line);
    if (name === 'mark') mark();
    say(await orders[name](...args));
  })
  .on('close', () => process.exit(0));
