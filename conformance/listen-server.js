'use strict';

// node conformance/listen-server.js [port]
// Sends every message back as the kind that it came as, by WS.listen. It ends when its standard input
// does: it never outlives who started it.

const { WS } = require('..');

// All that the cases on compression ask for: every message, and contexts where they are wanted.
const options = {
  perMessageDeflate: { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }
};

let connections = 0;

const server = WS.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' }, {
  open() {
    connections += 1;
    console.log(`connection ${connections}`);
  },
  message(socket, payload, isBinary) {
    WS.send(socket, payload, { binary: isBinary });
  }
}, options);
server.on('listening', () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});
process.stdin.on('end', () => process.exit()).resume();
