'use strict';

// What goes wrong with a connection, played once through: by the program's handlers, and by its peer.

const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('../../index.js');
const { ENTRANCES } = require('../support/entrances.js');
const { OP, peerOf } = require('../support/frames.js');
const { closed } = require('../support/sockets.js');

/** What the peer sends to have each handler called; `drain` follows from what `open` sends. */
const PROVOCATIONS = {
  upgrade: () => [],
  open: () => [],
  message: (peer) => [peer.text('zero')],
  ping: (peer) => [peer.ping('p')],
  pong: (peer) => [peer.pong('p')],
  drain: () => [],
  error: (peer) => [peer.frame(3, 'reserved')],
  close: (peer) => [peer.close(1000)]
};

const HANDLERS = Object.keys(PROVOCATIONS);

/** Every pair of an entrance and a handler that there is. */
function* cases() {
  for (const entrance of Object.keys(ENTRANCES)) {
    for (const name of handlersOf(entrance)) yield { entrance, name };
  }
}

function handlersOf(entrance) {
  return HANDLERS.filter((name) => name !== 'upgrade' || entrance === 'listen');
}

/**
 * Has a peer provoke the handler `name`, which calls `act(socket)` the first time that it is called. The
 * peer sends the message 'one' along with that; 'two' and a close frame follow it.
 * @returns once all is over: `{ calls, messages, end, status }`, the handlers in the order of their calls,
 * what `close` was given, and what an upgrade was answered with
 */
async function play({ entrance, name }, act) {
  const { role, place } = ENTRANCES[entrance];
  const record = { calls: [], messages: [], acted: false, end: null, status: undefined };
  const { open, close } = await place(acting(entrance, name, act, record));
  const { peer, status } = await open();
  record.status = status;
  const gone = closed(peer);
  peer.resume();
  const build = peerOf(role);
  peer.write(Buffer.concat([...PROVOCATIONS[name](build), build.text('one')]));
  while (!record.acted) await turn();
  peer.write(build.text('two'));
  peer.write(build.close(1000));
  await Promise.all([gone, close()]);
  // Not by its 'close' event: a listener that throws costs those behind it their turn.
  while (record.calls.includes('open') && record.end === null) await turn();
  // What comes too late would come now.
  await turn();
  return record;
}

function acting(entrance, name, act, record) {
  const handlers = {};
  for (const own of handlersOf(entrance)) {
    handlers[own] = (first, ...rest) => {
      record.calls.push(own);
      if (own === 'message') record.messages.push(rest[0].toString());
      if (own === 'close') record.end = rest;
      if (own === 'open' && name === 'drain') while (WS.send(first, Buffer.alloc(10_000)));
      if (own !== name || record.acted) return;
      record.acted = true;
      act(own === 'upgrade' ? first.socket : first);
    };
  }
  return handlers;
}

/** How a peer may go. */
const LEAVES = { FIN: (socket) => socket.end(), RST: (socket) => socket.resetAndDestroy() };

/** Frames of every kind and length form but the longest, with what each of them brings when it is whole. */
function frameTour(role) {
  const build = peerOf(role);
  return [
    { bytes: build.text('hel', { fin: false }) },
    { bytes: build.ping('ping'), call: 'ping' },
    { bytes: build.more('lo'), message: 'hello' },
    { bytes: build.binary('x'.repeat(126)), message: 'x'.repeat(126) },
    { bytes: build.frame(OP.PONG, ''), call: 'pong' },
    { bytes: build.frame(OP.BINARY, 'long', { form: 7 }), message: 'long' },
    { bytes: build.close(3000, 'bye'), end: [3000, 'bye', true] }
  ];
}

/** Opens a connection, whose peer sends the first `at` of `bytes` and goes; resolves when both are closed. */
async function leaveAt(open, bytes, at, leave) {
  const { ours, peer } = await open();
  const gone = Promise.all([closed(ours), closed(peer)]);
  peer.resume();
  const before = ours.bytesRead;
  if (at > 0) peer.write(bytes.subarray(0, at));
  // A reset takes with it what has not been read.
  if (leave === LEAVES.RST) while (ours.bytesRead - before < at && !ours.destroyed) await turn();
  leave(peer);
  await gone;
}

module.exports = { LEAVES, cases, frameTour, leaveAt, play };
