'use strict';

// What an attached connection owes its program when things come at an awkward moment.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const net = require('node:net');
const { Duplex } = require('node:stream');
const test = require('node:test');
const { WS } = require('..');
const { limitDefaults, peek } = require('../lib/connection.js');
const { until } = require('./support/attached.js');
const { MARKED, deflated } = require('./support/deflate.js');
const { peerOf } = require('./support/frames.js');
const { Inbox, frames } = require('./support/inbox.js');
const { uncaught } = require('./support/listening.js');
const { as, plain } = require('./support/plain.js');
const { HOST, connected, lasting, listen, netPair } = require('./support/sockets.js');

const client = peerOf('server');

/** A server that is attached with `handlers`, and the bare socket at its other end. */
async function attachedServer(t, handlers, options) {
  return attachedTo(await connected(t, 'net'), handlers, options);
}

/** The same, where the peer's end does not end the server's half. */
async function halfOpenServer(t, handlers, options) {
  const pair = lasting(t, await netPair({ allowHalfOpen: true }));
  as('server', pair.server);
  pair.client.on('error', () => {});
  return attachedTo(pair, handlers, options);
}

function attachedTo({ server, client: peer }, handlers, options) {
  const closed = new Promise((resolve) => {
    const close = (socket, code, reason, wasClean) => resolve({ code, wasClean });
    WS.attach(server, { ...handlers, close }, options);
  });
  return { server, peer, closed };
}

for (const transport of ['auto', 'stream']) {
  for (const [way, send] of [
    ['WS.send', (socket, text) => WS.send(socket, text)],
    ['WS.broadcast', (socket, text) => WS.broadcast([socket], text)]
  ]) {
    test(`${transport}: with ${way} a burst that follows another leaves in one write`, async (t) => {
      const { peer, server } = await attachedServer(t, {}, { transport });
      const wire = frames(peer);
      /** What of the texts, sent in one tick, has been written before its end. */
      const atOnce = async (...texts) => {
        const before = server.bytesWritten;
        for (const text of texts) send(server, text);
        const written = server.bytesWritten - before;
        for (const text of texts) assert.deepEqual(await wire.next(), { text });
        return written;
      };
      const frame = 2 + 'one'.length;
      assert.equal(await atOnce('one'), frame);
      assert.equal(await atOnce('two', 'too'), frame);
      assert.equal(await atOnce('six', 'ten', 'all'), 0);
      assert.equal(await atOnce('end'), 0);
      assert.equal(await atOnce('and', 'one'), frame);
    });
  }
}

for (const transport of ['auto', 'stream']) {
  test(`${transport}: what was gathered before WS.attach goes before what is sent after it`, async (t) => {
    const { server, client: peer } = await connected(t, 'net');
    const inbox = frames(peer);
    const words = ['one', 'two', 'three', 'four', 'five'];
    for (const word of words.slice(0, 3)) WS.send(server, word);
    const open = () => { for (const word of words.slice(3)) WS.send(server, word); };
    WS.attach(server, { open }, { transport });
    const got = await inbox.take(words.length);
    assert.deepEqual(got.map(({ text }) => text), words);
  });
}

// Over the stream Node finds the FIN behind a pause; over the reactor nobody looks before `resume`.
for (const [transport, finIsThere] of [
  ['auto', (server, peer) => once(peer, 'finish')],
  ['stream', (server) => once(server, 'end')]
]) {
  test(`${transport}: a FIN behind a paused chunk loses neither messages nor the close frame`, async (t) => {
    const got = [];
    const { peer, server, closed } = await attachedServer(t, {
      message(socket, payload) {
        got.push(String(payload));
        if (got.length === 1) WS.pause(socket);
      }
    }, { transport });
    const end = finIsThere(server, peer);
    peer.end(Buffer.concat([client.text('one'), client.text('two'), client.close(1000)]));
    await Promise.all([end, until(() => got.length === 1)]);
    assert.deepEqual(got, ['one']);
    WS.resume(server);
    assert.deepEqual(await closed, { code: 1000, wasClean: true });
    assert.deepEqual(got, ['one', 'two']);
  });

  test(`${transport}: a stream that is read late gets all that came before a FIN`, async (t) => {
    const { server, client: peer } = await connected(t, 'net');
    await readLate(server, peer, WS.stream(server, { transport }), finIsThere(server, peer));
  });
}

