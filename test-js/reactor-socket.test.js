'use strict';

// A socket that the reactor reads is Node's as before: what it tells, and what may be done to it. What
// happens over the reactor is compared with what happens over the stream.

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { WS } = require('..');
const { until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient } = require('./support/handshake.js');
const { frames } = require('./support/inbox.js');
const { connectionsOf, dial, serve } = require('./support/listening.js');
const { as } = require('./support/plain.js');
const { adopted, historyOfAll, skip } = require('./support/reactor.js');
const { closed, connected, fill, lasting, listen, openPair } = require('./support/sockets.js');

const peer = peerOf('server');
describe('what a socket tells is what it tells over the stream', { skip, timeout: 20_000 }, () => {
  const hello = peer.text('hello');
  const heard = (log) => until(() => log.includes('message hello'));
  const SCENARIOS = {
    'the peer ends': async (_server, client) => {
      client.resume();
      client.end(hello);
    },
    'the peer closes': async (_server, client) => {
      client.resume();
      client.end(Buffer.concat([hello, peer.close(1000, 'bye')]));
    },
    'the peer ends in the middle of a frame': async (_server, client) => {
      client.resume();
      client.end(hello.subarray(0, 8));
    },
    'the peer resets': async (_server, client, log) => {
      client.write(hello);
      await heard(log);
      client.resetAndDestroy();
    },
    'the peer resets behind data': async (_server, client) => {
      client.write(hello);
      client.resetAndDestroy();
    },
    'we end': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      client.on('end', () => client.end()).resume();
      server.end();
    },
    'we end, and the peer still sends': async (server, client, log) => {
      client.on('end', () => client.end(hello)).resume();
      server.end();
      await heard(log);
    },
    'we close': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      client.on('end', () => client.end()).resume();
      client.once('data', () => client.write(peer.close(1001)));
      WS.close(server, 1001);
    },
    'we destroy': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      server.destroy();
    },
    'we destroy for a reason': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      server.destroy(new Error('for a reason'));
    },
    'we reset': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      server.resetAndDestroy();
    },
    'the peer breaks the protocol': async (_server, client) => {
      client.on('end', () => client.end()).resume();
      client.write(Buffer.concat([hello, Buffer.from([0xff])]));
    },
    'the peer ends while we are paused': async (server, client, log) => {
      client.write(hello);
      await heard(log);
      WS.pause(server);
      client.resume();
      client.end(peer.text('last'));
      await once(client, 'finish');
      WS.resume(server);
    },
    'it is idle for too long': async (server, client, log) => {
      client.on('end', () => client.end()).resume();
      server.setTimeout(20);
      await once(server, 'timeout');
      server.setTimeout(0);
      client.write(hello);
      await heard(log);
      server.end();
    }
  };

  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    test(name, async (t) => {
      await historyOfAll(t, () => scenario);
    });
  }
});

