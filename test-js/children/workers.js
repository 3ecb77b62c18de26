'use strict';

// Worker threads that echo over sockets of their own. `workers.js finish` lets them end by
// themselves; `workers.js terminate` stops each in the middle of its traffic. The exit code tells.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { WS } = require('../../index.js');
const { openPair } = require('../support/sockets.js');
const { messages } = require('../support/inbox.js');

const ROUNDS = { finish: 4, terminate: 12 };

if (isMainThread) main(process.argv[2]);
else work(workerData);

async function main(how) {
  // The addon is in use here as well, before, while and after the workers use it.
  const pair = await echoing();
  for (let round = 0; round < ROUNDS[how]; round++) {
    const workers = [how, how].map((workerData) => new Worker(__filename, { workerData }));
    const exits = Promise.all(workers.map((worker) => once(worker, 'exit')));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await exchange(pair, 100);
    if (how === 'terminate') await Promise.all(workers.map((worker) => worker.terminate()));
    else assert.deepEqual(await exits, [[0], [0]]);
  }
  await exchange(pair, 100);
  await pair.release();
  console.log('done');
}

async function work(how) {
  const pair = await echoing();
  await exchange(pair, 200);
  parentPort.postMessage('under way');
  if (how === 'terminate') for (;;) await exchange(pair, 200);
  await exchange(pair, 1000);
  await pair.release();
}

/** A pair whose server's end echoes, and the inbox of its client's end. */
async function echoing() {
  const { server, client, release } = await openPair('net');
  server.on('data', (chunk) => WS.receive(server, chunk, (payload) => WS.send(server, payload)));
  return { client, inbox: messages(client), release };
}

async function exchange({ client, inbox }, count) {
  for (let at = 0; at < count; at++) WS.send(client, Buffer.alloc(at * 10, at));
  const got = await inbox.take(count);
  got.forEach(({ payload }, at) => assert.deepEqual(payload, Buffer.alloc(at * 10, at)));
}