const words = ['one', 'two', 'three', 'four'];
const spoken = words.map((word) => client.text(word));

/**
 * A server that the first message has paused, for which the others and the peer's end wait.
 * @param further what each further message does
 * @param last what comes between the messages and the end
 */
async function pausedBeforeFin(t, attached, transport, further = () => {}, last = client.close(1000)) {
  const got = [];
  const { peer, server, closed } = await attached(t, {
    message(socket, payload) {
      got.push(String(payload));
      if (got.length === 1) WS.pause(socket);
      else further(socket);
    }
  }, { transport });
  const end = once(server, 'end');
  peer.end(Buffer.concat([...spoken, last]));
  await end;
  return { server, closed, got };
}

for (const transport of ['auto', 'stream']) {
  for (const [half, attached] of [['an open', halfOpenServer], ['no open', attachedServer]]) {
    test(`${transport}: a FIN behind handlers that throw loses nothing, with ${half} half`, async (t) => {
      const got = [];
      const { peer, closed } = await attached(t, {
        message(socket, payload) {
          got.push(String(payload));
          throw new Error('at each of them');
        }
      }, { transport });
      const errors = await uncaught(words.length, async () => {
        peer.end(Buffer.concat([...spoken, client.close(1000)]));
        assert.deepEqual(await closed, { code: 1000, wasClean: true });
      });
      assert.equal(errors.length, words.length);
      assert.deepEqual(got, words);
    });

    test(`${transport}: a FIN behind a pause and handlers that throw loses nothing, with ${half} half`, async (t) => {
      const { server, closed, got } = await pausedBeforeFin(t, attached, transport, () => {
        throw new Error('at each but the first');
      });
      const errors = await uncaught(words.length - 1, async () => {
        WS.resume(server);
        assert.deepEqual(await closed, { code: 1000, wasClean: true });
      });
      assert.equal(errors.length, words.length - 1);
      assert.deepEqual(got, words);
    });

    test(`${transport}: WS.close of what waits before a FIN ends it, with ${half} half`, async (t) => {
      const { server, closed, got } = await pausedBeforeFin(t, attached, transport);
      // Where no half is open the socket is closed soon after; the connection is not.
      if (half === 'no open') await once(server, 'close');
      WS.close(server);
      assert.deepEqual(await closed, { code: 1000, wasClean: true });
      assert.deepEqual(got, ['one']);
      assert.equal(WS.info(server).state, 'closed');
    });

    test(`${transport}: a stream that is destroyed late lets go of what waits, with ${half} half`, async (t) => {
      const { peer, server, closed } = await attached(t, {}, { transport, stream: true });
      const stream = WS.stream(server);
      const end = once(server, 'end');
      peer.end(Buffer.concat(Array.from({ length: 400 }, () => client.binary('x'))));
      await end;
      if (half === 'no open') await once(server, 'close');
      stream.destroy();
      assert.deepEqual(await closed, { code: 1006, wasClean: false });
    });
  }

  test(`${transport}: a destroy ends what waits before a FIN`, async (t) => {
    const { server, closed, got } = await pausedBeforeFin(t, halfOpenServer, transport);
    server.destroy();
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
    assert.deepEqual(got, ['one']);
  });

  test(`${transport}: a destroy in a handler ends what waits before a FIN`, async (t) => {
    const destroy = (socket) => socket.destroy();
    const { server, closed, got } = await pausedBeforeFin(t, halfOpenServer, transport, destroy, Buffer.alloc(0));
    WS.resume(server);
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
    assert.deepEqual(got, ['one', 'two']);
  });

  test(`${transport}: a destroy of a closed socket lets go of what waits`, async (t) => {
    const { server, closed, got } = await pausedBeforeFin(t, attachedServer, transport);
    await once(server, 'close');
    assert.equal(server.destroy(), server);
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
    assert.deepEqual(got, ['one']);
    assert.equal(Object.keys(server).includes('destroy'), false);
    WS.resume(server);
    server.destroy();
  });

  test(`${transport}: a destroy of a closed socket in a handler lets go of what waits`, async (t) => {
    const destroy = (socket) => socket.destroy();
    const { server, closed, got } = await pausedBeforeFin(t, attachedServer, transport, destroy, Buffer.alloc(0));
    await once(server, 'close');
    WS.resume(server);
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
    assert.deepEqual(got, ['one', 'two']);
  });

  test(`${transport}: closeTimeout takes nothing of a closed socket from a stream that is read late`, async (t) => {
    const { server, client: peer } = await connected(t, 'net');
    const stream = WS.stream(server, { transport });
    stream.end();
    await once(peer, 'data');
    const messages = Array.from({ length: 600 }, () => client.binary(Buffer.alloc(100)));
    peer.end(Buffer.concat([...messages, client.close(1000)]));
    await once(server, 'close');
    assert.equal(peek(server).isEnding, false);
    let bytes = 0;
    for await (const read of stream) bytes += read.length;
    assert.equal(bytes, 600 * 100);
  });

  test(`${transport}: closeTimeout begins behind what waited before a FIN`, async (t) => {
    const { peer, server, closed } = await halfOpenServer(t, {
      message: (socket, payload) => { if (String(payload) === 'one') WS.pause(socket); }
    }, { transport, closeTimeout: 20 });
    // More than a peer that does not read is sent by the kernel.
    WS.send(server, Buffer.alloc(32 * 1024 * 1024));
    peer.pause();
    const end = once(server, 'end');
    peer.end(Buffer.concat(spoken));
    await end;
    WS.resume(server);
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
  });
}

