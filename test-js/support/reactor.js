'use strict';

// For the tests of the reactor: sockets that it reads, with a bare socket at the other end.

const assert = require('node:assert/strict');
const { Socket } = require('node:net');
const { WS } = require('../../index.js');
const { until } = require('./attached.js');
const { as } = require('./plain.js');
const { connected, lasting, netPair } = require('./sockets.js');

/** Where there is no reactor there is nothing to test. */
const skip = process.env.WS13_TRANSPORT === 'stream' || !['linux', 'darwin'].includes(process.platform);

/** A server's socket that is attached with `handlers`, and the bare one at its other end. */
async function adopted(t, handlers, options) {
  const { server, client } = await connected(t, 'net');
  WS.attach(server, handlers, options);
  assert.equal(WS.info(server).transport, 'reactor');
  return { server, client };
}

const EVENTS = ['end', 'finish', 'error', 'close', 'timeout', 'drain'];

/** What there is to be seen of a socket that has come to its end by `scenario`; `more` are handlers. */
async function history(t, way, scenario, more) {
  const log = [];
  const handlers = {
    message: (_socket, payload) => log.push(`message ${payload}`),
    error: (_socket, { code, message }) => log.push(`handler error ${code} ${message}`),
    close: (_socket, ...end) => log.push(`handler close ${end.join()}`),
    ...more
  };
  const { server, client } = lasting(t, await netPair({ allowHalfOpen: true }));
  if (way === 'node') carriedByStream(server);
  WS.attach(as('server', server), handlers, { transport: way === 'node' ? 'stream' : way });
  for (const name of EVENTS) {
    server.on(name, (detail) => log.push(`${name} ${detail?.code ?? detail?.message ?? detail}`));
  }
  await scenario(server, client, log);
  await until(() => server.closed && log.some((line) => line.startsWith('handler close')));
  const names = ['destroyed', 'readableEnded', 'writableFinished', 'writableLength', 'bytesRead', 'bytesWritten'];
  return { log, error: server.errored?.code, ...Object.fromEntries(names.map((name) => [name, server[name]])) };
}

/** Has all that a socket reads and writes go through Node's stream. */
function carriedByStream(socket) {
  for (const name of ['emit', 'write']) {
    socket[name] = function (...args) {
      return Socket.prototype[name].apply(this, args);
    };
  }
}

/** The same over Node's stream, which all other ways have to equal. */
async function historyOfAll(t, scenarioOf, more) {
  const node = await history(t, 'node', scenarioOf('stream'), more);
  t.diagnostic(node.log.join(' | '));
  for (const way of ['stream', 'auto']) assert.deepEqual(await history(t, way, scenarioOf(way), more), node, way);
  return node;
}

module.exports = { adopted, historyOfAll, skip };
