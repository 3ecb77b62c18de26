'use strict';

// The clients of scale-server.js, which forks this: plain sockets, so that thousands of them are light.
// It is told `{ port, count, payload }`, says `{ received }` when every one of them has got that payload
// once, and `{ closed }` when every one of them was closed with 1001. At 'end' it lets go of its parent:
// the other way round, Node 26 keeps the parent alive until the time limit that it has given.

const assert = require('node:assert/strict');
const net = require('node:net');
const { OP, parse, peerOf } = require('../support/frames.js');
const { requestHead, requestHeaders } = require('../support/handshake.js');
const { HOST } = require('../support/sockets.js');

/** Connections that are being opened at the same time: fewer than a listener lets wait. */
const AT_ONCE = 200;

const REQUEST = Buffer.from(requestHead(requestHeaders()));
const PONG = peerOf('server').pong('');
const CLOSE = peerOf('server').close(1001);

/** The round that is under way: `{ port, count, payload, started, received, closed }`. */
let round = null;

process.on('message', (order) => {
  if (order === 'end') {
    process.disconnect();
    return;
  }
  round = { ...order, started: 0, received: 0, closed: 0 };
  while (round.started < Math.min(AT_ONCE, round.count)) start();
});

function start() {
  round.started++;
  const socket = net.connect(round.port, HOST);
  socket.rest = null;
  socket.code = 0;
  socket.write(REQUEST);
  socket.on('data', socketOnData);
  socket.on('close', socketOnClose);
}

function socketOnData(chunk) {
  if (this.rest === null) {
    // The head is short, and comes in one piece.
    const end = chunk.indexOf('\r\n\r\n');
    assert.match(chunk.toString('latin1', 0, end), /^HTTP\/1\.1 101 /);
    chunk = chunk.subarray(end + 4);
    this.rest = Buffer.alloc(0);
    if (round.started < round.count) start();
  }
  const { frames, rest } = parse(this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]));
  this.rest = rest;
  for (const frame of frames) take(this, frame);
}

function take(socket, { opcode, payload }) {
  switch (opcode) {
    case OP.PING:
      socket.write(PONG);
      return;
    case OP.BINARY:
      assert.equal(payload.latin1Slice(), round.payload);
      if (++round.received === round.count) process.send({ received: round.received });
      return;
    case OP.CLOSE:
      socket.code = payload.readUInt16BE();
      socket.end(CLOSE);
      return;
    default:
      assert.fail(`opcode ${opcode}`);
  }
}

function socketOnClose() {
  assert.equal(this.code, 1001);
  if (++round.closed === round.count) process.send({ closed: round.closed });
}