async function readLate(server, peer, stream, end) {
  // One chunk, and more of it than a stream takes unread.
  const part = Buffer.alloc(100, 0x61);
  const chunk = Buffer.concat([...Array.from({ length: 550 }, () => client.binary(part)), client.close(1000)]);
  peer.end(chunk);
  await Promise.all([end, until(() => server.isPaused())]);
  assert.ok(stream.readableLength < 30_000, `${stream.readableLength} bytes wait`);
  let bytes = 0;
  for await (const read of stream) bytes += read.length;
  assert.equal(bytes, 550 * 100);
}

test('a reader that comes after the close gets what waits before it', async (t) => {
  for (const read of [(server) => WS.messages(server), (server) => WS.stream(server)]) {
    const { server, closed } = await pausedBeforeFin(t, attachedServer, 'stream');
    if (!server.closed) await once(server, 'close');
    const reader = read(server);
    WS.resume(server);
    let got = '';
    for await (const message of reader) got += message.payload ?? message;
    assert.equal(got, words.slice(1).join(''));
    assert.deepEqual(await closed, { code: 1000, wasClean: true });
  }
});

test('a reader gets what a stream of HTTP/2 has brought before it was reset', async (t) => {
  const { server, client: peer } = await connected(t, 'http2');
  server.pause();
  peer.write(client.text('one'));
  await until(() => server.readableLength > 0);
  peer.destroy();
  await until(() => server.closed);
  const reader = WS.messages(server);
  assert.equal(String((await reader.next()).value.payload), 'one');
  await assert.rejects(reader.next(), { code: 'ERR_WS13_ABNORMAL_CLOSURE' });
});

test('a callback of WS.receive that pauses gets the rest of its chunk', async () => {
  const socket = plain('server');
  const got = [];
  WS.receive(socket, Buffer.concat([client.text('one'), client.text('two')]), (payload) => {
    got.push(String(payload));
    if (got.length === 1) WS.pause(socket);
  });
  assert.deepEqual(got, ['one']);
  WS.resume(socket);
  await until(() => got.length === 2);
  assert.deepEqual(got, ['one', 'two']);
});

test('after a violation nothing of the chunk is acted on', async (t) => {
  for (const tail of [client.close(1000), Buffer.from('f18000000000', 'hex')]) {
    const log = [];
    const { peer, server, closed } = await attachedServer(t, {
      ping: () => log.push('ping'),
      error: (socket, error) => log.push(error.code)
    }, { maxMessageRate: { rate: 1, burst: 1 } });
    peer.resume();
    peer.end(Buffer.concat([client.text('a'), client.text('b'), client.ping(''), tail]));
    assert.deepEqual(await closed, { code: 1006, wasClean: false });
    assert.deepEqual(log, ['WS_ERR_TOO_MANY_MESSAGES']);
    assert.equal(WS.info(server).closeCode, 1008);
  }
});

