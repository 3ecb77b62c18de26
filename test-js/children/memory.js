'use strict';

// One measurement of memory a process: `node --expose-gc memory.js <name> [role]` warms up, works, and
// prints by how many bytes that work has made the process grow.

const { once } = require('node:events');
const { WS } = require('../../index.js');
const { deflated } = require('../support/deflate.js');
const { peerOf } = require('../support/frames.js');
const { requestHeaders, requestHead } = require('../support/handshake.js');
const { plain, as } = require('../support/plain.js');
const { HOST, listen, connect } = require('../support/sockets.js');

const [name, role = 'server'] = process.argv.slice(2);
const peer = peerOf(role);
const OFFER = { 'sec-websocket-extensions': 'permessage-deflate' };

/**
 * Work that leaves connections behind, which it returns to keep them alive. Its warm-up is a small
 * share of it: pages that a full one had freed would hide what the measured round takes.
 */
const HELD = {
  /** 1,000 connections to each of which the largest frame is announced that it may be. */
  announced: (share) => many(1000 * share, (socket) => {
    WS.receive(socket, peer.binary('four', { form: 64, length: 100 << 20 }));
  }),

  /** The same with all but 4 GiB and a limit that permits them: it is no measure of what to allocate. */
  permitted: (share) => many(1000 * share, (socket) => {
    WS.upgrade(socket, requestHeaders(), { maxPayload: 2 ** 32 - 1 });
    as(role, socket);
    WS.receive(socket, peer.binary('four', { form: 64, length: (1n << 32n) - 1n }));
  }),

  /** 100 messages of 10,000 one-byte fragments each, none of them complete. */
  fragments: (share) => {
    const more = Buffer.concat(Array.from({ length: 100 }, () => peer.more('x', { fin: false })));
    return many(100 * share, (socket) => {
      WS.receive(socket, peer.binary('x', { fin: false }));
      for (let at = 0; at < 100; at++) WS.receive(socket, more);
    });
  },

  /** One message of 20 bytes kept of each chunk of 64 KiB. */
  kept: (share) => {
    const chunk = Buffer.concat(Array.from({ length: 2500 }, () => peer.text('x'.repeat(20))));
    const kept = [];
    many(1500 * share, (socket, number) => {
      let last;
      WS.receive(socket, chunk, (payload) => { last = payload; });
      kept.push(last);
      // Left to itself, V8 lets 10 MiB of garbage pile up between what is kept, or does not.
      if (number % 50 === 0) global.gc();
    });
    return kept;
  },

  /** 5,000 connections that have had one small message and are idle. */
  idle: (share) => many(5000 * share, (socket) => {
    WS.receive(socket, peer.text('hello'), () => {});
    WS.send(socket, 'hello');
    socket.writes.length = 0;
  })
};

/** Work after which nothing is left: rounds of it, of which the first four are the warm-up. */
const PASSING = {
  /** 10,000 frames that announce 2^40 bytes. */
  refused: () => {
    many(10_000, (socket) => WS.receive(socket, peer.binary('', { form: 64, length: 1n << 40n })));
  },

  /** Empty fragments without end. */
  empty: () => {
    const more = Buffer.concat(Array.from({ length: 1000 }, () => peer.more('', { fin: false })));
    many(2, (socket) => {
      WS.receive(socket, peer.text('', { fin: false }));
      for (let at = 0; at < 200; at++) WS.receive(socket, more);
    });
  },

  /** 10,000 sockets without any event, each dropped in the middle of a message. */
  forgotten: async () => {
    const half = peer.text('x'.repeat(1000)).subarray(0, 700);
    for (let at = 0; at < 10; at++) {
      many(1000, (socket) => WS.receive(socket, half));
      await collect();
    }
  },

  /** Bombs of 64 MiB for a limit of 1 MiB, as one frame and in parts; each ends its connection. */
  bombs: async () => {
    const bomb = deflated(Buffer.alloc(64 << 20));
    const first = peer.binary(bomb.subarray(0, 50), { fin: false, rsv: 4 });
    const parts = [first];
    for (let at = 50; at < bomb.length; at += 50) parts.push(peer.more(bomb.subarray(at, at + 50), { fin: false }));
    const perMessageDeflate = { serverNoContextTakeover: false, clientNoContextTakeover: false };
    const sockets = many(20, (socket, number) => {
      WS.upgrade(socket, { ...requestHeaders(), ...OFFER }, { maxPayload: 1 << 20, perMessageDeflate });
      as(role, socket);
      WS.receive(socket, number % 2 === 0 ? peer.binary(bomb, { rsv: 4 }) : Buffer.concat(parts));
    });
    while (sockets.some((socket) => WS.info(socket).state !== 'closed')) await new Promise(setImmediate);
  },

  /** 1,000 peers gone by FIN and 1,000 by RST. */
  gone: async () => {
    await drop(1000, (socket) => socket.end());
    await drop(1000, (socket) => socket.resetAndDestroy());
  }
};

