'use strict';

// The other side of a gate's server: the process, and raw sockets to it.

const net = require('node:net');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { createInterface } = require('node:readline');
const { requestHead, requestHeaders } = require('../test-js/support/handshake.js');
const { bounded } = require('../test-js/support/bounded.js');

const HOST = '127.0.0.1';
const REQUEST = requestHead(requestHeaders());

/** A gate's server: one of server.js's kinds, started by `command` before Node's own. */
class GateServer {
  static async start(kind, { flags = [], command = [] } = {}) {
    const gate = new GateServer();
    const [program, ...args] = [...command, process.execPath, ...flags, join(__dirname, 'server.js'), kind];
    gate.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    gate.closed = once(gate.child, 'close');
    gate.lines = createInterface({ input: gate.child.stdout })[Symbol.asyncIterator]();
    gate.port = await gate.answer();
    return gate;
  }

  order(...order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    return this.answer();
  }

  async answer() {
    const { value, done } = await bounded('an answer of the server', this.lines.next());
    if (done) throw new Error('the server has ended');
    return JSON.parse(value);
  }

  /** Ends it, and waits until it has. */
  stop() {
    this.child.stdin.end();
    return bounded('the end of the server', this.closed);
  }

  /** A socket whose handshake is done, with `bytes` counted from there on. */
  async connect() {
    const socket = net.connect(this.port, HOST);
    socket.setNoDelay(true);
    socket.write(REQUEST);
    const [answer] = await bounded('a handshake', once(socket, 'data'));
    if (!answer.latin1Slice().startsWith('HTTP/1.1 101 ')) throw new Error(answer.latin1Slice());
    socket.received = 0;
    socket.wanted = Infinity;
    socket.on('data', (chunk) => {
      socket.received += chunk.length;
      if (socket.received >= socket.wanted) socket.emit('wanted');
    });
    return socket;
  }
}

/** Waits until a socket has got `count` bytes more. */
async function receiveBytes(socket, count) {
  socket.wanted = socket.received + count;
  await bounded(`${count} bytes`, once(socket, 'wanted'));
}

module.exports = { GateServer, receiveBytes };
