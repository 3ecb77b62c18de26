'use strict';

const assert = require('node:assert/strict');
const { join } = require('node:path');
const { PassThrough, Readable } = require('node:stream');
const { describe, test } = require('node:test');
const { info } = require('../lib/info.js');
const { stream } = require('../lib/stream.js');
const { close } = require('../lib/close.js');
const { ping } = require('../lib/control.js');
const { send } = require('../lib/send.js');
const { attachedPair, keeper, until } = require('./support/attached.js');
const { Program } = require('./support/child.js');
const { ROLES, peerOf } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');
const { uncaught } = require('./support/listening.js');
const { attach } = require('../lib/attach.js');
const { connected } = require('./support/sockets.js');

const MiB = 1024 * 1024;

async function whole(readable) {
  return Buffer.concat(await readable.toArray());
}

/** One end that hands its messages on as streams, and the bare socket of its peer. */
async function receiving(t, role, options, handlers) {
  const sockets = await connected(t, 'net');
  const kept = keeper(handlers);
  const [own, far] = role === 'server' ? ['server', 'client'] : ['client', 'server'];
  attach(sockets[own], kept.handlers, { stream: true, ...options });
  return { socket: sockets[own], far: sockets[far], peer: peerOf(role), ...kept };
}

for (const role of ROLES) {
  describe(`a message that is handed on as its bytes arrive: ${role}`, () => {
    test('parts come before the message is whole', async (t) => {
      const { far, peer, inbox } = await receiving(t, role);
      const frame = peer.binary('abcdefgh');
      far.write(frame.subarray(0, -4));
      const { payload: incoming, isBinary } = await inbox.next();
      assert.equal(isBinary, true);
      const parts = incoming.iterator();
      assert.equal((await parts.next()).value.toString(), 'abcd');
      far.write(frame.subarray(-4));
      assert.equal((await parts.next()).value.toString(), 'efgh');
      assert.equal((await parts.next()).done, true);
    });

    test('fragments are one message, control frames between them are answered at once', async (t) => {
      const { far, peer, inbox } = await receiving(t, role);
      const answers = frames(far);
      far.write(peer.text('one', { fin: false }));
      const { payload: incoming, isBinary } = await inbox.next();
      assert.equal(isBinary, false);
      far.write(peer.ping('now'));
      assert.deepEqual(await answers.next(), { pong: Buffer.from('now').toString('hex') });
      far.write(Buffer.concat([peer.more(' two', { fin: false }), peer.more('', { fin: false }), peer.more('')]));
      assert.equal((await whole(incoming)).toString(), 'one two');
    });

    test('messages follow each other, short and empty ones too', async (t) => {
      const { far, peer, inbox } = await receiving(t, role);
      far.write(Buffer.concat([peer.text(''), peer.binary('a'), peer.text('b'.repeat(100_000))]));
      const lengths = [];
      for (const { payload } of await inbox.take(3)) lengths.push((await whole(payload)).length);
      assert.deepEqual(lengths, [0, 1, 100_000]);
    });

    test('a part may end inside a character', async (t) => {
      const { far, peer, inbox } = await receiving(t, role);
      const frame = peer.text('€€');
      far.write(frame.subarray(0, -2));
      const { payload: incoming } = await inbox.next();
      const parts = incoming.iterator();
      const first = (await parts.next()).value;
      assert.equal(first.length, 4);
      far.write(frame.subarray(-2));
      assert.equal(Buffer.concat([first, (await parts.next()).value]).toString(), '€€');
    });

    test('text that is not UTF-8 ends the connection at its first bad byte: 1007', async (t) => {
      const { far, peer, inbox, closed } = await receiving(t, role);
      const wire = frames(far);
      far.write(peer.text('fine', { fin: false }));
      const { payload: incoming } = await inbox.next();
      const failure = assert.rejects(whole(incoming), { code: 'WS_ERR_INVALID_UTF8', closeCode: 1007 });
      // The message goes on for long: what is wrong is told before it ends.
      far.write(peer.more(Buffer.from([0x61, 0xff]), { fin: false, length: 1000 }));
      assert.deepEqual(await wire.next(), { close: 1007, reason: '' });
      await failure;
      far.end();
      const { code, error } = await closed;
      assert.equal(code, 1006);
      assert.equal(error.code, 'WS_ERR_INVALID_UTF8');
    });

    test('text that ends inside a character: 1007', async (t) => {
      const { far, peer, inbox } = await receiving(t, role);
      const wire = frames(far);
      far.write(peer.text(Buffer.from([0x61, 0xe2, 0x82]), { fin: false }));
      const { payload: incoming } = await inbox.next();
      const failure = assert.rejects(whole(incoming), { code: 'WS_ERR_INVALID_UTF8' });
      far.write(peer.more(''));
      assert.deepEqual(await wire.next(), { close: 1007, reason: '' });
      await failure;
    });
  });
}

