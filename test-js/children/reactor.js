'use strict';

// `reactor.js <case>`: a process that ends, or is stopped, while the reactor reads its sockets. What it
// prints and how it ends tells.

const assert = require('node:assert/strict');
const cluster = require('node:cluster');
const fs = require('node:fs');
const { once } = require('node:events');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { WS } = require('../../index.js');
const { openPair } = require('../support/sockets.js');

const HOST = '127.0.0.1';
const CLIENTS = 5;

if (isMainThread) CASES()[process.argv[2]](...process.argv.slice(3));
else work(workerData);

function CASES() {
  return {
    client, unref, refAgain, exit, uncaught, workers, cluster: inCluster, descriptors, refused
  };
}

/** Echoes on a port of its own, and clients of it that never stop talking. */
async function traffic(onMessage = () => {}) {
  const server = WS.listen({ port: 0, host: HOST }, {
    message(socket, payload, isBinary) {
      assert.equal(WS.info(socket).transport, 'reactor');
      WS.send(socket, payload, { binary: isBinary });
    }
  });
  await once(server, 'listening');
  let count = 0;
  const clients = Array.from({ length: CLIENTS }, (_, number) => connect(server.address().port, {
    open: (socket) => WS.send(socket, Buffer.alloc(number * 30_000)),
    message(socket, payload) {
      WS.send(socket, payload);
      onMessage(++count);
    }
  }));
  return { server, clients };
}

function connect(port, handlers) {
  return WS.connect(`ws://${HOST}:${port}/`, handlers);
}

/** A client alone keeps the process alive, until its connection is closed. */
function client(port) {
  connect(port, {
    message(socket, payload) {
      console.log(WS.info(socket).transport, String(payload));
      if (String(payload) === 'bye') WS.close(socket, 1000);
    }
  });
}

/** One that is unref'd does not. */
function unref(port) {
  connect(port, {
    open(socket) {
      setImmediate(() => {
        console.log(WS.info(socket).transport);
        socket.unref();
      });
    }
  });
}

/** One that was, and is no more, does. */
function refAgain(port) {
  connect(port, {
    open(socket) {
      // Before the reactor has it, and after.
      socket.unref();
      setImmediate(() => socket.ref());
    },
    message(socket, payload) {
      console.log(WS.info(socket).transport, String(payload));
      if (String(payload) === 'bye') socket.unref();
      else socket.unref().ref();
    }
  });
}

/** Ends in a handler, in the middle of a batch. */
function exit() {
  traffic((count) => {
    if (count === 200) process.exit(7);
  });
}

/** The same by an exception that nobody takes. */
function uncaught() {
  traffic((count) => {
    if (count === 200) throw new Error('in mid-traffic');
  });
}

async function workers(how, rounds) {
  const own = await traffic();
  for (let round = 0; round < Number(rounds); round++) {
    const threads = [0, 1].map((number) => new Worker(__filename, { workerData: { how, number } }));
    const exits = threads.map((thread) => once(thread, 'exit'));
    await Promise.all(threads.map((thread) => once(thread, 'message')));
    if (how === 'terminate') await Promise.all(threads.map((thread) => thread.terminate()));
    const codes = await Promise.all(exits);
    if (how === 'exit') assert.deepEqual(codes, [[3], [3]]);
  }
  await WS.shutdown(own.server);
  console.log('done');
}

/** What a worker does until it is stopped. */
async function work({ how, number }) {
  // Not all are stopped at the same point.
  const enough = 20 + 37 * number;
  await traffic((count) => {
    if (count === enough) parentPort.postMessage('under way');
    if (how === 'exit' && count === enough + 50) process.exit(3);
  });
}

/** Two workers share a port; each of them echoes by a reactor of its own. */
async function inCluster() {
  if (cluster.isWorker) {
    await once(WS.listen({ port: 0, host: HOST }, {
      message: (socket) => WS.send(socket, `${cluster.worker.id} ${WS.info(socket).transport}`)
    }), 'listening');
    return;
  }
  cluster.setupPrimary({ args: ['cluster'] });
  const forks = [cluster.fork(), cluster.fork()];
  const ports = await Promise.all(forks.map(async (fork) => (await once(fork, 'listening'))[0].port));
  const answers = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve) => {
    connect(ports[0], {
      open: (socket) => WS.send(socket, 'who?'),
      message(socket, payload) {
        resolve(String(payload));
        WS.close(socket, 1000);
      }
    });
  })));
  console.log([...new Set(answers)].sort().join());
  for (const fork of forks) fork.disconnect();
}

/** Where there is no descriptor to start with, the stream does it; later sockets are read as ever. */
async function descriptors() {
  const pairs = [await openPair('net'), await openPair('net')];
  const taken = [];
  try {
    for (;;) taken.push(fs.openSync('/dev/null'));
  } catch ({ code }) {
    assert.equal(code, 'EMFILE');
  }
  console.log(await echo(pairs[0]));
  for (const descriptor of taken) fs.closeSync(descriptor);
  console.log(await echo(pairs[1]));
  for (const { release } of pairs) await release();
}

/** Where libuv does not take the reactor's handle, the stream does it, and libuv is asked no more. */
async function refused() {
  const codec = require('../../lib/codec.js');
  let asked = 0;
  codec.start = () => {
    asked++;
    return -1;
  };
  for (let count = 0; count < 3; count++) {
    const pair = await openPair('net');
    console.log(await echo(pair));
    await pair.release();
  }
  console.log(`asked ${asked}`);
}

function echo({ server, client: far }) {
  return new Promise((resolve) => {
    WS.attach(server, { message: (socket, payload) => resolve(`${WS.info(socket).transport} ${payload}`) });
    WS.send(far, 'a');
  });
}
