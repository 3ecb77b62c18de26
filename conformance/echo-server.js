'use strict';

// node conformance/echo-server.js [port]
// Sends every message back as the kind that it came as. It uses the four drop-in calls by hand, on
// sockets of node:net, and ends when its standard input does: it never outlives who started it.

const net = require('node:net');
const { WS } = require('..');
const { readHead } = require('./head.js');

// What the client offers is taken as it is, and everything is compressed.
const OPTIONS = {
  perMessageDeflate: { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }
};

let connections = 0;

// Half-open sockets, as the article's server has them.
const server = net.createServer({ allowHalfOpen: true }, serverOnConnection);
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});
process.stdin.on('end', () => process.exit()).resume();

function serverOnConnection(socket) {
  connections += 1;
  console.log(`connection ${connections}`);

  socket.setNoDelay(true);
  // A fuzzer resets connections in the middle of things. That is its verdict to give, not ours.
  socket.on('error', () => {});

  readHead(socket, ({ headers }, rest) => {
    if (!WS.upgrade(socket, headers, OPTIONS)) {
      socket.end();
      return;
    }
    socket.on('data', socketOnData);
    socketOnData.call(socket, rest);
  });
}

function socketOnData(chunk) {
  WS.receive(this, chunk, (payload, isBinary) => {
    WS.send(this, payload, { binary: isBinary });
  });
}