describe('what the program does to a socket', { skip, timeout: 20_000 }, () => {
  test('what it writes itself keeps its place', async (t) => {
    const { server, client } = await adopted(t, {});
    const inbox = frames(client);
    const own = (text) => peerOf('client').text(text);
    for (let round = 0; round < 3; round++) {
      WS.send(server, 'a');
      server.write(own('b'));
      WS.send(server, 'c');
      WS.send(server, Buffer.alloc(2_000_000, 'd'));
      server.write(own('e'));
      WS.send(server, 'f');
      server.cork();
      server.write(own('g'));
      WS.send(server, 'h');
      server.uncork();
      WS.send(server, 'i');
      const got = await inbox.take(9);
      assert.deepEqual(got.map(({ text }) => text ?? 'd'), [...'abcdefghi']);
    }
  });

  test('what is gathered for it stays its own while others fill the memory behind it', async (t) => {
    const { server, client } = await adopted(t, {});
    const { server: other, client: reader } = await adopted(t, {});
    const inbox = frames(client);
    const others = frames(reader);
    const texts = Array.from({ length: 100 }, (_, at) => String(at).padEnd(4000, 'x'));
    for (const text of ['first', 'gathered']) WS.send(server, text);
    // More than a slab holds, in the same tick.
    for (const text of texts) WS.send(other, text);
    assert.deepEqual(await inbox.take(2), [{ text: 'first' }, { text: 'gathered' }]);
    assert.deepEqual(await others.take(100), texts.map((text) => ({ text })));
  });

  test('its end and its destroy go behind what was sent', async (t) => {
    for (const end of [(socket) => socket.end(), (socket) => socket.destroySoon(), (socket) => WS.close(socket)]) {
      const { server, client } = await adopted(t, {});
      const inbox = frames(client);
      WS.send(server, 'a');
      WS.send(server, 'b');
      end(server);
      assert.deepEqual(await inbox.take(2), [{ text: 'a' }, { text: 'b' }]);
    }
  });

  test('its cork holds back what is sent', async (t) => {
    const { server, client } = await adopted(t, {});
    const inbox = frames(client);
    server.cork();
    WS.send(server, 'a');
    WS.send(server, Buffer.alloc(100_000, 'b'));
    assert.equal(server.writableLength, WS.info(server).bytesSent);
    server.uncork();
    assert.equal(server.writableLength, 0);
    assert.deepEqual((await inbox.take(2)).map(({ text }) => text ?? 'b'), ['a', 'b']);
  });

  test('its pause and its resume are heeded', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: (_socket, payload) => got.push(String(payload)) });
    for (let round = 0; round < 3; round++) {
      server.pause();
      assert.equal(server.isPaused(), true);
      client.write(peer.text('a'));
      for (let turns = 0; turns < 20; turns++) await turn();
      assert.deepEqual(got, []);
      server.resume();
      await until(() => got.length === 1);
      got.pop();
    }
  });

  test('it knows how many bytes went both ways', async (t) => {
    const { server, client } = await adopted(t, { message: (socket, payload) => WS.send(socket, payload) });
    const answer = frames(client);
    for (const size of [1, 1000, 300_000, 5_000_000]) {
      client.write(peer.binary(Buffer.alloc(size)));
      await answer.next();
      assert.equal(server.bytesRead, client.bytesWritten);
      assert.equal(server.bytesWritten, client.bytesRead);
    }
    server.destroy();
    await closed(server);
    assert.equal(server.bytesRead, client.bytesWritten);
    assert.equal(server.bytesWritten, client.bytesRead);
  });

  test('its timeout begins anew with all that comes, and all that goes', async (t) => {
    const { server, client } = await adopted(t, {});
    client.resume();
    server.setTimeout(1_000_000);
    const [timer] = Object.getOwnPropertySymbols(server)
      .map((symbol) => server[symbol]).filter((value) => value?._idleTimeout === 1_000_000);
    for (const act of [() => client.write(peer.text('a')), () => WS.send(server, 'a')]) {
      const before = timer._idleStart;
      await until(() => {
        act();
        return timer._idleStart > before;
      });
    }
  });

  test('a peer that does not read fills its queue, and a drain empties it', async (t) => {
    let drains = 0;
    const { server, client } = await adopted(t, { drain: () => { drains++; } });
    client.pause();
    const count = await fill(server);
    assert.ok(server.writableLength > 0);
    assert.equal(WS.send(server, 'last'), false);
    assert.ok(WS.info(server).bufferedAmount >= server.writableLength);
    const inbox = frames(client);
    client.resume();
    await inbox.take(count);
    assert.deepEqual(await inbox.next(), { text: 'last' });
    await until(() => drains === 1);
    assert.equal(server.writableLength, 0);
  });

  test('a server counts it until it is closed, and closes behind it', async (t) => {
    const sockets = [];
    const server = await serve(t, 'own', { open: (socket) => sockets.push(socket) });
    const client = await dial(server);
    await openAsClient(client);
    assert.equal(WS.info(sockets[0]).transport, 'reactor');
    assert.equal(WS.stats().connections.reactor, 1);
    assert.equal(await connectionsOf(server), 1);
    let isClosed = false;
    server.close(() => { isClosed = true; });
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(isClosed, false);
    client.end();
    await until(() => isClosed);
    assert.equal(sockets[0].closed, true);
    assert.equal(WS.stats().connections.reactor, 0);
  });
});

