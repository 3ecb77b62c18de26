'use strict';

// For the tests of the reactor: sockets that it reads, with a bare socket at the other end.

const assert = require('node:assert/strict');
const { WS } = require('../../index.js');
const { until } = require('./attached.js');
const { as } = require('./plain.js');
const { connected, lasting, netPair } = require('./sockets.js');

/** Where there is no reactor there is nothing to test. */
const skip = process.env.WS13_TRANSPORT === 'stream' || process.platform !== 'linux';

/** A server's socket that is attached with `handlers`, and the bare one at its other end. */
async function adopted(t, handlers, options) {
  const { server, client } = await connected(t, 'net');
  WS.attach(server, handlers, options);
  assert.equal(WS.info(server).transport, 'reactor');
  return { server, client };
}

/** The same, where neither end ends with the other. */
async function halfOpen(t, handlers, options) {
  const { server, client } = lasting(t, await netPair({ allowHalfOpen: true }));
  WS.attach(as('server', server), handlers, options);
  return { server, client };
}

const EVENTS = ['end', 'finish', 'error', 'close', 'timeout', 'drain'];

/** What there is to be seen of a socket that has come to its end by `scenario`; `more` are handlers. */
async function history(t, transport, scenario, more = {}) {
  const log = [];
  const handlers = {
    message: (_socket, payload) => log.push(`message ${payload}`),
    error: (_socket, { code, message }) => log.push(`handler error ${code} ${message}`),
    close: (_socket, ...end) => log.push(`handler close ${end.join()}`),
    ...more
  };
  const { server, client } = await halfOpen(t, handlers, { transport });
  for (const name of EVENTS) {
    server.on(name, (detail) => log.push(`${name} ${detail?.code ?? detail?.message ?? detail}`));
  }
  await scenario(server, client, log);
  await until(() => server.closed && log.some((line) => line.startsWith('handler close')));
  const names = ['destroyed', 'readableEnded', 'writableFinished', 'writableLength', 'bytesRead', 'bytesWritten'];
  return { log, error: server.errored?.code, ...Object.fromEntries(names.map((name) => [name, server[name]])) };
}

module.exports = { adopted, history, skip };
