'use strict';

// docs/from-ws.md row by row: each does here what it did with `ws`, which is the peer.

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Readable } = require('node:stream');
const { describe, test } = require('node:test');
const { compileFunction } = require('node:vm');
const { WebSocket, WebSocketServer, createWebSocketStream } = require('ws');
const { WS } = require('../index.js');
const { connectDefaults } = require('../lib/connect.js');
const { listenDefaults } = require('../lib/listen.js');
const { Inbox } = require('./support/inbox.js');
const { HOST, emptied, identity, serve } = require('./support/listening.js');

const PAGE = readFileSync(join(__dirname, '../docs/from-ws.md'), 'utf8').replaceAll('\r\n', '\n');
const timeout = 20_000;
const echo = { message(socket, payload, isBinary) { WS.send(socket, payload, { binary: isBinary }); } };

const ROWS = {
  'A server': {
    async '`new WebSocketServer({ port })`'(t) {
      const server = WS.listen(0, echo);
      t.after(() => WS.shutdown(server));
      await once(server, 'listening');
      await echoes(await clientOf(t, server));
    },

    async '`new WebSocketServer({ server })`'(t) {
      for (const kind of ['net', 'http']) await echoes(await clientOf(t, await serve(t, kind, echo)));
      const secure = await serve(t, 'https', echo);
      const client = new WebSocket(`wss://localhost:${secure.address().port}`, { ca: identity.cert });
      await echoes(await opened(t, client));
    },

    async '`{ path: \'/chat\' }`'(t) {
      const server = await serve(t, 'http', {
        ...echo, upgrade: ({ url }) => url.split('?', 1)[0] === '/chat' || 404
      });
      await echoes(await clientOf(t, server, '/chat?a=b'));
      assert.equal((await refusal(server, '/chats')).statusCode, 404);
      assert.throws(() => WS.listen({ port: 0, path: '/chat' }, {}), { code: 'ERR_INVALID_ARG_VALUE' });
    },

    async '`{ noServer: true }` and `handleUpgrade`'(t) {
      const theirs = new WebSocketServer({ noServer: true });
      const routes = {
        '/chat': WS.listen(http.createServer(), echo),
        '/rpc': WS.listen(http.createServer(), { open: (socket) => WS.send(socket, 'rpc') }, { maxConnections: 1 })
      };
      const server = http.createServer();
      server.on('upgrade', (request, socket, head) => {
        if (request.url === '/theirs') theirs.handleUpgrade(request, socket, head, (client) => client.send('theirs'));
        else routes[request.url].emit('upgrade', request, socket, head);
      });
      server.listen(0, HOST);
      t.after(() => server.close());
      await once(server, 'listening');
      assert.equal(await (await clientOf(t, server, '/theirs')).text(), 'theirs');
      const rpc = await clientOf(t, server, '/rpc');
      assert.equal(await rpc.text(), 'rpc');
      assert.equal((await refusal(server, '/rpc')).statusCode, 503);
      const chat = await clientOf(t, server, '/chat');
      await echoes(chat);
      const closed = once(rpc, 'close');
      await WS.shutdown(routes['/rpc']);
      assert.equal((await closed)[0], 1001);
      await echoes(chat);
    },

    async '`verifyClient`'(t) {
      const sessions = { 'sid=1': 'Ada' };
      const upgrade = async ({ headers }) => {
        await new Promise(setImmediate);
        const data = sessions[headers.cookie];
        return data === undefined ? { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } } : { data };
      };
      const open = (socket, _request, name) => WS.send(socket, name);
      const server = await serve(t, 'http', { upgrade, open });
      const client = await clientOf(t, server, '/', { headers: { cookie: 'sid=1' } });
      assert.equal(await client.text(), 'Ada');
      const { statusCode, headers } = await refusal(server, '/');
      assert.deepEqual([statusCode, headers['www-authenticate']], [401, 'Bearer']);
    },

    async '`sessionParser(request, {}, next)`'(t) {
      const sessionParser = (request, _response, next) => {
        assert.ok(request instanceof http.IncomingMessage);
        request.session = { user: request.headers.cookie };
        setImmediate(next);
      };
      const server = await serve(t, 'http', {
        async upgrade(request) {
          await new Promise((next) => { sessionParser(request, {}, next); });
          return request.session.user === undefined ? 401 : { data: request.session };
        },
        open: (socket, _request, session) => WS.send(socket, session.user)
      });
      const client = await clientOf(t, server, '/', { headers: { cookie: 'ada' } });
      assert.equal(await client.text(), 'ada');
      assert.equal((await refusal(server, '/')).statusCode, 401);
    },

    async 'checking `request.headers.origin`'(t) {
      const server = await serve(t, 'own', echo, { origins: ['https://chat.example'] });
      await echoes(await clientOf(t, server, '/', { origin: 'https://chat.example' }));
      assert.equal((await refusal(server, '/', { origin: 'https://other.example' })).statusCode, 403);
    },

    async '`handleProtocols(protocols, request)`'(t) {
      const choices = [['b', 'a'], (offered, { url }) => offered.find((name) => url === `/${name}`) ?? false];
      for (const protocols of choices) {
        const server = await serve(t, 'own', echo, { protocols });
        const client = await opened(t, new WebSocket(`${urlOf(server)}/b`, ['a', 'b']));
        assert.equal(client.protocol, 'b');
      }
    },

    async '`perMessageDeflate: { zlibDeflateOptions: { level }, threshold }`'(t) {
      const perMessageDeflate = { level: 9, memLevel: 8, threshold: 10, serverMaxWindowBits: 10 };
      const { client, socket } = await pair(t, { perMessageDeflate });
      assert.match(WS.info(socket).extensions, /server_max_window_bits=10/);
      WS.send(socket, 'compressed');
      assert.equal(await client.text(), 'compressed');
      assert.equal(WS.info(socket).compression.sent.messages, 1);
      const zlibDeflateOptions = { level: 9 };
      assert.throws(() => WS.listen(0, {}, { perMessageDeflate: { zlibDeflateOptions } }), {
        message: /"options\.perMessageDeflate\.zlibDeflateOptions"\. There are: threshold, level/
      });
    },

    async 'the event \'headers\''(t) {
      const server = await serve(t, 'own', { upgrade: ({ url }) => ({ headers: { 'Set-Cookie': `at=${url}` } }) });
      const client = new WebSocket(`${urlOf(server)}/here`);
      const upgraded = once(client, 'upgrade');
      await opened(t, client);
      assert.deepEqual((await upgraded)[0].headers['set-cookie'], ['at=/here']);
    },

    async '`wss.on(\'connection\', (ws, request) => …)`'(t) {
      const server = await serve(t, 'own', {
        upgrade: () => ({ data: 'found out' }),
        open(socket, { url }, data) { WS.send(socket, `${url} ${data}`); }
      });
      assert.equal(await (await clientOf(t, server, '/x')).text(), '/x found out');
      assert.throws(() => WS.listen(0, { connection() {} }), { message: /Did you mean "open"/ });
    },

    async '`wss.clients`'(t) {
      const clients = new Set();
      const server = await serve(t, 'own', {
        open(socket) { clients.add(socket); },
        close(socket) { clients.delete(socket); }
      });
      const client = await clientOf(t, server);
      await clientOf(t, server);
      assert.equal(clients.size, 2);
      client.terminate();
      for (const socket of clients) socket.destroy();
      await emptied(server);
      assert.equal(clients.size, 0);
    },

    async 'a loop of `client.send`'(t) {
      const sockets = new Set();
      const server = await serve(t, 'own', { open(socket) { sockets.add(socket); } });
      const clients = [await clientOf(t, server), await clientOf(t, server), await clientOf(t, server)];
      const [first] = sockets;
      WS.close(first, 1000);
      assert.equal(WS.broadcast(sockets, 'to all'), 2);
      for (const client of clients.slice(1)) assert.equal(await client.text(), 'to all');
    },

    async 'the same, for all but one'(t) {
      const sockets = new Set();
      const server = await serve(t, 'own', {
        open(socket) { sockets.add(socket); },
        message(socket, payload) {
          const frame = WS.frame(payload, { binary: false });
          for (const other of sockets) if (other !== socket) WS.send(other, frame);
          WS.send(socket, 'sent');
        }
      });
      const [one, ...others] = [await clientOf(t, server), await clientOf(t, server), await clientOf(t, server)];
      one.send('to the others');
      assert.equal(await one.text(), 'sent');
      for (const other of others) assert.equal(await other.text(), 'to the others');
    },

    async '`wss.close()`'(t) {
      const server = await serve(t, 'own', echo);
      const closed = once(await clientOf(t, server), 'close');
      await WS.shutdown(server);
      assert.equal((await closed)[0], 1001);
    },

    async '\'wsClientError\''(t) {
      const { plainHttp = 0 } = WS.stats().refusals;
      const server = await serve(t, 'own', echo);
      const [response] = await once(http.get(urlOf(server).replace('ws:', 'http:')), 'response');
      assert.equal(response.resume().statusCode, 426);
      assert.equal(WS.stats().refusals.plainHttp, plainHttp + 1);
    },

    async '`isAlive`, `setInterval`, `ping()`'(t) {
      const server = await serve(t, 'own', echo, { heartbeat: 20 });
      const client = await clientOf(t, server, '/', { autoPong: false });
      await once(client, 'ping');
      assert.equal((await once(client, 'close'))[0], 1006);
    }
  },

  'A connection': {
    async '`ws.on(\'message\', (data, isBinary) => …)`'(t) {
      for (const [text, expected] of [['buffer', Buffer.from('a')], ['string', 'a']]) {
        const { client, inbox } = await pair(t, { text });
        client.send('a');
        client.send(Buffer.from('b'));
        assert.deepEqual(await inbox.take(2), [['message', expected, false], ['message', Buffer.from('b'), true]]);
      }
    },

    async '`ws.send(data)`'(t) {
      const { client, socket } = await pair(t);
      await new Promise((sent) => {
        WS.send(socket, Buffer.from('a'), { binary: false, compress: false, fin: false }, sent);
      });
      WS.send(socket, 'b', { fin: true });
      assert.equal(await client.text(), 'ab');
    },

    async '`ws.send(hugeBuffer)`'(t) {
      const limits = { maxBufferedAmount: 1024 * 1024 };
      const huge = Buffer.alloc(32 * limits.maxBufferedAmount);
      const { inbox, socket } = await pair(t, limits);
      WS.send(socket, huge);
      assert.equal((await inbox.next())[1].code, 'ERR_WS13_BUFFER_OVERFLOW');
      const { client, socket: other } = await pair(t, limits);
      const received = once(client, 'message');
      WS.send(other, Readable.from(chunks(huge)));
      assert.equal((await received)[0].length, huge.length);
    },

    async '`ws.send(5)`'(t) {
      const { client, socket } = await pair(t);
      assert.throws(() => WS.send(socket, 5), { code: 'ERR_INVALID_ARG_TYPE' });
      WS.send(socket, String(5));
      assert.equal(await client.text(), '5');
    },

    async '`ws.ping(data)`, \'ping\', \'pong\''(t) {
      const { client, inbox, socket } = await pair(t);
      WS.ping(socket, 'ours');
      const [name, payload, roundTrip] = await inbox.next();
      assert.deepEqual([name, payload.toString(), typeof roundTrip], ['pong', 'ours', 'number']);
      const answered = once(client, 'pong');
      client.ping('theirs');
      assert.deepEqual(await inbox.next(), ['ping', Buffer.from('theirs')]);
      assert.equal(String(await answered), 'theirs');
    },

    async '`ws.close(code, reason)`'(t) {
      const { client, socket } = await pair(t);
      const closed = once(client, 'close');
      WS.close(socket, 4001, 'enough');
      assert.deepEqual((await closed).map(String), ['4001', 'enough']);
    },

    async '`ws.terminate()`'(t) {
      const { client, inbox, socket } = await pair(t);
      const closed = once(client, 'close');
      socket.destroy();
      assert.equal((await closed)[0], 1006);
      assert.deepEqual(await inbox.next(), ['close', 1006, '', false]);
    },

    async '`ws.on(\'close\', (code, reason) => …)`'(t) {
      const { client, inbox } = await pair(t);
      client.close(4002, 'bye');
      assert.deepEqual(await inbox.next(), ['close', 4002, 'bye', true]);
    },

    async '`ws.on(\'error\', …)`'(t) {
      const server = await serve(t, 'own', {}, { maxPayload: 1 });
      const client = await clientOf(t, server);
      client.send('too long');
      assert.equal((await once(client, 'close'))[0], 1009, 'and no exception');
      const { client: other, inbox } = await pair(t, { maxPayload: 1 });
      other.send('too long');
      const [[name, { code }], last] = await inbox.take(2);
      assert.deepEqual([name, code, last[0]], ['error', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'close']);
    },

    async '`ws.readyState`'(t) {
      const server = await serve(t, 'own', echo);
      const { closed, client } = await connected(server, {
        open(socket) {
          assert.equal(WS.info(socket).state, 'open');
          WS.close(socket, 1000);
          assert.equal(WS.info(socket).state, 'closing');
        }
      }, (socket) => assert.equal(WS.info(socket).state, 'connecting'));
      await closed;
      assert.equal(WS.info(client).state, 'closed');
    },

    async '`ws.bufferedAmount`, `ws.protocol`'(t) {
      const { socket } = await pair(t, {}, ['a']);
      assert.equal(WS.info(socket).protocol, 'a');
      assert.equal(WS.info(socket).bufferedAmount, 0);
      WS.send(socket, 'at once');
      WS.send(socket, 'gathered');
      // At least the frame that is gathered; Windows takes no bytes inside of a write.
      assert.ok(WS.info(socket).bufferedAmount >= 10);
    },

    async '`ws.pause()`, `ws.resume()`'(t) {
      const { client, inbox, socket } = await pair(t);
      WS.pause(socket);
      await new Promise((sent) => { client.send('kept', sent); });
      await new Promise(setImmediate);
      assert.deepEqual(inbox.left, []);
      WS.resume(socket);
      assert.deepEqual(await inbox.next(), ['message', Buffer.from('kept'), false]);
    },

    async '`createWebSocketStream(ws)`'(t) {
      const { client, socket } = await pair(t);
      const stream = createWebSocketStream(client);
      const here = WS.stream(socket);
      stream.write('part of a file');
      assert.equal(String((await once(here, 'data'))[0]), 'part of a file');
      here.end('all of another');
      assert.equal((await stream.toArray()).join(''), 'all of another');
    },

    async '`ws.user = …`'(t) {
      const { socket, inbox, client } = await pair(t);
      const users = new Map([[socket, 'Ada']]);
      socket.user = 'Ada';
      client.close();
      await inbox.next();
      assert.deepEqual([socket.user, users.get(socket)], ['Ada', 'Ada']);
    },

    async '`request.socket.remoteAddress`'(t) {
      const { socket, inbox, client } = await pair(t);
      assert.equal(socket.remoteAddress, HOST);
      client.close();
      await inbox.next();
      assert.equal(socket.remoteAddress, HOST, 'once asked for, it stays');
    }
  },

  'A client': {
    async '`new WebSocket(url, protocols, options)`'(t) {
      const theirs = await serverOfWs(t);
      const seen = once(theirs, 'connection');
      const agent = new http.Agent();
      const { client } = await connected(theirs, {}, undefined, {
        protocols: ['a', 'b'], headers: { 'X-A': 'b' }, origin: 'https://a.example', agent
      });
      const [, { headers }] = await seen;
      assert.deepEqual([headers['x-a'], headers.origin], ['b', 'https://a.example']);
      assert.equal(WS.info(client).protocol, 'a');
    },

    async '\'open\''(t) {
      const url = urlOf(await serverOfWs(t));
      const connect = (url) => new Promise((open, fail) => {
        WS.connect(url, { open, error: (_socket, error) => fail(error) });
      });
      const socket = await connect(url);
      assert.equal(WS.info(socket).state, 'open');
      socket.destroy();
      await assert.rejects(connect(await nowhere()), { code: 'ECONNREFUSED' });
    },

    async '`ws.send` before \'open\' throws'(t) {
      const theirs = await serverOfWs(t);
      assert.throws(() => new WebSocket(urlOf(theirs)).on('error', () => {}).send('a'), /CONNECTING/);
      const told = new Inbox();
      await connected(theirs, {}, (socket) => {
        assert.equal(WS.send(socket, 'a', (error) => told.push(error.code)), false);
      });
      assert.equal(await told.next(), 'ERR_SOCKET_CLOSED');
    },

    async '`ws.close()` before \'open\''(t) {
      const theirs = await serverOfWs(t);
      const given = new AbortController();
      for (const giveUp of [(socket) => socket.destroy(), () => given.abort()]) {
        const attempt = connected(theirs, {}, (socket) => {
          assert.equal(WS.close(socket, 1000), false);
          giveUp(socket);
        }, { signal: given.signal });
        await assert.rejects(attempt, ({ code }) => ['WS_ERR_HANDSHAKE_ENDED', 'ABORT_ERR'].includes(code));
      }
    },

    async '\'error\' and \'close\' where there is no connection'() {
      const url = await nowhere();
      const theirs = new WebSocket(url);
      await once(theirs, 'error');
      if (theirs.readyState !== WebSocket.CLOSED) await once(theirs, 'close');
      const calls = [];
      const socket = WS.connect(url, {
        error: (_socket, { code }) => calls.push(code),
        close: () => calls.push('close')
      });
      await new Promise((closed) => { socket.once('close', closed); });
      await new Promise(setImmediate);
      assert.deepEqual(calls, ['ECONNREFUSED']);
    },

    async '\'unexpected-response\''(t) {
      const server = await serverOfHttp(t, (_request, response) => response.writeHead(404, { 'X-A': 'b' }).end('none'));
      const { status, headers, body } = await connected(server).catch((error) => error);
      assert.deepEqual([status, headers['x-a'], body.toString()], [404, 'b', 'none']);
    },

    async '\'upgrade\''(t) {
      const theirs = await serverOfWs(t);
      theirs.on('headers', (headers) => headers.push('X-A: b'));
      const { response } = await connected(theirs);
      assert.deepEqual([response.status, response.headers['x-a']], [101, 'b']);
    },

    async '`followRedirects: true`'(t) {
      const theirs = await serverOfWs(t);
      const Location = urlOf(theirs);
      const server = await serverOfHttp(t, (_request, response) => response.writeHead(302, { Location }).end());
      const { response } = await connected(server, {}, undefined, { maxRedirects: 10 });
      assert.equal(response.url, `${Location}/`);
    },

    async '`rejectUnauthorized`, `ca`, `cert`'(t) {
      const server = await serve(t, 'https', echo);
      const url = `wss://localhost:${server.address().port}`;
      const { client } = await connected(url, {}, undefined, { tls: { ca: identity.cert } });
      assert.equal(client.authorized, true);
      await assert.rejects(connected(url), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    },

    async '`perMessageDeflate: true` by default'(t) {
      const theirs = await serverOfWs(t, { perMessageDeflate: true });
      const ours = await serve(t, 'own', echo, { perMessageDeflate: true });
      assert.match((await clientOf(t, ours)).extensions, /^permessage-deflate/);
      assert.equal(WS.info((await connected(theirs)).client).extensions, '');
      const { client } = await connected(theirs, {}, undefined, { perMessageDeflate: true });
      assert.match(WS.info(client).extensions, /^permessage-deflate/);
    },

    async '`ws.onmessage`, `addEventListener`'(t) {
      const theirs = await serverOfWs(t);
      theirs.on('connection', (client) => client.send('hello'));
      const inbox = new Inbox();
      await connected(theirs, { message: (_socket, payload) => inbox.push(payload.toString()) });
      assert.equal(await inbox.next(), 'hello');
    }
  }
};

