'use strict';

// node conformance/connect-client.js ws://host:port
// Visits a fuzzing server as an echo client, by WS.connect.

const { WS } = require('..');
const { visitAll } = require('./visits.js');

// Everything is compressed. Half of the cases on parameters need the hint that we can do without a context
// (RFC 7692 §7.1.1.2), which binds us: contexts of ours are the matter of echo-client.js.
const options = { perMessageDeflate: { threshold: 0, clientNoContextTakeover: true } };

visitAll(process.argv[2], visit).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

/** Resolves when the connection is over, however it ended; rejects when it was none. */
function visit(url, message) {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    WS.connect(url, {
      open: () => { isOpen = true; },
      message,
      close: () => resolve(),
      // What ends a connection that was open is the fuzzer's doing, and its verdict to give.
      error(_socket, error) {
        if (!isOpen) reject(error);
      }
    }, options);
  });
}
