'use strict';

// docs/connections.md and docs/compression.md row by row: that their tables list exactly the options and
// handlers of the code, that the tests they name are there, and a test for every row that is not tested
// elsewhere. What a connection takes is tested in both roles, by every way to a connection.

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const { subscribe, unsubscribe } = require('node:diagnostics_channel');
const { once } = require('node:events');
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const { WS } = require('../index.js');
const { answerOptions } = require('../lib/admission.js');
const { HANDLERS, attachDefaults, attachOptions } = require('../lib/attach.js');
const { connectDefaults, connectOptions } = require('../lib/connect.js');
const deflate = require('../lib/deflate.js');
const { listenDefaults, listenOptions, placeOptions } = require('../lib/listen.js');
const { checkOptions } = require('../lib/options.js');
const { sendDefaults, sendOptions } = require('../lib/payload.js');
const { shutdownDefaults, shutdownOptions } = require('../lib/shutdown.js');
const { streamDefaults, streamOptions } = require('../lib/stream.js');
const { upgradeDefaults, upgradeOptions } = require('../lib/upgrade.js');
const { keeper, until } = require('./support/attached.js');
const clients = require('./support/clients.js');
const { MARKED, deflated, inflated, rawFrames } = require('./support/deflate.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient } = require('./support/handshake.js');
const { frames, messages } = require('./support/inbox.js');
const { ask, dial, serve } = require('./support/listening.js');
const { nextTurn, plain, sent } = require('./support/plain.js');
const { connected, fill } = require('./support/sockets.js');
const { everyWay } = require('./support/ways.js');

const ROOT = join(__dirname, '..');
const PAGE = ['docs/connections.md', 'docs/compression.md']
  .map((page) => readFileSync(join(ROOT, page), 'utf8').replaceAll('\r\n', '\n')).join('\n\n');
const KiB = 1024;
const MiB = 1024 * KiB;

everyWay('maxPayload', { maxPayload: 10 }, async ({ far, peer, inbox, closed }) => {
  far.write(Buffer.concat([peer.text('0123456789'), peer.text('0123456789a')]));
  assert.equal((await inbox.next()).payload.length, 10);
  assert.equal((await closed).error.code, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
});

everyWay('maxPayload: a message as a stream', { maxPayload: 10, stream: true }, async ({ far, peer, inbox, closed }) => {
  far.write(peer.text('01234567', { fin: false }));
  const { payload } = await inbox.next();
  const cut = assert.rejects(payload.toArray(), { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
  far.write(peer.more('89a'));
  assert.equal((await closed).error.code, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  await cut;
});

everyWay('perMessageDeflate', { perMessageDeflate: { threshold: 10 } }, async ({ socket, far, peer, inbox }) => {
  assert.match(WS.info(socket).extensions, /^permessage-deflate/);
  const next = rawFrames(far);
  far.write(peer.text(deflated('compressed'), MARKED));
  assert.equal((await inbox.next()).payload.toString(), 'compressed');
  WS.send(socket, 'x'.repeat(9));
  WS.send(socket, 'x'.repeat(10));
  const [short, long] = await next(2);
  assert.deepEqual([short.rsv, long.rsv], [0, 4]);
  assert.equal(inflated(long.payload).toString(), 'x'.repeat(10));
});

everyWay('maxFragments', { maxFragments: 2 }, async ({ far, peer, inbox, closed }) => {
  const begin = peer.text('a', { fin: false });
  far.write(Buffer.concat([begin, peer.more('b'), begin, peer.more('b', { fin: false }), peer.more('c')]));
  assert.equal((await inbox.next()).payload.toString(), 'ab');
  assert.equal((await closed).error.code, 'WS_ERR_TOO_MANY_FRAGMENTS');
});

everyWay('maxPendingPongs', { maxPendingPongs: 2 }, async ({ socket, far, peer, calls }) => {
  far.pause();
  const messages = await fill(socket);
  far.write(Buffer.concat(['1', '2', '3', '4'].map((payload) => peer.ping(payload))));
  await calls.ping.take(4);
  const inbox = frames(far);
  far.resume();
  await inbox.take(messages);
  assert.deepEqual(await inbox.take(2), [{ pong: '33' }, { pong: '34' }]);
});

// The test's own time is less than the default.
everyWay('closeTimeout', { closeTimeout: 20 }, async ({ socket, closed }) => {
  WS.close(socket, 1000);
  const { code, wasClean } = await closed;
  assert.deepEqual([code, wasClean], [1006, false]);
}, 4_000);

everyWay('maxBufferedAmount', { maxBufferedAmount: 100_000 }, async ({ socket, far, closed }) => {
  far.pause();
  // The first may be any size; the next one finds too much in front of it.
  const send = () => new Promise((resolve) => { WS.send(socket, Buffer.alloc(16 * MiB), resolve); });
  const told = [send()];
  assert.equal(socket.destroyed, false);
  told.push(send());
  assert.equal((await closed).error.code, 'ERR_WS13_BUFFER_OVERFLOW');
  for (const error of await Promise.all(told)) assert.ok(error instanceof Error);
});

test('maxBufferedAmount: a message that is sent from within a write may be any size', async (t) => {
  const { server, client } = await connected(t, 'net');
  const inbox = messages(client);
  const { write } = server;
  server.write = function (...args) {
    delete server.write;
    WS.send(server, Buffer.alloc(16 * MiB));
    return write.apply(this, args);
  };
  WS.attach(server, {}, { maxBufferedAmount: 100_000 });
  WS.send(server, 'small');
  const got = await inbox.take(2);
  assert.deepEqual(got.map(({ payload }) => payload.length), ['small'.length, 16 * MiB]);
});

/** What a ping and a close frame may wait behind: a message of any size, in the socket or in its turn. */
const ENDINGS = {
  'our close frame': (socket) => {
    WS.ping(socket);
    WS.close(socket, 1000);
  },
  'the answer to the peer\'s': () => {}
};

for (const [name, end] of Object.entries(ENDINGS)) {
  const options = { maxBufferedAmount: 100_000 };
  everyWay(`maxBufferedAmount: ${name} waits behind any message`, options, async ({ socket, far, peer, closed }) => {
    const chunks = [];
    far.pause().on('data', (chunk) => chunks.push(chunk));
    WS.send(socket, Buffer.alloc(16 * MiB));
    end(socket);
    far.write(peer.close(1000));
    // Behind it, the socket ends its half.
    await until(() => socket.writableEnded || socket.destroyed);
    far.resume();
    const { code, error, wasClean } = await closed;
    assert.deepEqual([code, error, wasClean], [1000, undefined, true]);
    assert.ok(Buffer.concat(chunks).length > 16 * MiB);
  });
}

everyWay('maxBufferedAmount: a close frame in its turn', {
  maxBufferedAmount: 100_000, perMessageDeflate: true
}, async ({ socket, far, peer, closed }) => {
  // Packed in the background.
  WS.send(socket, Buffer.alloc(MiB));
  WS.close(socket, 1000);
  assert.equal(socket.destroyed, false);
  const next = rawFrames(far);
  const [{ payload }] = await next(1);
  assert.equal(inflated(payload).length, MiB);
  far.write(peer.close(1000));
  assert.equal((await closed).error, undefined);
});

everyWay('maxBufferedAmount: pings without end', { maxBufferedAmount: 100_000 }, async ({ socket, far, closed }) => {
  far.pause();
  WS.send(socket, Buffer.alloc(16 * MiB));
  for (let sent = 0; sent < 1000 && !socket.destroyed; sent++) {
    WS.ping(socket, Buffer.alloc(125));
    await nextTurn();
  }
  assert.equal((await closed).error.code, 'ERR_WS13_BUFFER_OVERFLOW');
});

everyWay('maxMessageRate: burst', { maxMessageRate: { rate: 1, burst: 3 } }, async ({ far, peer, inbox, closed }) => {
  far.write(Buffer.concat(Array.from('abcdefgh', (text) => peer.text(text))));
  assert.equal((await closed).error.code, 'WS_ERR_TOO_MANY_MESSAGES');
  assert.equal(inbox.left.length, 3);
});

// A thousand for every microsecond.
everyWay('maxMessageRate: rate', { maxMessageRate: { rate: 1e9, burst: 1 } }, async ({ far, peer, inbox }) => {
  far.write(Buffer.concat(Array.from('abcdefgh', (text) => peer.text(text))));
  assert.equal((await inbox.take(8))[7].payload.toString(), 'h');
});

everyWay('heartbeat', { heartbeat: 20 }, async ({ far, closed }) => {
  const inbox = frames(far);
  assert.deepEqual(await inbox.next(), { ping: '' });
  const { code, error, wasClean } = await closed;
  assert.deepEqual([code, error.code, wasClean], [1006, 'ERR_WS13_HEARTBEAT', false]);
});

everyWay('heartbeat: who reads a long message is alive', { heartbeat: 100 }, async ({ socket, far, peer, closed }) => {
  let read = 0;
  // Slowly; a ping comes behind all of it.
  far.pause().on('data', ({ length }) => {
    if ((read % (2 * MiB)) + length >= 2 * MiB) far.pause();
    read += length;
  });
  const slow = setInterval(() => far.resume(), 25);
  WS.send(socket, Buffer.alloc(32 * MiB));
  await until(() => read > 32 * MiB || socket.destroyed);
  clearInterval(slow);
  far.resume().write(peer.close(1000));
  const { code, error } = await closed;
  assert.deepEqual([code, error], [1000, undefined]);
});

everyWay('heartbeat: who reads nothing is not', { heartbeat: 50 }, async ({ socket, far, closed }) => {
  far.pause();
  WS.send(socket, Buffer.alloc(48 * MiB));
  assert.equal((await closed).error.code, 'ERR_WS13_HEARTBEAT');
});

everyWay('heartbeat: whatever arrives is a sign of life', { heartbeat: 200 }, async ({ socket, far, peer, inbox, closed }) => {
  const pings = frames(far);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await pings.next(), { ping: '' });
    far.write(peer.text('no pong'));
    await inbox.next();
  }
  assert.equal(socket.destroyed, false);
  assert.equal((await closed).error.code, 'ERR_WS13_HEARTBEAT');
});

everyWay('heartbeat: a reset is found though nobody reads', { heartbeat: 50, stream: true }, async ({ socket, far, peer, closed }) => {
  far.write(peer.binary(Buffer.alloc(300 * KiB)));
  await until(() => socket.isPaused());
  far.resetAndDestroy();
  const { code, error } = await closed;
  assert.equal(code, 1006);
  assert.match(error.code, /^(ECONNRESET|EPIPE)$/);
});

everyWay('heartbeat: a pause is no silence', { heartbeat: 20 }, async ({ socket, far, peer, inbox }) => {
  WS.pause(socket);
  const pings = frames(far);
  far.write(peer.text('text'));
  for (let count = 0; count < 4; count++) assert.deepEqual(await pings.next(), { ping: '' });
  WS.resume(socket);
  assert.equal(String((await inbox.next()).payload), 'text');
});

everyWay('text', { text: 'string' }, async ({ far, peer, inbox }) => {
  far.write(Buffer.concat([peer.text('\u20ac'), peer.binary('\u20ac')]));
  const [text, binary] = await inbox.take(2);
  assert.deepEqual(text, { payload: '\u20ac', isBinary: false });
  assert.deepEqual(binary, { payload: Buffer.from('\u20ac'), isBinary: true });
});

everyWay('stream', { stream: true }, async ({ far, peer, inbox }) => {
  far.write(peer.text('begins', { fin: false }));
  const { payload, isBinary } = await inbox.next();
  assert.ok(payload instanceof Readable);
  assert.equal(isBinary, false);
  far.write(peer.more(', ends'));
  assert.equal(Buffer.concat(await payload.toArray()).toString(), 'begins, ends');
});

everyWay('transport', { transport: 'stream' }, async ({ socket, far, peer, inbox }) => {
  far.write(peer.text('a'));
  await inbox.next();
  assert.equal(WS.info(socket).transport, 'stream');
  assert.equal(WS.stats().connections.reactor, 0);
});

everyWay('handler open', {}, async ({ socket, way, calls }) => {
  const [first, request, data] = await calls.open.next();
  assert.equal(first, socket);
  if (way === 'connect') assert.equal(request.status, 101);
  else assert.equal(request?.method, way.startsWith('attach') ? undefined : 'GET');
  assert.equal(data, way === 'upgrade\'s answer' ? 'data' : undefined);
  assert.deepEqual(calls.open.left, []);
});

everyWay('handler message', {}, async ({ far, peer, inbox }) => {
  far.write(Buffer.concat([peer.text('a'), peer.binary('b')]));
  assert.deepEqual(await inbox.take(2), [
    { payload: Buffer.from('a'), isBinary: false }, { payload: Buffer.from('b'), isBinary: true }
  ]);
});

everyWay('handler ping', {}, async ({ socket, far, peer, calls }) => {
  const inbox = frames(far);
  far.write(peer.ping('x'));
  assert.deepEqual(await calls.ping.next(), [socket, Buffer.from('x')]);
  assert.deepEqual(await inbox.next(), { pong: '78' });
});

everyWay('handler pong', {}, async ({ socket, far, peer, calls }) => {
  far.write(peer.pong('unasked'));
  assert.deepEqual(await calls.pong.next(), [socket, Buffer.from('unasked'), null]);
  WS.ping(socket, 'x');
  far.write(peer.pong('x'));
  const [, payload, roundTrip] = await calls.pong.next();
  assert.equal(payload.toString(), 'x');
  assert.equal(roundTrip, WS.info(socket).latency);
});

everyWay('handler drain', {}, async ({ socket, far, calls }) => {
  far.pause();
  assert.equal(WS.send(socket, Buffer.alloc(16 * MiB)), false);
  far.resume();
  assert.deepEqual(await calls.drain.next(), [socket]);
});

everyWay('handler close', {}, async ({ socket, far, peer, closed }) => {
  far.end(peer.close(3000, 'bye'));
  const { code, wasClean, error } = await closed;
  assert.deepEqual([code, wasClean, error], [3000, true, undefined]);
  assert.equal(WS.info(socket).closeReason, 'bye');
});

everyWay('handler error', {}, async ({ socket, far, peer, closed }) => {
  far.end(peer.frame(3));
  const { code, wasClean, error } = await closed;
  assert.deepEqual([code, wasClean, error.code], [1006, false, 'WS_ERR_INVALID_OPCODE']);
  assert.equal(WS.info(socket).error, error);
  assert.equal(WS.info(socket).closeCode, 1002, 'the code that it was answered with');
});

for (const role of ['server', 'client']) {
  const bytes = peerOf(role).text('first');

  test(`head: attach, ${role}`, { timeout: 30_000 }, async (t) => {
    const sockets = await connected(t, 'net');
    const { handlers, inbox } = keeper();
    WS.attach(sockets[role], handlers, { head: bytes });
    assert.equal((await inbox.next()).payload.toString(), 'first');
  });

  test(`head: messages, ${role}`, { timeout: 30_000 }, async (t) => {
    const sockets = await connected(t, 'net');
    const { value } = await WS.messages(sockets[role], { head: bytes }).next();
    assert.equal(value.payload.toString(), 'first');
  });

  test(`head: stream, ${role}`, { timeout: 30_000 }, async (t) => {
    const sockets = await connected(t, 'net');
    const chunks = WS.stream(sockets[role], { head: bytes }).iterator();
    assert.equal((await chunks.next()).value.toString(), 'first');
  });
}

test('protocols: listen', async (t) => {
  const offer = { 'sec-websocket-protocol': 'a, b, c' };
  for (const [protocols, expected] of [[undefined, 'a'], [['x', 'c', 'b'], 'c'], [() => 'b', 'b'], [() => false, undefined]]) {
    const server = await serve(t, 'own', {}, { protocols });
    const { headers } = await openAsClient(await dial(server), offer);
    assert.equal(headers['sec-websocket-protocol'], expected);
  }
});

// The tests' own time is less than the default.
test('handshakeTimeout: listen', { timeout: 8_000 }, async (t) => {
  const server = await serve(t, 'own', {}, { handshakeTimeout: 20 });
  const { status } = await ask(server, 'GET / HTTP/1.1\r\n');
  assert.equal(status, 408);
});

test('handshakeTimeout: connect', { timeout: 8_000 }, async (t) => {
  const { url } = await clients.serve(t, () => undefined);
  const { code } = await clients.failure(url, { handshakeTimeout: 20 });
  assert.equal(code, 'WS_ERR_HANDSHAKE_TIMEOUT');
});

test('timeout: a peer that does not close is destroyed', { timeout: 4_000 }, async (t) => {
  // The connection's own time would come first by default, as that of the shutdown would.
  const { handlers, closed } = keeper();
  const server = await serve(t, 'own', handlers, { closeTimeout: 3_600_000 });
  const far = await dial(server, { allowHalfOpen: true });
  t.after(() => far.destroy());
  await openAsClient(far);
  await WS.shutdown(server, { timeout: 20 });
  assert.equal((await closed).code, 1006);
});

test('where: port and host', async (t) => {
  const server = WS.listen({ port: 0, host: '127.0.0.1' }, {});
  t.after(() => WS.shutdown(server));
  await once(server, 'listening');
  assert.equal(server.address().address, '127.0.0.1');
  assert.notEqual(server.address().port, 0);
});

test('where: what goes to server.listen', (t) => {
  const { mock } = t.mock.method(net.Server.prototype, 'listen', () => {});
  const places = ['port', 'path', 'fd'];
  const others = Object.keys(placeOptions).filter((name) => !places.includes(name));
  for (const place of places) {
    const where = Object.fromEntries([place, ...others].map((name) => [name, `a ${name}`]));
    WS.listen(where, {});
    assert.deepEqual(mock.calls.at(-1).arguments, [where]);
  }
});

for (const role of ['server', 'client']) {
  test('binary and fin: frame and broadcast', async () => {
    const socket = plain(role);
    WS.send(socket, WS.frame(Buffer.from('a'), { binary: false, fin: false }));
    WS.broadcast([socket], 'b', { fin: true });
    WS.broadcast([socket], Buffer.from('c'), { binary: false });
    WS.send(socket, WS.frame('d', { binary: true }));
    WS.broadcast([socket], 'e', { fin: false });
    await nextTurn();
    assert.deepEqual(sent(socket), [
      { text: '61', fin: false }, { more: '62' }, { text: 'c' }, { binary: '64' }, { text: '65', fin: false }
    ]);
  });
}

everyWay('diagnostics channels', {}, async ({ socket, far, peer, way, closed }) => {
  const told = [];
  const listeners = ['message', 'error', 'close'].map((name) => {
    const listener = (message) => { if (message.socket === socket) told.push([name, message]); };
    subscribe(`ws13:${name}`, listener);
    return [`ws13:${name}`, listener];
  });
  far.end(Buffer.concat([peer.text('x'), peer.frame(3)]));
  const { error } = await closed;
  for (const [name, listener] of listeners) unsubscribe(name, listener);
  assert.deepEqual(told, [
    ['message', { socket, payload: Buffer.from('x'), isBinary: false }],
    ['error', { socket, error }],
    ['close', { socket, code: 1006, reason: '', wasClean: false }]
  ], way);
});

test('diagnostics channels: open', async (t) => {
  const told = [];
  const listener = (message) => told.push(message);
  subscribe('ws13:open', listener);
  t.after(() => unsubscribe('ws13:open', listener));
  const { url } = await clients.serve(t, (head) => clients.accepting(head, 'Sec-WebSocket-Protocol: a'));
  const { socket, response } = await clients.attempt(url, { protocols: ['a'] });
  socket.destroy();
  assert.deepEqual(told, [{ socket, protocol: 'a', request: response }]);
});

test('options that are inherited are refused, not passed over', () => {
  class Limits {
    get maxPayload() { return 1024; }
  }
  for (const [options, name] of [[new Limits(), 'maxPayload'], [Object.create({ origins: [] }), 'origins']]) {
    const message = new RegExp(`"options\\.${name}" argument must be a property of the object itself`);
    assert.throws(() => WS.listen(http.createServer(), {}, options), { code: 'ERR_INVALID_ARG_VALUE', message });
  }
  for (const call of [(options) => WS.send(plain('server'), 'x', options), (options) => WS.frame('x', options)]) {
    assert.throws(() => call(Object.create({ binary: true })), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  const without = Object.freeze(Object.assign(Object.create(null), { maxPayload: 5 }));
  assert.equal(checkOptions(without, upgradeOptions, upgradeDefaults).maxPayload, 5);
  assert.equal(checkOptions(Object.create({ strict: undefined }), upgradeOptions, upgradeDefaults).strict, false);
});

test('what has no properties to read options from is refused', () => {
  for (const options of [[], new Map([['maxPayload', 5]]), new Headers({ origin: 'x' })]) {
    const wrong = { code: 'ERR_INVALID_ARG_TYPE' };
    assert.throws(() => WS.listen(http.createServer(), {}, options), wrong);
    assert.throws(() => WS.send(plain('server'), 'x', options), wrong);
    assert.throws(() => WS.frame('x', options), wrong);
    for (const name of ['tls', 'headers']) {
      assert.throws(() => WS.connect('ws://localhost/', {}, { [name]: options }), wrong);
    }
  }
});

test('text and transport: another type, and another word', () => {
  for (const name of ['text', 'transport']) {
    for (const value of [null, true, 5, ['string']]) {
      assert.throws(() => WS.listen(http.createServer(), {}, { [name]: value }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => WS.listen(http.createServer(), {}, { [name]: 'String' }), { code: 'ERR_INVALID_ARG_VALUE' });
  }
});

// The page against the code.

/** By the names that the page uses: the options of each function, and their defaults where it has them. */
const TABLES = {
  upgrade: [upgradeOptions, upgradeDefaults],
  listen: [listenOptions, listenDefaults],
  where: [placeOptions, {}],
  answer: [answerOptions, {}],
  connect: [connectOptions, connectDefaults],
  attach: [attachOptions, attachDefaults],
  messages: [attachOptions, attachDefaults],
  stream: [{ ...without(attachOptions, 'text', 'stream'), ...streamOptions }, { ...attachDefaults, ...streamDefaults }],
  send: [sendOptions, sendDefaults],
  frame: [sendOptions, sendDefaults],
  broadcast: [sendOptions, sendDefaults],
  shutdown: [shutdownOptions, shutdownDefaults],
  server: [deflate.settingOptions, deflate.serverDefaults],
  client: [deflate.settingOptions, deflate.clientDefaults]
};

test('docs/connections.md: its tables list exactly the options of every function', () => {
  const documented = rows('option').flatMap(({ name, of }) => of.map((table) => `${table}: ${name}`));
  const known = Object.entries(TABLES).flatMap(([table, [options]]) => (
    Object.keys(options).map((name) => `${table}: ${name}`)
  ));
  assert.deepEqual(documented.sort(), known.sort());
});

test('docs/connections.md: the defaults', () => {
  let compared = 0;
  for (const { name, of, byDefault } of rows('option')) {
    for (const table of of) {
      const value = TABLES[table][1][name];
      if (value === undefined || (typeof value === 'object')) continue;
      const text = shown(name, value);
      assert.match(`${byDefault} `, new RegExp(`^\`?${text}[\`, (]`), `${table}: ${name}`);
      compared++;
    }
  }
  assert.ok(compared > 50, `only ${compared} compared`);
});

test('docs/connections.md: its table lists exactly the handlers', () => {
  assert.deepEqual(rows('handler').map(({ name }) => name.replace(/\(.*/, '')).sort(), [...HANDLERS].sort());
});

test('docs/connections.md: every row names tests that are there', () => {
  for (const { name, tests } of [...rows('option'), ...rows('handler')]) {
    assert.ok(tests.length > 0, `no test for ${name}`);
    for (const [file, title] of tests) {
      const path = join(ROOT, 'test-js', `${file}.test.js`);
      assert.ok(existsSync(path), `${name}: ${file}`);
      assert.ok(titles(path).includes(title), `${name}: no test "${title}" in ${file}`);
    }
  }
});

/** The rows of the tables whose first column is headed `first`. */
function rows(first) {
  return PAGE.split('\n\n').filter((block) => block.startsWith(`| ${first} |`)).flatMap((table) => {
    const [heads, , ...lines] = table.trim().split('\n').map(cells);
    const column = (cell) => (line) => line[heads.indexOf(cell)];
    return lines.map((line) => ({
      name: line[0].replaceAll('`', ''),
      of: column('taken by')(line).split(', '),
      byDefault: column('default')(line) ?? '',
      // A file and a title: `listen`: *a list*.
      tests: [...column('test')(line).matchAll(/`([\w-]+)`: \*([^*]+)\*/g)].map(([, file, title]) => [file, title])
    }));
  });
}

function shown(name, value) {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'number' && name !== 'code' ? value.toLocaleString('en') : String(value);
}

function cells(line) {
  return line.split('|').slice(1, -1).map((cell) => cell.trim());
}

/** The titles of a file's tests as they are written, without the role before them. */
function titles(path) {
  const calls = readFileSync(path, 'utf8').matchAll(/\b(?:test|it|describe|everyWay)\((['`])((?:\\.|(?!\1).)*)\1/g);
  return [...calls].map(([, , title]) => title.replaceAll('\\', '').replace('${role}: ', ''));
}

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
