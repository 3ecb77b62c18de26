'use strict';

// How many pages of fresh memory a large message costs the server. One of 1 MiB fills 256 pages: where
// the allocator hands what V8 frees back to the kernel, each message pays for all of them.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { peerOf } = require('../test-js/support/frames.js');
const { GateServer, receiveBytes } = require('./peer.js');

const SIZE = 1024 * 1024;
const TEXT = peerOf('server').text('x'.repeat(SIZE));
const ECHO_SIZE = SIZE + 10;

const CONNECTIONS = 2;
/** Messages before the count: V8 frees the first after some 8 MiB, and glibc's heap has its size then. */
const BEFORE = 200;
/**
 * So many that the heap may grow once more, from 8 to 32 MiB, which is 6 for each of them: a collection that took
 * long has the next come later.
 */
const MESSAGES = 1000;

const BOUNDS = { receive: 12, stream: 12, reactor: 12 };

const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined;

for (const [kind, most] of Object.entries(BOUNDS)) {
  test(`${kind}: page faults of a message of 1 MiB`, { skip: !isGlibc && 'it is about glibc' }, async (t) => {
    const server = await GateServer.start(kind);
    const sockets = [];
    try {
      for (let at = 0; at < CONNECTIONS; at++) sockets.push(await server.connect());
      await echoes(sockets, BEFORE);
      const before = await server.order('faults');
      await echoes(sockets, MESSAGES);
      const each = Math.round((await server.order('faults') - before) / MESSAGES);
      t.diagnostic(`${each} page faults`);
      assert.ok(each <= most, `${each} page faults, at most ${most} are allowed`);
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.stop();
    }
  });
}

/** So many messages, one in flight on each connection. */
function echoes(sockets, count) {
  return Promise.all(sockets.map(async (socket) => {
    for (let sent = 0; sent < count / CONNECTIONS; sent++) {
      socket.write(TEXT);
      await receiveBytes(socket, ECHO_SIZE);
    }
  }));
}