for (const [heading, rows] of Object.entries(ROWS)) {
  describe(heading, () => {
    for (const [title, run] of Object.entries(rows)) test(title, { timeout }, run);

    test('every row of the page is tested, in its order', () => {
      assert.deepEqual(firstCells(heading), ['with ws', ...Object.keys(rows)]);
    });
  });
}

test('a protocol on top: the page\'s program, with a stand-in for the library', { timeout }, async (t) => {
  const [, code] = section('A protocol on top').match(/^```js\n(.*?)^```$/ms);
  const told = new Inbox();
  const graphql = {
    opened(peer, { request, socket }) {
      told.push([peer.protocol, request.url, socket instanceof net.Socket]);
      peer.onMessage(async (text) => {
        if (text === 'nonsense') throw new Error('not understood');
        await peer.send(`${text}!`);
      });
      return (...end) => told.push(end);
    }
  };
  let server;
  const listen = (_port, ...rest) => { server = WS.listen({ port: 0, host: HOST }, ...rest); };
  const modules = {
    'graphql-ws': { GRAPHQL_TRANSPORT_WS_PROTOCOL: 'graphql-transport-ws', makeServer: () => graphql },
    'ws13-native': { WS: { ...WS, listen } }
  };
  compileFunction(code, ['require', 'schema'])((name) => modules[name], {});
  t.after(() => WS.shutdown(server));
  await once(server, 'listening');
  const client = await opened(t, new WebSocket(urlOf(server), ['graphql-transport-ws']));
  client.send('hello');
  assert.equal(await client.text(), 'hello!');
  client.send('nonsense');
  assert.deepEqual((await once(client, 'close')).map(String), ['1011', 'not understood']);
  assert.deepEqual(await told.take(2), [['graphql-transport-ws', '/', true], [1011, 'not understood']]);
});