const LARGE = 600_000;

for (const [name, message] of [
  ['a thread that unpacks', () => {}],
  ['a pause', (socket) => { WS.pause(socket); setImmediate(WS.resume, socket); }],
  ['a handler that throws', () => { throw new Error('at each of them'); }]
]) {
  test(`a chunk that is longer than what may wait comes whole behind ${name}`, async () => {
    const socket = new Duplex({ read() {}, write: (chunk, encoding, done) => done() });
    const got = [];
    const faults = [];
    WS.attach(as('server', socket), {
      message(...of) {
        got.push(of[1].length);
        message(...of);
      },
      error: (_socket, error) => faults.push(error)
    }, { perMessageDeflate: true, maxPayload: LARGE });
    const large = client.binary(deflated(randomBytes(LARGE)), MARKED);
    socket.push(Buffer.concat(Array.from({ length: 8 }, () => large)));
    const isDone = () => got.length === 8 || faults.length > 0;
    await uncaught(0, () => until(isDone));
    assert.deepEqual(faults, []);
    assert.deepEqual(got, Array.from({ length: 8 }, () => LARGE));
  });
}

test('no handler runs for what is behind a destroy', async (t) => {
  const log = [];
  const { peer, closed } = await attachedServer(t, {
    message(socket) {
      log.push('message');
      socket.destroy();
    },
    ping: () => log.push('ping'),
    pong: () => log.push('pong')
  });
  peer.on('error', () => {});
  peer.write(Buffer.concat([client.text('a'), client.ping(''), client.pong('')]));
  assert.deepEqual(await closed, { code: 1006, wasClean: false });
  assert.deepEqual(log, ['message']);
});

test('a closed socket is not opened any more', async () => {
  const socket = new net.Socket();
  socket.destroy();
  await once(socket, 'close');
  const log = [];
  const handlers = { open: () => log.push('open'), close: () => log.push('close') };
  assert.equal(WS.attach(socket, handlers), socket);
  await new Promise(setImmediate);
  assert.deepEqual(log, []);
});

for (const [name, isLate] of [['before it is told to connect', true], ['while it connects', false]]) {
  test(`a socket may be attached ${name}`, async (t) => {
    const listener = net.createServer();
    t.after(() => listener.close());
    const port = await listen(listener);
    const accepted = once(listener, 'connection');
    const socket = as('client', new net.Socket());
    if (!isLate) socket.connect(port, HOST);
    const got = new Inbox();
    const closed = new Promise((resolve) => {
      const message = (_socket, payload) => got.push(payload.toString());
      WS.attach(socket, { message, close: (_socket, code) => resolve(code) });
    });
    // What is sent while it connects waits for that.
    if (isLate) socket.connect(port, HOST);
    WS.send(socket, 'one');
    const [far] = await accepted;
    const wire = frames(far);
    far.write(peerOf('client').text('two'));
    assert.equal(await got.next(), 'two');
    WS.send(socket, 'three');
    assert.deepEqual(await wire.take(2), [{ text: 'one' }, { text: 'three' }]);
    far.end(peerOf('client').close(1000));
    assert.equal(await closed, 1000);
  });
}

test('to a socket that was never told to connect nothing can be sent', async () => {
  const log = [];
  const socket = as('client', new net.Socket());
  const closed = new Promise((resolve) => {
    const error = (_socket, { code }) => log.push(code);
    WS.attach(socket, { error, close: (_socket, code) => resolve(code) });
  });
  WS.send(socket, 'one', ({ code }) => log.push(code));
  assert.equal(await closed, 1006);
  assert.deepEqual(log, ['ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED']);
});

test('a socket whose bytes WS.receive has taken cannot be attached', async (t) => {
  const { server } = await connected(t, 'net');
  WS.receive(server, client.text('half').subarray(0, 3));
  assert.throws(() => WS.attach(server, {}), { code: 'ERR_INVALID_STATE' });
});

