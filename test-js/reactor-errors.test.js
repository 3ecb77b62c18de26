'use strict';

// Sends that fail: the kernel tells an error once, to whoever asks first. Where that is the reactor, the
// program hears of it as it would over the stream.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('..');
const { peerOf } = require('./support/frames.js');
const reactor = require('./support/reactor.js');
const { connected } = require('./support/sockets.js');

const { historyOfAll } = reactor;
const peer = peerOf('server');

/** Other kernels than Linux do not list their connections in a file. */
const skip = reactor.skip || process.platform !== 'linux';

/** A socket's connection, as the kernel lists it. */
function listed(server) {
  const port = (number) => number.toString(16).toUpperCase().padStart(4, '0');
  return `0100007F:${port(server.localPort)} 0100007F:${port(server.remotePort)}`;
}

/** Returns as soon as the kernel does not list it any more; nothing is read meanwhile. */
function awaitGone(connection) {
  for (let looks = 0; readFileSync('/proc/net/tcp', 'latin1').includes(connection); looks++) {
    assert.ok(looks < 10_000, 'the reset does not arrive');
  }
}

function reset(server, client) {
  const connection = listed(server);
  client.resetAndDestroy();
  awaitGone(connection);
}

/** Takes note of how a send ends, and of what the socket says of itself then. */
function told(server, log, name) {
  return (error) => {
    const { code, errno, syscall } = error ?? {};
    log.push(`${name} ${code} ${errno} ${syscall} ${server.destroyed} ${WS.info(server).state}`);
  };
}

describe('a send to a peer that has reset tells what it tells over the stream', { skip, timeout: 20_000 }, () => {
  const send = (server, log, name, payload, options = {}) => {
    log.push(`sends ${name} ${WS.send(server, payload, options, told(server, log, name))}`);
  };
  const SCENARIOS = {
    'a small message': (server, log) => send(server, log, 'a', 'a'),
    'a server\'s large message': (server, log) => send(server, log, 'a', Buffer.alloc(1 << 20)),
    'an encoded frame': (server, log) => {
      WS.broadcast([server], WS.frame(Buffer.alloc(100_000)));
      send(server, log, 'behind', 'a');
    },
    'many in one tick': (server, log) => {
      for (const name of ['a', 'b', 'c']) send(server, log, name, name);
      send(server, log, 'd', Buffer.alloc(1 << 20));
      send(server, log, 'e', 'e');
    },
    'one more in the next tick': (server, log) => {
      send(server, log, 'a', 'a');
      process.nextTick(() => send(server, log, 'b', 'b'));
    },
    'one more in the next turn': (server, log) => {
      send(server, log, 'a', 'a');
      setImmediate(() => send(server, log, 'b', 'b'));
    },
    'a part of a message': (server, log) => send(server, log, 'a', 'a', { fin: false }),
    'a ping': (server, log) => log.push(`ping ${WS.ping(server)}`),
    'a close': (server, log) => log.push(`close ${WS.close(server, 1000)}`),
    'a close behind a message': (server, log) => {
      send(server, log, 'a', 'a');
      log.push(`close ${WS.close(server, 1000)}`);
    },
    'an end behind a message': (server, log) => {
      send(server, log, 'a', 'a');
      server.end();
    },
    'a destroy behind a message': (server, log) => {
      send(server, log, 'a', 'a');
      server.destroy();
    },
    'what the program writes behind it': (server, log) => {
      send(server, log, 'a', 'a');
      server.write('b', told(server, log, 'b'));
    },
    'a corked socket': (server, log) => {
      server.cork();
      send(server, log, 'a', 'a');
      send(server, log, 'b', 'b');
      setImmediate(() => server.uncork());
    },
    'a paused socket': (server, log) => {
      WS.pause(server);
      send(server, log, 'a', 'a');
    }
  };

  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    for (const [what, bytes] of [['', null], [', and that has sent something', peer.text('unread')]]) {
      test(name + what, async (t) => {
        const act = async (server, client, log) => {
          if (bytes !== null) client.write(bytes);
          reset(server, client);
          scenario(server, log);
        };
        const { log: seen } = await historyOfAll(t, () => act);
        assert.ok(seen.some((line) => line.includes('ECONNRESET')));
      });
    }
  }
});

test('a send to a peer that has refused the one before', { skip, timeout: 20_000 }, async (t) => {
  const act = async (server, client, log) => {
    const connection = listed(server);
    client.destroy();
    WS.send(server, 'a', told(server, log, 'a'));
    awaitGone(connection);
    process.nextTick(() => WS.send(server, 'b', told(server, log, 'b')));
  };
  const { log: seen } = await historyOfAll(t, () => act);
  assert.ok(seen.some((line) => line.includes('EPIPE')));
});

test('an answer to a peer that resets while its message is handled', { skip, timeout: 20_000 }, async (t) => {
  const ends = {};
  const act = async (server, client, log) => {
    Object.assign(ends, { client, log });
    client.write(Buffer.concat([peer.text('a'), peer.text('b')]));
  };
  const { log: seen } = await historyOfAll(t, () => act, {
    message(server, payload) {
      if (!ends.client.destroyed) reset(server, ends.client);
      ends.log.push(`sends ${WS.send(server, payload, told(server, ends.log, payload))}`);
    }
  });
  assert.ok(seen.some((line) => line.includes('ECONNRESET')));
});

test('an end without a frame, of a peer that has reset', { skip, timeout: 20_000 }, async (t) => {
  const act = (transport) => async (server, client) => {
    // The peer's close frame is read in one turn with the message whose handler has it reset.
    const other = await connected(t, 'net');
    WS.attach(other.server, { message: () => reset(server, client) }, { transport });
    WS.close(server, 1000);
    await once(client, 'data');
    await turn();
    other.client.write(peer.text('reset'));
    client.write(peer.close(1000));
  };
  const { log: seen } = await historyOfAll(t, act);
  assert.ok(seen.some((line) => line.includes('ECONNRESET')));
});
