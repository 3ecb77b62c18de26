'use strict';

// What both clients do: visit a fuzzing server, over and over. A visit is one connection.

const { WS } = require('..');

const AGENT = 'ws13-native';

// Some cases wait for a second, and in most of the others only one side works at a time.
const AT_ONCE = 4;

/**
 * Asks the fuzzing server at `url` how many cases it has, runs each one as an echo client, several at
 * once, and asks it to write its report. `visit(url, onMessage)` opens one connection, calls
 * `onMessage(socket, payload, isBinary)` for each message, and resolves when the connection is over.
 */
async function visitAll(url, visit) {
  let count = 0;
  await visit(`${url}/getCaseCount`, (socket, payload) => {
    count = Number(payload);
  });
  let number = 0;
  const visitInTurn = async () => {
    while (number < count) {
      number += 1;
      console.log(`case ${number} of ${count}`);
      await visit(`${url}/runCase?case=${number}&agent=${AGENT}`, echo);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitInTurn));
  await visit(`${url}/updateReports?agent=${AGENT}`, () => {});
}

function echo(socket, payload, isBinary) {
  WS.send(socket, payload, { binary: isBinary });
}

module.exports = { visitAll };