test('what is not the same by default', () => {
  const ours = { ...listenDefaults, ...connectDefaults };
  const [, ...names] = firstCells('What is not the same by default').map((cell) => cell.replace(/^`(\w+)`.*/, '$1'));
  assert.ok(names.length > 4);
  const theirs = new WebSocketServer({ noServer: true }).options;
  for (const name of names) {
    const [, ws, here] = PAGE.match(new RegExp(`^\\| \`${name}\`[^|]*\\| (.*) \\| (.*) \\|$`, 'm'));
    assert.equal(here.replaceAll('`', ''), ours[name].toLocaleString('en'), name);
    if (name === 'perMessageDeflate') continue;
    assert.equal(ws, theirs[name]?.toLocaleString('en') ?? 'none', name);
  }
  assert.equal(theirs.maxPayload, ours.maxPayload);
});

/** What stands in the first column of a section's table, its head included. */
function firstCells(title) {
  const rows = section(title).split('\n').filter((line) => /^\| [^-]/.test(line));
  return rows.map((line) => line.split(' | ')[0].slice(2));
}

function section(title) {
  const [, text] = PAGE.split(`\n## ${title}\n`);
  return text.split('\n## ')[0];
}

/** A server's end that is read here, with what its handlers are told, and the client of `ws`. */
async function pair(t, options, protocols = []) {
  const inbox = new Inbox();
  const told = (name) => (_socket, ...args) => inbox.push([name, ...args]);
  const handlers = Object.fromEntries(['message', 'ping', 'pong', 'close', 'error'].map((name) => [name, told(name)]));
  let socket;
  const server = await serve(t, 'own', { ...handlers, open: (opened) => { socket = opened; } }, options);
  return { client: await opened(t, new WebSocket(urlOf(server), protocols)), inbox, socket };
}

