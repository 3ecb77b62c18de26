'use strict';

// node conformance/connect-client.js ws://host:port
// Visits a fuzzing server by WS.connect: asks it how many cases it has, runs each one as an echo
// client, and asks it to write its report.

const { WS } = require('..');

const AGENT = 'ws13-native';

// Everything is compressed. Half of the cases on parameters need the hint that we can do without a context
// (RFC 7692 §7.1.1.2), which binds us: contexts of ours are the matter of echo-client.js.
const options = { perMessageDeflate: { threshold: 0, clientNoContextTakeover: true } };

runAllCases(process.argv[2]).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

async function runAllCases(url) {
  let count = 0;
  await visit(`${url}/getCaseCount`, (socket, payload) => {
    count = Number(payload);
  });
  for (let number = 1; number <= count; number += 1) {
    console.log(`case ${number} of ${count}`);
    await visit(`${url}/runCase?case=${number}&agent=${AGENT}`, echo);
  }
  await visit(`${url}/updateReports?agent=${AGENT}`, () => {});
}

function echo(socket, payload, isBinary) {
  WS.send(socket, payload, { binary: isBinary });
}

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
