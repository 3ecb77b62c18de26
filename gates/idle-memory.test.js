'use strict';

// What an idle connection costs the server: no closure, timer or buffer of its own.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { GateServer } = require('./peer.js');

const CONNECTIONS = 2000;
/** Connections that are opened at the same time: fewer than a server lets wait. */
const AT_ONCE = 100;

// Bytes for each connection, Node's own socket included, which is about two thirds of them.
const BOUNDS = {
  // By the engine's own count, so it is nearly the same everywhere.
  heap: { receive: 2200, stream: 2200, reactor: 2400 },
  // Of the process, the system's and the allocator's rounding included.
  rss: { receive: 11_000, stream: 10_000, reactor: 11_000 }
};

for (const kind of ['receive', 'stream', 'reactor']) {
  test(`${kind}: ${CONNECTIONS} idle connections`, async (t) => {
    const server = await GateServer.start(kind, { flags: ['--expose-gc'] });
    const sockets = [];
    try {
      // Code and tables that the first connections bring belong to none of them.
      while (sockets.length < AT_ONCE) sockets.push(await server.connect());
      const before = await server.order('memory', sockets.length);
      while (sockets.length < AT_ONCE + CONNECTIONS) {
        sockets.push(...await Promise.all(Array.from({ length: AT_ONCE }, () => server.connect())));
      }
      const after = await server.order('memory', sockets.length);
      for (const what of ['heap', 'rss']) {
        const each = Math.round((after[what] - before[what]) / CONNECTIONS);
        t.diagnostic(`${what}: ${each} bytes for each`);
        assert.ok(each > 0 && each <= BOUNDS[what][kind], `${each} bytes, at most ${BOUNDS[what][kind]} are allowed`);
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.stop();
    }
  });
}
