'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { PassThrough, Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const { attach } = require('../lib/attach.js');
const { connect } = require('../lib/connect.js');
const { frame } = require('../lib/frame.js');
const { info } = require('../lib/info.js');
const { close } = require('../lib/close.js');
const { ping } = require('../lib/control.js');
const { send } = require('../lib/send.js');
const { stream } = require('../lib/stream.js');
const { Checker, source } = require('./children/pattern.js');
const { attachedPair, keeper, until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');
const { HOST, KINDS, closed, connected, listen } = require('./support/sockets.js');

const MiB = 1024 * 1024;

/** Resolves with the names of events in the order in which they came, when 'close' has. */
function lifeOf(duplex) {
  const life = [];
  for (const name of ['end', 'finish', 'error']) duplex.on(name, () => life.push(name));
  return new Promise((resolve) => { duplex.on('close', () => resolve(life)); });
}

for (const kind of KINDS) {
  test(`echoes a long stream over ${kind}`, async (t) => {
    const { server, client } = await connected(t, kind);
    const echo = stream(server);
    echo.pipe(echo);
    const duplex = stream(client);
    const size = 8 * MiB;
    const checker = new Checker();
    const received = (async () => {
      for await (const chunk of duplex) {
        checker.take(chunk);
        if (checker.bytes === size) break;
      }
    })();
    for await (const chunk of source(size)) {
      if (!duplex.write(chunk)) await new Promise((resolve) => { duplex.once('drain', resolve); });
    }
    await received;
    assert.equal(checker.bytes, size);
  });
}

describe('what is written', () => {
  test('is a message each: strings are text, bytes are binary', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    const duplex = stream(server);
    duplex.write('text');
    duplex.write(Buffer.from('bytes'));
    duplex.write('6869', 'hex');
    assert.deepEqual(await wire.take(3), [
      { text: 'text' }, { binary: Buffer.from('bytes').toString('hex') }, { binary: '6869' }
    ]);
  });

  test('is of the kind that `binary` says', async (t) => {
    const { server, client } = await connected(t, 'net');
    const [toServer, toClient] = [frames(server), frames(client)];
    stream(server, { binary: true }).write('a');
    assert.deepEqual(await toClient.next(), { binary: '61' });
    stream(client, { binary: false }).write(Buffer.from('b'));
    assert.deepEqual(await toServer.next(), { text: 'b' });
  });

  test('may be all that can be sent, with writableObjectMode', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    const duplex = stream(server, { writableObjectMode: true });
    duplex.write('');
    duplex.write(new Uint16Array([1]));
    duplex.write(new Blob(['blob']));
    duplex.write(Readable.from([Buffer.from('x')]));
    const isRead = new Promise((resolve) => { duplex.write(new Blob(['y']).stream(), resolve); });
    duplex.write(frame('frame'));
    assert.deepEqual(await wire.take(8), [
      { text: '' }, { binary: '0100' }, { binary: Buffer.from('blob').toString('hex') },
      { binary: '78', fin: false }, { more: '' }, { binary: '79', fin: false }, { more: '' }, { text: 'frame' }
    ]);
    await isRead;
    const life = lifeOf(duplex);
    duplex.write(42);
    assert.deepEqual(await life, ['error']);
  });

  test('waits for a peer that does not read', async (t) => {
    const { server, client } = await connected(t, 'net');
    const duplex = stream(server);
    let written = 0;
    const count = 64;
    for (let i = 0; i < count; i++) duplex.write(Buffer.alloc(MiB), () => written++);
    await until(() => server.writableNeedDrain);
    for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
    // The stream keeps the rest: the socket is given no more than it takes.
    assert.ok(written < count / 2, `${written} were written`);
    assert.ok(info(server).bufferedAmount < 2 * MiB);
    assert.ok(duplex.writableLength > 16 * MiB);
    const drained = new Promise((resolve) => { duplex.on('drain', resolve); });
    client.resume();
    await drained;
    assert.equal(duplex.writableLength, 0);
  });
});

describe('what is read', () => {
  test('is one chunk a message with readableObjectMode, text as strings', async (t) => {
    const { server, client } = await connected(t, 'net');
    const duplex = stream(server, { readableObjectMode: true });
    for (const payload of ['text', Buffer.from('bytes'), '', Buffer.alloc(200_000)]) send(client, payload);
    close(client, 1000);
    stream(client).resume();
    const chunks = await duplex.toArray();
    assert.deepEqual(chunks, ['text', Buffer.from('bytes'), '', Buffer.alloc(200_000)]);
  });

  test('is there before its message is whole', async (t) => {
    const { server, client } = await connected(t, 'net');
    const chunks = stream(server).iterator();
    client.write(peerOf('server').binary('abcd').subarray(0, -2));
    assert.equal((await chunks.next()).value.toString(), 'ab');
  });

  test('stops the peer while nobody reads it', async (t) => {
    const { server, client } = await connected(t, 'net');
    const duplex = stream(server);
    const total = 48 * MiB;
    send(client, Buffer.alloc(total));
    await until(() => server.isPaused());
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.ok(info(server).bytesReceived < MiB);
    assert.ok(info(client).bufferedAmount > 16 * MiB);
    let bytes = 0;
    for await (const chunk of duplex) {
      bytes += chunk.length;
      if (bytes === total) break;
    }
    assert.equal(bytes, total);
  });

  test('begins with the head', async (t) => {
    const { server } = await connected(t, 'net');
    const head = Buffer.concat([peerOf('server').text('one '), peerOf('server').text('two')]);
    const duplex = stream(server, { head, readableObjectMode: true });
    const chunks = duplex.iterator();
    assert.equal((await chunks.next()).value, 'one ');
    assert.equal((await chunks.next()).value, 'two');
  });
});