describe('a reader of a message', () => {
  test('that is slow stops the peer, and loses nothing', async (t) => {
    const { server, client, at } = await attachedPair(t, {
      server: { stream: true }, client: { maxBufferedAmount: 256 * MiB }
    });
    const total = 48 * MiB;
    for (let at = 0; at < total; at += 4 * MiB) {
      send(client, Buffer.alloc(4 * MiB, at / MiB), { fin: at + 4 * MiB === total });
    }
    const { payload: incoming } = await at.server.inbox.next();
    await until(() => server.isPaused());
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    assert.ok(info(server).bytesReceived < MiB, `${info(server).bytesReceived} bytes were read`);
    // The rest is what the kernel holds.
    assert.ok(info(client).bufferedAmount > 16 * MiB, `${info(client).bufferedAmount} bytes wait`);
    const bytes = await whole(incoming);
    assert.equal(bytes.length, total);
    for (let at = 0; at < total; at += 4 * MiB) {
      assert.equal(bytes[at], at / MiB);
      assert.equal(bytes[at + 4 * MiB - 1], at / MiB);
    }
  });

  test('that leaves whole messages unread stops the peer too', async (t) => {
    const { server, client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    const count = 1000;
    for (let i = 0; i < count; i++) send(client, Buffer.alloc(10_000, i));
    await until(() => server.isPaused());
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.ok(at.server.inbox.left.length < 10, `${at.server.inbox.left.length} were handed on`);
    for (let i = 0; i < count; i++) {
      const { payload } = await at.server.inbox.next();
      const bytes = await whole(payload);
      assert.equal(bytes.length, 10_000);
      assert.equal(bytes[9_999], i & 0xff);
    }
  });

  test('that destroys it gets the next message', async (t) => {
    const { client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    send(client, Buffer.alloc(MiB), { fin: false });
    const { payload: unwanted } = await at.server.inbox.next();
    unwanted.destroy();
    send(client, Buffer.alloc(MiB), { fin: true });
    send(client, 'wanted');
    const { payload } = await at.server.inbox.next();
    assert.equal((await whole(payload)).toString(), 'wanted');
  });

  test('that destroys each message at its last byte does not stop the peer', async (t) => {
    const { server, client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    for (let count = 0; count < 100; count++) {
      send(client, 'first', { fin: false });
      const { payload: incoming } = await at.server.inbox.next();
      const gone = new Promise((resolve) => { incoming.on('close', resolve); });
      incoming.on('data', (chunk) => {
        if (chunk.toString().endsWith('last')) incoming.destroy();
      });
      send(client, 'last');
      await gone;
    }
    assert.equal(server.isPaused(), false);
  });

  test('may be missing: then messages are passed over', async (t) => {
    const handlers = { message: undefined };
    const { client, at } = await attachedPair(t, { server: { stream: true, handlers }, client: {} });
    send(client, Buffer.alloc(MiB));
    close(client, 1000);
    assert.equal((await at.server.closed).wasClean, true);
  });

  test('hears of a connection that ends before the message does', async (t) => {
    const { client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    send(client, 'half', { fin: false });
    const { payload: incoming } = await at.server.inbox.next();
    const failure = assert.rejects(whole(incoming), { code: 'ERR_WS13_MESSAGE_CUT' });
    client.destroy();
    await failure;
    assert.equal((await at.server.closed).code, 1006);
  });

  test('that does not listen for errors is not brought down by a peer', async (t) => {
    const { client, at } = await attachedPair(t, { server: { stream: true }, client: {} });
    send(client, 'half', { fin: false });
    const { payload: incoming } = await at.server.inbox.next();
    const gone = new Promise((resolve) => { incoming.on('close', resolve); });
    client.destroy();
    await gone;
    assert.equal(incoming.readableEnded, false);
    assert.equal(incoming.errored.code, 'ERR_WS13_MESSAGE_CUT');
  });

  test('loses no byte where a handler throws', async (t) => {
    const got = [];
    const handlers = {
      message(socket, incoming) {
        got.push(whole(incoming));
        throw new Error(`thrown ${got.length}`);
      }
    };
    const { client } = await attachedPair(t, { server: { stream: true, handlers }, client: {} });
    const thrown = await uncaught(2, async () => {
      send(client, 'one', { fin: false });
      send(client, ' more');
      send(client, 'two');
    });
    assert.deepEqual(thrown.map(({ message }) => message), ['thrown 1', 'thrown 2']);
    assert.equal(`${await got[0]}, ${await got[1]}`, 'one more, two');
  });

  test('does not keep the peer\'s close frame from being read', async (t) => {
    const patient = { stream: true, closeTimeout: 60_000 };
    const { server, client, at } = await attachedPair(t, { server: patient, client: {} });
    send(client, Buffer.alloc(8 * MiB), { fin: false });
    const { payload: incoming } = await at.server.inbox.next();
    await until(() => server.isPaused());
    const cut = assert.rejects(whole(incoming), { code: 'ERR_WS13_MESSAGE_CUT' });
    close(server, 1000);
    await cut;
    const { code, wasClean } = await at.server.closed;
    assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  });
});

/** A Readable of given chunks that then waits, ends (null), or fails (an Error). */
function readableOf(chunks, options) {
  const readable = new PassThrough(options);
  for (const chunk of chunks) {
    if (chunk === null) readable.end();
    else if (chunk instanceof Error) setImmediate(() => readable.destroy(chunk));
    else readable.write(chunk);
  }
  return readable;
}

for (const role of ROLES) {
  describe(`a Readable sent as one message: ${role}`, () => {
    async function sending(t, options) {
      const sockets = await connected(t, 'net');
      const [own, far] = role === 'server' ? ['server', 'client'] : ['client', 'server'];
      if (options !== undefined) attach(sockets[own], {}, options);
      return { socket: sockets[own], far: sockets[far], wire: frames(sockets[far]) };
    }

    test('its chunks are fragments that go out as they come', async (t) => {
      const { socket, wire } = await sending(t);
      const source = readableOf(['ab']);
      let called = 0;
      const done = new Promise((resolve) => {
        send(socket, source, (error) => { called++; resolve(error); });
      });
      assert.deepEqual(await wire.next(), { binary: '6162', fin: false });
      source.write('cd');
      assert.deepEqual(await wire.next(), { more: '6364', fin: false });
      assert.equal(called, 0);
      source.end();
      assert.deepEqual(await wire.next(), { more: '' });
      assert.equal(await done ?? null, null);
      assert.equal(called, 1);
    });

    test('text, with a character over two chunks', async (t) => {
      const { socket, wire } = await sending(t);
      send(socket, Readable.from([Buffer.from([0xe2, 0x82]), Buffer.from([0xac])]), { binary: false });
      assert.deepEqual(await wire.next(), { text: 'e282', fin: false });
      assert.deepEqual(await wire.next(), { more: 'ac', fin: false });
      assert.deepEqual(await wire.next(), { more: '' });
    });

    test('with fin: false the message goes on behind it', async (t) => {
      const { socket, wire } = await sending(t);
      send(socket, readableOf(['ab', null]), { fin: false });
      send(socket, 'end');
      assert.deepEqual(await wire.take(3), [{ binary: '6162', fin: false }, { more: '', fin: false }, { more: '656e64' }]);
    });

    test('other messages wait their turn, control frames do not', async (t) => {
      const { socket, wire } = await sending(t);
      const source = readableOf(['ab']);
      send(socket, source);
      send(socket, 'after');
      send(socket, new Blob(['blob']));
      send(socket, readableOf(['cd', null]));
      assert.deepEqual(await wire.next(), { binary: '6162', fin: false });
      assert.equal(info(socket).bufferedAmount >= 5, true);
      ping(socket, 'p');
      assert.deepEqual(await wire.next(), { ping: '70' });
      source.end();
      close(socket, 1000);
      assert.deepEqual(await wire.take(6), [
        { more: '' }, { text: 'after' }, { binary: Buffer.from('blob').toString('hex') },
        { binary: '6364', fin: false }, { more: '' }, { close: 1000, reason: '' }
      ]);
    });

    test('one that fails in the middle closes the connection with 1011', async (t) => {
      const { socket, wire } = await sending(t);
      const failure = new Promise((resolve) => { send(socket, readableOf(['ab', new Error('disk')]), resolve); });
      assert.deepEqual(await wire.take(2), [{ binary: '6162', fin: false }, { close: 1011, reason: '' }]);
      assert.equal((await failure).message, 'disk');
    });

    test('one that fails before its first chunk costs only its callback', async (t) => {
      const { socket, wire } = await sending(t);
      const failure = new Promise((resolve) => { send(socket, readableOf([new Error('disk')]), resolve); });
      send(socket, 'next');
      assert.equal((await failure).message, 'disk');
      assert.deepEqual(await wire.next(), { text: 'next' });
    });

    test('one that has failed while it waited, too', async (t) => {
      const { socket, wire } = await sending(t);
      const first = readableOf([]);
      send(socket, first);
      const source = readableOf([]);
      const failure = new Promise((resolve) => { send(socket, source, resolve); });
      const gone = new Promise((resolve) => { source.on('close', resolve); });
      source.destroy(new Error('early'));
      await gone;
      first.end('ab');
      assert.equal((await failure).message, 'early');
      assert.deepEqual(await wire.take(2), [{ binary: '6162', fin: false }, { more: '' }]);
    });

    test('text that is none closes the connection with 1011', async (t) => {
      const { socket, wire } = await sending(t);
      const source = Readable.from([Buffer.from('ok'), Buffer.from([0xff])]);
      const failure = new Promise((resolve) => { send(socket, source, { binary: false }, resolve); });
      assert.deepEqual(await wire.take(2), [{ text: '6f6b', fin: false }, { close: 1011, reason: '' }]);
      assert.equal((await failure).code, 'ERR_INVALID_ARG_VALUE');
      assert.equal(source.destroyed, true);
    });

    test('chunks that are no bytes are refused as any payload is', async (t) => {
      const { socket } = await sending(t);
      const failure = await new Promise((resolve) => { send(socket, Readable.from([{}]), resolve); });
      assert.equal(failure.code, 'ERR_INVALID_ARG_TYPE');
    });

    test('without a callback its failure is an uncaught exception', async (t) => {
      const { socket } = await sending(t);
      const [error] = await uncaught(1, async () => { send(socket, readableOf(['ab', new Error('nobody')])); });
      assert.equal(error.message, 'nobody');
    });

    test('is destroyed when the connection ends', async (t) => {
      const { socket, far, wire } = await sending(t);
      const source = readableOf(['ab']);
      const failure = new Promise((resolve) => { send(socket, source, resolve); });
      await wire.next();
      far.destroy();
      assert.equal((await failure).code, 'ERR_SOCKET_CLOSED');
      assert.equal(source.destroyed, true);
    });

    test('is destroyed when the connection ends before its turn has come', async (t) => {
      const { socket, far } = await sending(t);
      const sources = [readableOf(['ab']), readableOf([])];
      const failures = sources.map((source) => new Promise((resolve) => { send(socket, source, resolve); }));
      far.destroy();
      for (const failure of failures) assert.equal((await failure).code, 'ERR_SOCKET_CLOSED');
      assert.deepEqual(sources.map(({ destroyed }) => destroyed), [true, true]);
    });

    test('that never ends keeps a close waiting for closeTimeout, no longer', async (t) => {
      for (const begin of [(socket) => close(socket, 1000), (socket) => stream(socket).end()]) {
        const { socket, wire } = await sending(t, { closeTimeout: 50 });
        const source = readableOf(['ab']);
        const failure = new Promise((resolve) => { send(socket, source, resolve); });
        begin(socket);
        assert.deepEqual(await wire.take(2), [{ binary: '6162', fin: false }, 'end']);
        assert.equal((await failure).code, 'ERR_SOCKET_CLOSED');
        assert.equal(source.destroyed, true);
      }
    });

    test('that takes longer than closeTimeout is sent to its end, if only it goes on', async (t) => {
      const { socket, wire } = await sending(t, { closeTimeout: 300 });
      const source = readableOf(['ab']);
      send(socket, source);
      assert.deepEqual(await wire.next(), { binary: '6162', fin: false });
      close(socket, 1000);
      const until = performance.now() + 700;
      while (performance.now() < until) {
        source.write('cd');
        assert.deepEqual(await wire.next(), { more: '6364', fin: false });
      }
      source.end();
      assert.deepEqual(await wire.take(2), [{ more: '' }, { close: 1000, reason: '' }]);
    });

    test('may be a ReadableStream of the web', async (t) => {
      const { socket, wire } = await sending(t);
      const source = new ReadableStream({
        start(controller) {
          for (const chunk of [Buffer.from('ab'), 'c', new Uint8Array([100]).buffer]) controller.enqueue(chunk);
          controller.close();
        }
      });
      send(socket, source, { binary: false });
      send(socket, new Blob(['e']).stream());
      assert.deepEqual(await wire.take(6), [
        { text: '6162', fin: false }, { more: '63', fin: false }, { more: '64', fin: false }, { more: '' },
        { binary: '65', fin: false }, { more: '' }
      ]);
      assert.throws(() => send(socket, source), { code: 'ERR_INVALID_STATE' });
    });

    test('as a ReadableStream is left alone where the call throws', async (t) => {
      const { socket, wire } = await sending(t);
      const source = new Blob(['ab']).stream();
      assert.throws(() => send(socket, source, { binary: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => send({}, source), { code: 'ERR_INVALID_ARG_TYPE' });
      send(socket, source);
      assert.deepEqual(await wire.take(2), [{ binary: '6162', fin: false }, { more: '' }]);
    });

    test('as a ReadableStream that fails closes the connection with 1011', async (t) => {
      const { socket, wire } = await sending(t);
      let pulled = 0;
      const source = new ReadableStream({
        pull(controller) {
          if (pulled++ === 0) controller.enqueue('ab');
          else controller.error(new Error('disk'));
        }
      }, { highWaterMark: 0 });
      const failure = new Promise((resolve) => { send(socket, source, resolve); });
      assert.deepEqual(await wire.take(2), [{ binary: '6162', fin: false }, { close: 1011, reason: '' }]);
      assert.equal((await failure).message, 'disk');
    });

    test('as a ReadableStream is cancelled when the connection ends, or has ended', async (t) => {
      const { socket, far, wire } = await sending(t);
      const cancelled = [];
      const sourceOf = (name) => new ReadableStream({
        start: (controller) => controller.enqueue('ab'),
        cancel: () => cancelled.push(name)
      });
      const failure = new Promise((resolve) => { send(socket, sourceOf('ends'), resolve); });
      await wire.next();
      far.destroy();
      assert.equal((await failure).code, 'ERR_SOCKET_CLOSED');
      assert.equal(send(socket, sourceOf('ended')), false);
      await until(() => cancelled.length === 2);
      assert.deepEqual(cancelled, ['ends', 'ended']);
    });

    test('is destroyed, unread, where the connection has ended', async (t) => {
      const { socket } = await sending(t);
      socket.destroy();
      const source = readableOf(['ab']);
      const failure = new Promise((resolve) => { assert.equal(send(socket, source, resolve), false); });
      assert.equal((await failure).code, 'ERR_SOCKET_CLOSED');
      assert.equal(source.destroyed, true);
    });
  });
}

describe('a peer that does not read', () => {
  const FORMS = { Readable: (source) => source, ReadableStream: Readable.toWeb };
  for (const [name, form] of Object.entries(FORMS)) {
    test(`stops the ${name} that is sent to it`, async (t) => {
      const { server, client } = await connected(t, 'net');
      let read = 0;
      const source = new Readable({
        read() {
          read += 64 * 1024;
          this.push(Buffer.alloc(64 * 1024));
        }
      });
      const done = new Promise((resolve) => { send(server, form(source), resolve); });
      await until(() => server.writableNeedDrain);
      for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
      assert.ok(server.writableLength < MiB, `${server.writableLength} bytes wait`);
      assert.ok(read < 32 * MiB, `${read} bytes were read`);
      client.destroy();
      assert.equal((await done).code, 'ERR_SOCKET_CLOSED');
    });
  }

  test('is dropped when too much waits behind a Readable', async (t) => {
    const { server, at } = await attachedPair(t, { server: { maxBufferedAmount: 100_000 } });
    const source = readableOf(['ab']);
    const late = new Promise((resolve) => { send(server, source, resolve); });
    for (let count = 0; count < 2; count++) send(server, Buffer.alloc(60_000), () => {});
    assert.equal(server.destroyed, false);
    send(server, Buffer.alloc(1), () => {});
    const { code, error } = await at.server.closed;
    assert.equal(code, 1006);
    assert.equal(error.code, 'ERR_WS13_BUFFER_OVERFLOW');
    assert.equal((await late).code, 'ERR_SOCKET_CLOSED');
  });
});

test('one long message streams in and out of a process whose memory stays flat', { timeout: 60_000 }, async (t) => {
  const size = process.env.WS13_LARGE === '1' ? 2048 * MiB : 256 * MiB;
  // A small young generation: what is measured is what the message needs, not how long V8 lets its
  // garbage lie, which differs between versions of Node.
  const child = (name) => ['--max-semi-space-size=1', join(__dirname, 'children', name)];
  const server = new Program(process.execPath, child('stream-server.js'));
  t.after(() => server.stop());
  const port = (await server.line(/^port/)).slice(5);
  const client = new Program(process.execPath, [...child('stream-client.js'), port, String(size)]);
  t.after(() => client.stop());
  for (const [name, program] of [['server', server], ['client', client]]) {
    const [, rss, code] = /^rss (\d+) code (\d+)$/.exec(await program.line(/^rss/));
    assert.equal(code, '1000');
    t.diagnostic(`${name}: ${rss} MiB for a message of ${size / MiB} MiB`);
    assert.ok(Number(rss) < 200, `${name}: ${rss} MiB`);
  }
});
