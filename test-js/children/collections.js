'use strict';

// Has 80 MiB of payloads of 64 KiB go by, `node collections.js <way>`, and prints how many collections of V8's
// young generation somebody has asked for meanwhile.

const { once } = require('node:events');
const { constants, PerformanceObserver } = require('node:perf_hooks');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { promisify } = require('node:util');
const { runInNewContext } = require('node:vm');
const { WS } = require('../../index.js');
const { peerOf } = require('../support/frames.js');
const { requestHead, requestHeaders } = require('../support/handshake.js');
const { plain } = require('../support/plain.js');
const { HOST, connect } = require('../support/sockets.js');

const [way] = process.argv.slice(2);
const COUNT = 1280;
const payload = Buffer.alloc(64 * 1024, 7);

const WAYS = {
  /** Chunks by hand. */
  receive: () => received(peerOf('server').binary(payload)),

  /** Chunks of 64 messages each. */
  small() {
    const message = payload.subarray(0, 1024);
    return received(Buffer.concat(Array.from({ length: 64 }, () => peerOf('server').binary(message))));
  },

  /** A client's frames, which are masked into memory that the socket holds until it has sent them. */
  send: () => sent(payload, COUNT),

  /** Those that are too long for a slab. */
  long: () => sent(Buffer.alloc(1 << 20, 7), COUNT / 16),

  stream: () => listened({ transport: 'stream' }),
  reactor: () => listened({}),

  /** With a listener for 'data' of the program's, so by Node's chunks and copies of them. */
  data: () => listened({ transport: 'stream' }, (socket) => socket.on('data', () => {})),

  /** By threads, both of packing and of unpacking. */
  async compressed() {
    const perMessageDeflate = { threshold: 0 };
    const long = Buffer.alloc(1 << 20, 'long ');
    let bytes = 0;
    const server = WS.listen({ port: 0, host: HOST }, {
      message(socket, message) {
        bytes += message.length;
        if (bytes === 80 * long.length) WS.close(socket);
      }
    }, { perMessageDeflate });
    await once(server, 'listening');
    const client = WS.connect(`ws://${HOST}:${server.address().port}/`, {
      async open(socket) {
        for (let i = 0; i < 80; i++) await promisify(WS.send)(socket, long);
      }
    }, { perMessageDeflate });
    await once(client, 'close');
    server.close();
    return bytes;
  }
};

function received(chunk) {
  const socket = plain('server');
  let bytes = 0;
  for (let i = 0; i < COUNT; i++) WS.receive(socket, chunk, (message) => { bytes += message.length; });
  return bytes;
}

function sent(message, count) {
  const socket = plain('client');
  for (let i = 0; i < count; i++) WS.send(socket, message);
  return count * message.length;
}

/** What a client without the library sends to `WS.listen`. */
async function listened(options, open = () => {}) {
  let bytes = 0;
  const server = WS.listen({ port: 0, host: HOST }, {
    open,
    message(socket, message) {
      bytes += message.length;
      if (bytes === COUNT * payload.length) WS.close(socket);
    }
  }, { perMessageDeflate: false, ...options });
  await once(server, 'listening');
  const socket = await connect(server.address().port);
  socket.write(requestHead(requestHeaders()));
  const frame = peerOf('server').binary(payload);
  for (let i = 0; i < COUNT; i++) if (!socket.write(frame)) await once(socket, 'drain');
  socket.resume();
  await once(socket, 'close');
  server.close();
  return bytes;
}

const { NODE_PERFORMANCE_GC_MINOR: MINOR, NODE_PERFORMANCE_GC_FLAGS_FORCED: FORCED } = constants;
let forced = 0;
const count = (entries) => {
  forced += entries.filter(({ detail: { kind, flags } }) => kind === MINOR && (flags & FORCED) !== 0).length;
};

async function main() {
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const bytes = await WAYS[way]();
  // Node tells of a collection in the next turn.
  await nextTurn();
  await nextTurn();
  count(observer.takeRecords());
  observer.disconnect();
  const exposed = runInNewContext("typeof gc === 'function'");
  console.log(JSON.stringify({ bytes, forced, exposed }));
}

main();
