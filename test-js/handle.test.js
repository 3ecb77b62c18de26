'use strict';

// How frames get to a socket's handle past Node's stream, where the reactor does not write.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { Socket } = require('node:net');
const { join } = require('node:path');
const { describe, test } = require('node:test');
const { WS } = require('..');
const { Inbox } = require('./support/inbox.js');
const { until } = require('./support/attached.js');
const { parse, peerOf } = require('./support/frames.js');
const { as, plain } = require('./support/plain.js');
const { connected, lasting, netPair } = require('./support/sockets.js');

const peer = peerOf('server');
const MiB = 1024 * 1024;

/** A server's end that the program reads by hand, and a bare client's. */
async function ends(t) {
  const { server, client } = lasting(t, await netPair());
  as('server', server);
  // The first write of all shows what Node makes of one.
  WS.send(server, 'first');
  await once(client, 'data');
  client.pause();
  return { server, client };
}

/** Takes note, of each write to the handle, whether it is Node's stream that writes. */
function watchWrites(t, server) {
  const { _handle: handle } = server;
  const byStream = [];
  for (const method of ['writeBuffer', 'writev']) {
    const inherited = handle[method];
    t.mock.method(handle, method, function (...args) {
      byStream.push(new Error('here').stack.includes('writeOrBuffer'));
      return inherited.apply(this, args);
    });
  }
  return byStream;
}

/** Sends more than the system has room for → the bytes of what was sent. */
function fill(server) {
  let bytes = 0;
  for (let accepted = true; accepted; bytes += 100_010) {
    accepted = WS.send(server, Buffer.alloc(100_000, bytes & 0xff));
    assert.ok(bytes < 512 * MiB, 'the system takes it all');
  }
  return bytes;
}