describe('what the reactor reads', { skip, timeout: 20_000 }, () => {
  const handlersOf = (got) => ({ message: (_socket, payload) => got.push(String(payload)) });

  test('begins with the head and with what waits in the stream', async (t) => {
    const { server, client } = await connected(t, 'net');
    server.pause();
    client.write(Buffer.concat([peer.text('b'), peer.text('c').subarray(0, 4)]));
    server.read(0);
    await until(() => server.readableLength > 0);
    const got = [];
    WS.attach(server, handlersOf(got), { head: peer.text('a') });
    assert.equal(WS.info(server).transport, 'reactor');
    client.write(peer.text('c').subarray(4));
    await until(() => got.length === 3);
    assert.deepEqual(got.slice(0, 2), ['a', 'b']);
  });

  test('is a socket of an http server', async (t) => {
    const { server, client, release } = await openPair('upgrade');
    lasting(t, { server, client, release });
    const got = [];
    WS.attach(server, handlersOf(got));
    assert.equal(WS.info(server).transport, 'reactor');
    client.write(peer.text('a'));
    await until(() => got.length === 1);
  });

  test('is a server\'s of every kind in the clear, and a client\'s', async (t) => {
    for (const kind of ['own', 'net', 'http']) {
      const transports = [];
      const open = (socket) => setImmediate(() => transports.push(WS.info(socket).transport));
      const server = await serve(t, kind, { open });
      WS.connect(`ws://127.0.0.1:${server.address().port}`, { open });
      await until(() => transports.length === 2);
      assert.deepEqual(transports, ['reactor', 'reactor'], kind);
    }
  });

  test('is a unix socket', async (t) => {
    const path = join(tmpdir(), `reactor-${process.pid}.sock`);
    t.after(() => rmSync(path, { force: true }));
    const got = [];
    const server = WS.listen({ path }, { message: (socket, payload) => WS.send(socket, payload) });
    await once(server, 'listening');
    const client = WS.connect(`ws+unix://${path}:/`, {
      open: (socket) => WS.send(socket, 'a'),
      message: (socket, payload) => got.push(String(payload), WS.info(socket).transport)
    });
    await until(() => got.length > 0);
    assert.deepEqual(got, ['a', 'reactor']);
    assert.equal(WS.stats().connections.reactor, 2);
    await WS.shutdown(server);
    assert.equal(client.destroyed, true);
  });
});

describe('what stays with the stream', { skip, timeout: 20_000 }, () => {
  class Subclass extends net.Socket {}
  const onNet = (change) => async (t) => {
    const { server, client } = await connected(t, 'net');
    change(server);
    return { server, client };
  };
  const REASONS = {
    'TLS': (t) => connected(t, 'tls'),
    'a pair of Duplexes': (t) => connected(t, 'duplex'),
    'a stream of HTTP/2': (t) => connected(t, 'http2'),
    'another listener of data': onNet((socket) => socket.on('data', () => {})),
    'a listener of readable': onNet((socket) => socket.on('readable', () => {})),
    'an encoding': onNet((socket) => socket.setEncoding('latin1')),
    'a write of the program\'s': onNet((socket) => {
      socket.write = function write(...args) { return net.Socket.prototype.write.apply(this, args); };
    }),
    'a subclass': async (t) => {
      const listener = net.createServer();
      const port = await listen(listener);
      const client = new Subclass().connect(port, '127.0.0.1');
      const [[far]] = await Promise.all([once(listener, 'connection'), once(client, 'connect')]);
      t.after(() => { client.destroy(); far.destroy(); listener.close(); });
      // The end that dials is ours, and plays the server.
      return { server: as('server', client), client: far };
    }
  };

  for (const [name, pairOf] of Object.entries(REASONS)) {
    test(name, async (t) => {
      const got = [];
      const { server, client } = await pairOf(t);
      WS.attach(server, { message: (_socket, payload) => got.push(String(payload)) });
      assert.equal(WS.info(server).transport, 'stream');
      // Of what is no bytes, or is read by another, there is nothing to get.
      if (name === 'an encoding' || name === 'a listener of readable') return;
      client.write(peer.text('a'));
      await until(() => got.length === 1);
      assert.deepEqual(got, ['a']);
    });
  }
});
