'use strict';

// What is compressed on libuv's threads, several messages at a time; ThreadSanitizer watches this file.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { join } = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { WS } = require('../index.js');
const { attempt } = require('./support/clients.js');
const { json } = require('./support/deflate.js');
const { serve } = require('./support/listening.js');
const { HOST } = require('./support/sockets.js');

const CONNECTIONS = 3;
const LONG = [json(300_000), json(200_000)];

const SETTINGS = {
  'no contexts': { serverNoContextTakeover: true, clientNoContextTakeover: true },
  'contexts': { serverNoContextTakeover: false, clientNoContextTakeover: false }
};

for (const [name, perMessageDeflate] of Object.entries(SETTINGS)) {
  test(`long messages on several connections at once, with ${name}`, { timeout: 60_000 }, async (t) => {
    const options = { perMessageDeflate };
    const server = await serve(t, 'own', {
      message: (socket, payload) => { WS.send(socket, payload, { binary: false }); }
    }, options);
    const url = `ws://${HOST}:${server.address().port}/`;
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => attempt(url, options)));
    await Promise.all(clients.map(async ({ socket, inbox }) => {
      for (const text of LONG) WS.send(socket, text);
      const got = await inbox.take(LONG.length);
      assert.deepEqual(got.map(({ payload }) => payload.toString()), LONG);
      socket.destroy();
    }));
  });
}

test('a worker that is terminated in the middle of it', async () => {
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(join(__dirname, 'children/deflate-worker.js'));
    await once(worker, 'message');
    await worker.terminate();
  }
});