test('a socket that gives strings is no connection, and says why', async (t) => {
  const { server, client: peer } = await connected(t, 'net');
  const log = [];
  const over = new Promise((resolve) => {
    WS.attach(server.setEncoding('latin1'), {
      message: () => log.push('message'),
      error: (socket, { code, message }) => log.push(code, message),
      close: (socket, code) => resolve(code)
    });
  });
  peer.write(client.text('x'));
  assert.equal(await over, 1006);
  assert.deepEqual(log, ['ERR_INVALID_STATE', 'The socket gives strings, not bytes: setEncoding was called']);
});

test('the limits given to WS.upgrade hold for the attached connection', async (t) => {
  const { server, client: peer } = await connected(t, 'net', { maxPayload: 4 });
  const failed = new Promise((resolve) => {
    WS.attach(server, { error: (socket, error) => resolve(error.code) });
  });
  peer.on('error', () => {});
  peer.write(client.text('five!'));
  assert.equal(await failed, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
});

test('a limit given to a reader counts, be it the default', async (t) => {
  const given = { maxPayload: limitDefaults.maxPayload };
  const readers = {
    attach: (socket) => new Promise((resolve) => {
      const told = (_socket, what) => resolve(what);
      WS.attach(socket, { message: told, error: told }, given);
    }),
    messages: async (socket) => (await WS.messages(socket, given).next()).value.payload,
    stream: async (socket) => (await once(WS.stream(socket, given), 'data'))[0]
  };
  for (const [name, read] of Object.entries(readers)) {
    const { server, client: peer } = await connected(t, 'net', { maxPayload: 4 });
    const got = read(server);
    peer.write(client.text('five!'));
    assert.equal(String(await got), 'five!', name);
  }
});

test('a socket that the library reads is not read by WS.receive, nor upgraded again', async (t) => {
  const { server, peer, closed } = await attachedServer(t, {});
  const refused = { code: 'ERR_INVALID_STATE', message: /reads this socket/ };
  assert.throws(() => WS.receive(server, client.text('once more')), refused);
  assert.throws(() => WS.upgrade(server, { 'sec-websocket-key': 'a' }), refused);
  peer.end(client.close(1000));
  assert.deepEqual(await closed, { code: 1000, wasClean: true });
  assert.equal(WS.receive(server, client.text('too late')), undefined);
});

test('a socket that WS.connect has is not read or upgraded in the handshake', async (t) => {
  const server = WS.listen({ port: 0, host: '127.0.0.1' }, {});
  t.after(() => WS.shutdown(server, { timeout: 0 }));
  await once(server, 'listening');
  await new Promise((resolve, reject) => {
    const handlers = { open: (opened) => opened.destroy(), close: resolve, error: (_socket, error) => reject(error) };
    const socket = WS.connect(`ws://127.0.0.1:${server.address().port}/`, handlers);
    const refused = { code: 'ERR_INVALID_STATE', message: /reads this socket/ };
    assert.throws(() => WS.receive(socket, client.text('early')), refused);
    assert.throws(() => WS.upgrade(socket, { 'sec-websocket-key': 'a' }), refused);
  });
});

test('a shutdown ends, though its server listens again at once', async (t) => {
  const server = WS.listen(0, {}, { heartbeat: 0 });
  t.after(() => server.close());
  await once(server, 'listening');
  const first = WS.connect(`ws://localhost:${server.address().port}`, { error: assert.ifError });
  await until(() => WS.info(first).state === 'open');
  const gone = WS.shutdown(server, { timeout: 2000 });
  server.listen(0);
  await once(server, 'listening');
  const second = WS.connect(`ws://localhost:${server.address().port}`, { error: assert.ifError });
  await until(() => WS.info(second).state === 'open');
  await gone;
  assert.equal(WS.info(second).state, 'open');
  await WS.shutdown(server);
});

test('a socket that gives more data while it is written to keeps the order', async () => {
  const [near, far] = duplexPair();
  near._is_server = true;
  far._is_client = true;
  const got = [];
  WS.attach(near, {
    message(socket, payload) {
      got.push(String(payload));
      if (got.length === 1) WS.send(socket, Buffer.alloc(20_000));
    }
  });
  WS.attach(far, { message: (socket) => WS.send(socket, 'reply') });
  await new Promise(setImmediate);
  far.write(Buffer.concat(['one', 'two', 'three'].map((word) => client.text(word))));
  await until(() => got.length === 4);
  assert.deepEqual(got, ['one', 'two', 'three', 'reply']);
  near.destroy();
  far.destroy();
});

test('with text "string" a streamed text gives strings, whole characters at a time', async (t) => {
  const euros = '\u20ac'.repeat(5000);
  const got = new Promise((resolve) => {
    attachedServer(t, {
      async message(socket, incoming) {
        let text = '';
        for await (const part of incoming) {
          assert.equal(typeof part, 'string');
          text += part;
        }
        resolve(text);
      }
    }, { stream: true, text: 'string' }).then(({ peer }) => {
      peer.write(client.text(euros.slice(0, 7), { fin: false }));
      peer.write(client.more(euros.slice(7)));
    });
  });
  assert.equal(await got, euros);
});

test('a handler whose name is nearly right is refused', () => {
  const socket = plain('server');
  socket.on = () => {};
  assert.throws(() => WS.attach(socket, { mesage() {} }), {
    code: 'ERR_INVALID_ARG_VALUE', message: /"mesage".*"message"/
  });
  for (const name of ['opne', 'close_', 'onopen', 'onMessage', 'errors', 'connection', 'verifyClient']) {
    assert.throws(() => WS.attach(socket, { [name]() {} }), { code: 'ERR_INVALID_ARG_VALUE' }, name);
  }
});

test('functions of the program\'s own may be beside the handlers', async (t) => {
  const { server } = await connected(t, 'net');
  const log = [];
  const own = Object.fromEntries(['on', 'pop', 'find', 'code', 'main', 'join', 'send'].map((name) => [name, () => {}]));
  WS.attach(server, { ...own, log: (line) => log.push(line), open() { this.log('open'); } });
  assert.deepEqual(log, ['open']);
});

test('a list in the place of the handlers is refused', () => {
  const refused = { code: 'ERR_INVALID_ARG_TYPE', message: /"handlers"/ };
  assert.throws(() => WS.connect('ws://localhost/', ['chat']), refused);
  assert.throws(() => WS.listen(0, []), refused);
});

test('a stream of HTTP/2 that goes with its session brings all that waits', async (t) => {
  const { server, client: peer } = await connected(t, 'http2');
  const got = [];
  const { closed } = attachedTo({ server, client: peer }, {
    message(socket, payload) {
      got.push(String(payload));
      if (got.length > 1) return;
      // More than the peer takes is on its way out as the session ends.
      WS.send(socket, Buffer.alloc(3_000_000));
      WS.pause(socket);
    }
  });
  peer.pause();
  const end = once(server, 'end');
  peer.end(Buffer.concat(['one', 'two', 'three'].map((text) => client.text(text))));
  await end;
  peer.session.destroy();
  await once(server, 'close');
  assert.equal(server.writableFinished, false);
  WS.resume(server);
  await closed;
  assert.deepEqual(got, ['one', 'two', 'three']);
});

test('a connection for which there is no memory fails, and holds nobody up', async (t) => {
  const { peer, closed } = await attachedServer(t, {
    message() {
      t.mock.method(Buffer, 'allocUnsafeSlow', () => { throw new RangeError('no memory'); });
      throw new Error('mine');
    }
  }, { transport: 'stream' });
  const errors = await uncaught(1, async () => {
    // More than is read, and decoded, at once.
    peer.write(Buffer.concat(Array.from({ length: 200 }, () => client.binary(Buffer.alloc(1500)))));
    await closed;
  });
  t.mock.restoreAll();
  assert.equal(errors[0].message, 'mine');
});

/** Two ends of a Duplex that hand on what they are given before they say that they have it. */
function duplexPair() {
  class End extends Duplex {
    _read() {}

    _write(chunk, encoding, callback) {
      this.other.push(chunk);
      callback();
    }

    _final(callback) {
      this.other.push(null);
      callback();
    }
  }
  const [a, b] = [new End(), new End()];
  a.other = b;
  b.other = a;
  return [a, b];
}