main();

async function main() {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => { console.error(error); process.exit(1); });
  }
  const grown = name in HELD ? await held(HELD[name]) : await passed();
  console.log(JSON.stringify(grown));
}

async function held(work) {
  work(0.05);
  const before = await settled();
  const alive = work(1);
  return { ...growth(before, await settled()), alive: alive.length };
}

/** What leaks, leaks in every round: the lesser growth of two spans is without the allocator's moods. */
async function passed() {
  await rounds(4);
  const before = await settled();
  await rounds(6);
  const between = await settled();
  await rounds(6);
  const spans = [growth(before, between), growth(between, await settled())];
  return { rss: Math.min(...spans.map(({ rss }) => rss)), heap: Math.min(...spans.map(({ heap }) => heap)) };
}

function growth(before, after) {
  return { rss: resident(after) - resident(before), heap: heap(after) - heap(before) };
}

async function rounds(count) {
  for (let round = 0; round < count; round++) {
    await PASSING[name]();
    // Garbage that nobody collects is V8's to keep, and so are the pages it has filled.
    await collect();
  }
}

/**
 * Resident memory but for V8's heap, whose size is V8's own choice: Node 24 doubles it in the seventh
 * round and then keeps it. What is used of it is counted by `heap`.
 */
function resident({ rss, heapTotal }) {
  return rss - heapTotal;
}

function heap({ heapUsed, external, arrayBuffers }) {
  // Array buffers are counted in `external` as well.
  return heapUsed + Math.max(external, arrayBuffers);
}

/** What is in use after every finaliser has had its turn. */
async function settled() {
  for (let round = 0; round < 10; round++) await collect();
  return process.memoryUsage();
}

async function collect() {
  global.gc();
  await new Promise(setImmediate);
}

function many(count, work) {
  return Array.from({ length: count }, (_, number) => {
    const socket = plain(role);
    work(socket, number);
    return socket;
  });
}

/** Opens `count` connections, exchanges a message on each, and lets the far end go by `leave`. */
async function drop(count, leave) {
  const { createServer } = require('node:net');
  let left = count;
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('close', () => { if (--left === 0) listener.close(); });
    socket.once('data', () => {
      WS.upgrade(socket, requestHeaders());
      socket.on('data', (chunk) => WS.receive(socket, chunk, (payload) => WS.send(socket, payload)));
    });
  });
  const port = await listen(listener);
  const closed = once(listener, 'close');
  for (let started = 0; started < count; started += 100) {
    await Promise.all(Array.from({ length: 100 }, () => visit(port, leave)));
  }
  await closed;
}

async function visit(port, leave) {
  const socket = await connect(port, { host: HOST });
  socket.on('error', () => {});
  socket.write(requestHead(requestHeaders()));
  await once(socket, 'data');
  // A whole message, and the start of another that never ends.
  socket.write(Buffer.concat([peer.text('hello'), peer.text('unfinished').subarray(0, 7)]));
  await once(socket, 'data');
  const gone = once(socket, 'close');
  leave(socket);
  socket.resume();
  await gone;
}