/** All that arrives at a client until it ends, as one Buffer. */
async function allOf(client) {
  const chunks = [];
  for await (const chunk of client) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('what the system takes at once does not pass the stream', { timeout: 20_000 }, () => {
  const SENDS = {
    'a message': (server) => WS.send(server, 'a'),
    'a large message': (server) => WS.send(server, Buffer.alloc(50_000)),
    'several in one tick': (server) => ['a', 'b', 'c'].map((text) => WS.send(server, text)),
    'a ping': (server) => WS.ping(server),
    'an encoded frame': (server) => WS.broadcast([server], WS.frame('a')),
    'an answer': (server) => {
      WS.receive(server, peer.text('a'), (payload) => WS.send(server, payload));
    }
  };

  for (const [name, send] of Object.entries(SENDS)) {
    test(name, async (t) => {
      const { server, client } = await ends(t);
      const { bytesWritten } = server;
      const byStream = watchWrites(t, server);
      send(server);
      const [chunk] = await Promise.all([once(client.resume(), 'data'), new Promise(setImmediate)]);
      assert.ok(byStream.length > 0 && !byStream.includes(true));
      assert.ok(server.bytesWritten - bytesWritten >= chunk[0].length);
      assert.equal(server.writableLength, 0);
    });
  }

  test('also in two attempts, within one write', async (t) => {
    const { server, client } = await ends(t);
    const { server: other, client: distant } = await ends(t);
    // The system takes 1024 buffers at a time (IOV_MAX).
    const frame = WS.frame('x'.repeat(20));
    const calls = [];
    for (const socket of [server, other]) {
      for (let sent = 0; sent < 1200; sent++) WS.send(socket, frame, (error) => calls.push(error ?? null));
    }
    for (const socket of [client, distant]) {
      let bytes = 0;
      for await (const chunk of socket) if ((bytes += chunk.length) === 1200 * 22) break;
    }
    await until(() => calls.length === 2400);
    assert.ok(calls.every((error) => error === null));
  });

  test('and its callback is called, in a later tick', async (t) => {
    const { server } = await ends(t);
    const calls = [];
    WS.send(server, 'a', {}, (error) => calls.push(error));
    assert.deepEqual(calls, []);
    await new Promise(setImmediate);
    assert.deepEqual(calls, [null]);
  });
});

describe('what the system has no room for waits in the stream', { timeout: 20_000 }, () => {
  test('the sender is told, and told when it may go on', async (t) => {
    const { server, client } = await ends(t);
    fill(server);
    assert.ok(server.writableLength > 0 && server.writableNeedDrain);
    const drained = once(server, 'drain');
    client.resume();
    await drained;
    assert.equal(server.writableLength, 0);
    assert.equal(WS.send(server, 'next'), true);
  });

  test('all of it arrives, in the order in which it was sent and written', async (t) => {
    const { server, client } = await ends(t);
    const before = server.bytesWritten;
    const bytes = fill(server);
    const own = peerOf('client').text('own');
    server.write(own);
    WS.send(server, 'behind');
    server.end(own);
    const all = await allOf(client);
    assert.equal(all.length, bytes + 2 * own.length + 8);
    assert.equal(server.bytesWritten - before, all.length);
    const texts = parse(all).frames.map(({ payload }) => payload);
    assert.deepEqual(texts.slice(-3).map(String), ['own', 'behind', 'own']);
    for (const [i, payload] of texts.slice(0, -3).entries()) {
      assert.ok(payload.equals(Buffer.alloc(100_000, (i * 100_010) & 0xff)), `${i}`);
    }
  });

  test('a callback waits with it', async (t) => {
    const { server, client } = await ends(t);
    const calls = new Inbox();
    const payload = Buffer.alloc(64 * MiB);
    WS.send(server, payload, {}, (error) => calls.push(error ?? 'sent'));
    await new Promise(setImmediate);
    assert.ok(server.writableLength >= payload.length);
    client.resume();
    assert.equal(await calls.next(), 'sent');
    assert.equal(server.writableLength, 0);
  });

  test('a socket that is destroyed lets go of it', async (t) => {
    const { server } = await ends(t);
    const calls = new Inbox();
    WS.send(server, Buffer.alloc(64 * MiB), {}, () => calls.push(server.destroyed));
    server.destroy();
    assert.equal(await calls.next(), true);
    await until(() => server.closed);
  });
});

describe('a program\'s own methods are heeded', { timeout: 20_000 }, () => {
  const { prototype } = Socket;
  const OWN = {
    write: (server) => server.write('X'),
    end: (server) => server.end(),
    destroy: (server) => server.destroy()
  };

  for (const [name, call] of Object.entries(OWN)) {
    test(`${name}, put there while something is gathered`, async (t) => {
      const { server, client } = await ends(t);
      WS.send(server, '0');
      WS.send(server, 'a');
      server[name] = function (...args) {
        return prototype[name].apply(this, args);
      };
      WS.send(server, 'b');
      call(server);
      await new Promise(setImmediate);
      server.end();
      const [frames, rest] = [peerOf('client'), name === 'write' ? 'X' : ''];
      assert.equal(String(await allOf(client)), ['0', 'a', 'b'].map((text) => frames.text(text)).join('') + rest);
    });
  }

  for (const name of ['_write', '_writeGeneric']) {
    test(`${name}, which is given what it would be`, async (t) => {
      const { server, client } = await ends(t);
      const own = t.mock.method(server, name);
      WS.send(server, 'a');
      await once(client.resume(), 'data');
      assert.equal(own.mock.callCount(), 1);
    });
  }

  test('one of the handle that sends something itself', async (t) => {
    const { server, client } = await ends(t);
    const { writeBuffer } = server._handle;
    server._handle.writeBuffer = function (...args) {
      this.writeBuffer = writeBuffer;
      WS.send(server, 'b');
      server.write(peerOf('client').text('c'));
      return writeBuffer.apply(this, args);
    };
    WS.send(server, 'a');
    await new Promise(setImmediate);
    server.end();
    const { frames } = parse(await allOf(client));
    const texts = frames.map(({ payload }) => String(payload));
    assert.ok(texts.indexOf('a') < texts.indexOf('b'), texts.join());
  });
});

test('an object that is destroyed in its own way while something is gathered for it is sent nothing more', () => {
  const socket = plain('server');
  const sent = [];
  const got = [];
  WS.receive(socket, Buffer.concat([peer.text('1'), peer.text('2')]), (payload) => {
    got.push(String(payload));
    sent.push(WS.send(socket, 'a'));
    socket.destroyed = true;
    sent.push(WS.send(socket, 'b'));
  });
  assert.deepEqual([got, sent], [['1'], [true, false]]);
});

for (const kind of ['net', 'tls', 'duplex', 'upgrade']) {
  test(`${kind}: 'drain' follows where a sender is told to wait while a chunk is processed`, { timeout: 20_000 }, async (t) => {
    const { server, client } = await connected(t, kind);
    client.pause();
    let sent = 0;
    WS.receive(server, peer.text('go'), () => {
      while (WS.send(server, 'x'.repeat(8000))) assert.ok(++sent < 10_000, 'all of it is taken');
    });
    const drained = once(server, 'drain');
    client.resume();
    await drained;
    assert.equal(WS.send(server, 'next'), true);
  });
}

test('a socket whose class somebody has patched before is written by their method', { timeout: 20_000 }, async () => {
  const child = fork(join(__dirname, 'children', 'patched-write.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [seen] = await once(child, 'message');
  assert.deepEqual(seen, ['8103616263']);
  await once(child, 'exit');
});
