'use strict';

// For the tests of the reactor: sockets that it reads, with a bare socket at the other end.

const assert = require('node:assert/strict');
const { WS } = require('../../index.js');
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

/** The same, where neither end ends with the other. */
async function halfOpen(t, handlers, options) {
  const { server, client } = lasting(t, await netPair({ allowHalfOpen: true }));
  WS.attach(as('server', server), handlers, options);
  return { server, client };
}

module.exports = { adopted, halfOpen, skip };