function clientOf(t, server, path = '/', options = {}) {
  return opened(t, new WebSocket(urlOf(server) + path, options));
}

/** A client of `ws` that is open; `text()` is its next message. */
async function opened(t, client) {
  t.after(() => client.terminate());
  const inbox = new Inbox();
  client.on('message', (payload) => inbox.push(String(payload)));
  client.text = () => inbox.next();
  await once(client, 'open');
  return client;
}

function* chunks(bytes, size = 64 * 1024) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function echoes(client) {
  client.send('there and back');
  assert.equal(await client.text(), 'there and back');
}

/** The answer to a client of `ws` that is not let in. */
async function refusal(server, path, options = {}) {
  const client = new WebSocket(urlOf(server) + path, options);
  client.on('error', () => {});
  const [, response] = await once(client, 'unexpected-response');
  client.terminate();
  return response;
}

/** A client of ours: `{ client, response, closed }` once it is open; `before` gets the socket earlier. */
function connected(server, handlers = {}, before = () => {}, options = {}) {
  return new Promise((resolve, reject) => {
    let tellClosed;
    const closed = new Promise((over) => { tellClosed = over; });
    before(WS.connect(typeof server === 'string' ? server : urlOf(server), {
      ...handlers,
      open(client, response) {
        resolve({ client, response, closed });
        handlers.open?.(client, response);
      },
      close: tellClosed,
      error: (_socket, error) => reject(error)
    }, options));
  });
}

async function serverOfWs(t, options = {}) {
  const server = new WebSocketServer({ port: 0, host: HOST, ...options });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

async function serverOfHttp(t, answer) {
  const server = http.createServer(answer).listen(0, HOST);
  t.after(() => server.close());
  await once(server, 'listening');
  return server;
}

/** A URL behind which nobody listens any more. */
async function nowhere() {
  const server = net.createServer().listen(0, HOST);
  await once(server, 'listening');
  const url = urlOf(server);
  server.close();
  await once(server, 'close');
  return url;
}

function urlOf(server) {
  return `ws://${HOST}:${server.address().port}`;
}