describe('the end', () => {
  for (const transport of ['auto', 'stream']) {
    test(`by the peer, right behind a message: that is answered (${transport})`, async (t) => {
      const { server, client } = await connected(t, 'net');
      const wire = frames(client);
      const duplex = stream(server, { transport });
      const life = lifeOf(duplex);
      duplex.on('data', (chunk) => duplex.write(chunk));
      const peer = peerOf('server');
      // The first comes alone, so that the reactor has the socket where there is one.
      client.write(peer.binary('one'));
      assert.deepEqual(await wire.next(), { binary: '6f6e65' });
      client.write(Buffer.concat([peer.binary('two'), peer.close(1000)]));
      assert.deepEqual(await wire.take(2), [{ binary: '74776f' }, { close: 1000, reason: '' }]);
      assert.deepEqual((await life).sort(), ['end', 'finish']);
    });
  }

  test('by the peer, cleanly: end, finish, close', async (t) => {
    const { server, client } = await connected(t, 'net');
    stream(client).resume();
    const duplex = stream(server).resume();
    const life = lifeOf(duplex);
    close(client, 1001);
    assert.deepEqual(await life, ['end', 'finish']);
    assert.equal(info(server).closeCode, 1001);
  });

  test('by end(): a close frame with 1000 behind all that was written', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    const duplex = stream(server).resume();
    const life = lifeOf(duplex);
    duplex.write('one');
    duplex.write(Buffer.alloc(0x10000));
    duplex.end('two');
    assert.deepEqual(await wire.next(), { text: 'one' });
    await wire.next();
    assert.deepEqual(await wire.take(2), [{ text: 'two' }, { close: 1000, reason: '' }]);
    assert.equal(duplex.writableFinished, false);
    // What the peer had on its way is read, and 'finish' waits for its close frame.
    client.write(Buffer.concat([peerOf('server').text('late'), peerOf('server').close(1000)]));
    let got = '';
    duplex.on('data', (chunk) => { got += chunk; });
    assert.deepEqual((await life).sort(), ['end', 'finish']);
    assert.equal(got, 'late');
  });

  test('by end(), behind a Readable that is still being sent', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    const slow = new PassThrough();
    const duplex = stream(server);
    send(server, slow);
    duplex.end('last');
    slow.write('a');
    assert.deepEqual(await wire.next(), { binary: '61', fin: false });
    slow.end();
    assert.deepEqual(await wire.take(3), [{ more: '' }, { text: 'last' }, { close: 1000, reason: '' }]);
  });

  test('of both sides of a pipeline', async (t) => {
    const { server, client } = await connected(t, 'net');
    const total = 4 * MiB;
    const checker = new Checker();
    const [duplex, far] = [stream(server), stream(client)];
    const sunk = (async () => {
      for await (const chunk of far) checker.take(chunk);
    })();
    duplex.resume();
    await pipeline(source(total), duplex);
    await sunk;
    assert.equal(checker.bytes, total);
  });

  test('by a connection that is lost: an error for pipelines and iterators', async (t) => {
    const { server, client } = await connected(t, 'net');
    const failure = assert.rejects(stream(server).toArray(), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    client.end();
    await failure;
  });

  test('by a connection that is lost: close without end', async (t) => {
    const { server, client } = await connected(t, 'net');
    const duplex = stream(server).resume();
    const closed = new Promise((resolve) => { duplex.on('close', resolve); });
    client.end();
    await closed;
    assert.equal(duplex.readableEnded, false);
  });

  test('by a violation: the peer is told, the reader gets the fault', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    const failure = assert.rejects(stream(server).toArray(), { code: 'WS_ERR_INVALID_UTF8', closeCode: 1007 });
    client.write(peerOf('server').text(Buffer.from([0xff])));
    assert.deepEqual(await wire.next(), { close: 1007, reason: '' });
    await failure;
  });

  test('with a write that has not gone out: an error', async (t) => {
    const { server, client } = await connected(t, 'net');
    const duplex = stream(server);
    const life = lifeOf(duplex);
    for (let i = 0; i < 64; i++) duplex.write(Buffer.alloc(MiB));
    await until(() => server.writableNeedDrain);
    const failure = new Promise((resolve) => { duplex.write('last', resolve); });
    client.destroy();
    assert.notEqual(await failure, null);
    assert.equal((await life).includes('finish'), false);
  });

  test('by destroy(): the socket is destroyed', async (t) => {
    const { server, client, at } = await attachedPair(t, { client: {} });
    const duplex = stream(server);
    const life = lifeOf(duplex);
    duplex.destroy(new Error('mine'));
    assert.equal(server.destroyed, true);
    assert.deepEqual(await life, ['error']);
    assert.equal((await at.client.closed).code, 1006);
    assert.equal(client.destroyed, true);
  });

  test('by destroy(), with messages unread behind which the peer has gone: the handler is told', { timeout: 10_000 }, async (t) => {
    const options = { perMessageDeflate: true };
    const { server, client, at } = await attachedPair(t, { server: options, client: options });
    const duplex = stream(server);
    // They come in one chunk, of which most waits, with the peer's end behind it.
    client.cork();
    for (let number = 0; number < 10; number++) send(client, Buffer.alloc(30_000, number));
    client.end();
    client.uncork();
    await until(() => server.destroyed);
    assert.equal(info(server).closeCode, null);
    duplex.destroy();
    assert.deepEqual(await at.server.closed, { code: 1006, wasClean: false, error: undefined });
  });

  test('of a socket that was destroyed before anybody attached it', { timeout: 10_000 }, async () => {
    const socket = new PassThrough();
    const gone = closed(socket);
    socket.destroy();
    await assert.rejects(stream(socket).toArray(), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await gone;
    await assert.rejects(stream(socket).toArray(), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });

  test('of a socket that is closed already', async (t) => {
    const { server } = await connected(t, 'net');
    const gone = new Promise((resolve) => { server.on('close', resolve); });
    server.destroy();
    await gone;
    await assert.rejects(stream(server).toArray(), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });
});

describe('an attached socket', () => {
  test('gives its messages to the stream, everything else to its handlers', async (t) => {
    const { server, client } = await connected(t, 'net');
    const pongs = [];
    const kept = keeper({ pong: (socket, payload) => pongs.push(payload.toString()) });
    attach(server, kept.handlers);
    const far = keeper();
    attach(client, far.handlers);
    send(client, 'first');
    assert.equal((await kept.inbox.next()).payload.toString(), 'first');
    const duplex = stream(server, { readableObjectMode: true });
    const chunks = duplex.iterator();
    send(client, 'second');
    assert.equal((await chunks.next()).value, 'second');
    ping(server, 'p');
    await until(() => pongs.length === 1);
    close(client, 1000);
    assert.equal((await chunks.next()).done, true);
    const { code, wasClean } = await kept.closed;
    assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
    assert.deepEqual(kept.inbox.left, []);
  });

  test('that hands messages on as streams gives the parts', async (t) => {
    const { server, client } = await connected(t, 'net');
    attach(server, {}, { stream: true });
    const chunks = stream(server).iterator();
    client.write(peerOf('server').text('abcd').subarray(0, -2));
    assert.equal((await chunks.next()).value.toString(), 'ab');
  });

  test('has one reader', async (t) => {
    const { server } = await connected(t, 'net');
    stream(server);
    assert.throws(() => stream(server), { code: 'ERR_INVALID_STATE' });
  });

  test('of WS.connect is read from its open handler on', async (t) => {
    const listener = net.createServer();
    const port = await listen(listener);
    t.after(() => listener.close());
    const { handlers, closed } = keeper();
    const failed = new Promise((resolve) => { handlers.error = (socket, error) => resolve(error); });
    const connecting = connect(`ws://${HOST}:${port}`, handlers);
    assert.throws(() => stream(connecting), { code: 'ERR_INVALID_STATE', message: /open handler/ });
    connecting.destroy();
    await Promise.race([failed, closed]);
  });

  test('has its options already', async (t) => {
    const { server } = await connected(t, 'net');
    attach(server, {});
    assert.throws(() => stream(server, { maxPayload: 1 }), {
      code: 'ERR_INVALID_ARG_VALUE', message: /"options\.maxPayload" .* attached already/
    });
  });
});

test('every option is checked', async (t) => {
  const { server } = await connected(t, 'net');
  for (const name of ['binary', 'readableObjectMode', 'writableObjectMode']) {
    assert.throws(() => stream(server, { [name]: 1 }), { code: 'ERR_INVALID_ARG_TYPE', message: new RegExp(name) });
  }
  assert.throws(() => stream(server, { maxPayload: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => stream(server, { text: 'string' }), /no option "options\.text"/);
  assert.throws(() => stream(server, { readableobjectmode: true }), /Did you mean "readableObjectMode"/);
  assert.throws(() => stream({ write() {}, end() {} }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => stream(null), { code: 'ERR_INVALID_ARG_TYPE' });
});
