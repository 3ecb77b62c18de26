'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const ws = require('ws');
const { shutdown } = require('../lib/shutdown.js');
const { listen, listenerOf } = require('../lib/listen.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient, readHead } = require('./support/handshake.js');
const { frames } = require('./support/inbox.js');
const {
  HOST, PLACES, connectionsOf, dial, identity, opening, recorder, serve, wholeAnswer
} = require('./support/listening.js');

describe('a clean end', () => {
  for (const kind of Object.keys(PLACES)) {
    test(`100 clients: ${kind}`, async (t) => {
      const { handlers, inbox } = recorder();
      const server = await serve(t, kind, handlers);
      const secure = kind === 'tls' || kind === 'https';
      const url = `${secure ? 'wss' : 'ws'}://localhost:${server.address().port}/`;
      const clients = Array.from({ length: 100 }, () => new ws.WebSocket(url, { host: HOST, ca: identity.cert }));
      const closes = Promise.all(clients.map((client) => once(client, 'close')));
      await inbox.take(100);

      await shutdown(server);
      assert.equal(await connectionsOf(server), 0);
      assert.equal(listenerOf(server).admitted, 0);
      assert.equal(server.listening, false);
      for (const [name, , code, reason, wasClean] of inbox.left) {
        assert.deepEqual([name, code, reason, wasClean], ['close', 1001, '', true]);
      }
      assert.equal(inbox.left.length, 100);
      for (const [code] of await closes) assert.equal(code, 1001);
      await assert.rejects(once(net.connect(server.address()?.port ?? new URL(url).port, HOST), 'connect'));
    });
  }

  test('another code', async (t) => {
    const { handlers } = recorder();
    const server = await serve(t, 'own', handlers);
    const client = await dial(server);
    await openAsClient(client);
    const inbox = frames(client);
    const down = shutdown(server, { code: 1012 });
    assert.deepEqual(await inbox.next(), { close: 1012, reason: '' });
    client.write(peerOf('server').close(1012));
    await down;
  });

  for (const isGone of [true, false]) {
    test(`where a program has taken all listeners off, ${isGone ? 'of one that is gone' : 'at the deadline'}`, async (t) => {
      const { handlers, inbox } = recorder();
      const server = await serve(t, 'own', { ...handlers, open: (socket) => inbox.push(['open', socket]) });
      const client = await dial(server);
      await openAsClient(client);
      const [, socket] = await inbox.next();
      socket.removeAllListeners('close');
      if (isGone) {
        const gone = once(socket, 'close');
        client.destroy();
        await gone;
      }
      await shutdown(server, { timeout: 1 });
      assert.equal(await connectionsOf(server), 0);
    });
  }

  test('a server without a connection', async (t) => {
    const server = await serve(t, 'own', {});
    const first = shutdown(server);
    assert.equal(shutdown(server, { timeout: 1 }), first);
    await first;
    assert.equal(shutdown(server), first);
  });

  test('a server that does not listen yet', async (t) => {
    const own = listen({ port: 0, host: HOST }, {});
    const shared = http.createServer().listen(0, HOST);
    listen(shared, {});
    for (const server of [own, shared]) {
      t.after(() => server.close());
      server.on('listening', () => assert.fail('it listens'));
      await Promise.all([once(server, 'close'), shutdown(server)]);
    }
    // By then those would listen, too.
    const later = net.createServer().listen(0, HOST);
    await once(later, 'listening');
    later.close();
    assert.deepEqual([own.listening, shared.listening], [false, false]);
  });

  test('a server that does not listen yet, and is told to once more', async (t) => {
    const server = listen({ port: 0, host: HOST }, {});
    t.after(() => server.close());
    server.on('listening', () => assert.fail('it listens'));
    await shutdown(server);
    server.listen(0, HOST);
    await shutdown(server);
    // By then that would listen, too.
    const later = net.createServer().listen(0, HOST);
    await once(later, 'listening');
    later.close();
    assert.equal(server.listening, false);
  });

  test('a server that was closed before', async (t) => {
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'own', handlers);
    const client = new ws.WebSocket(`ws://${HOST}:${server.address().port}`);
    await once(client, 'open');
    const [, socket] = await inbox.next();
    const closed = once(server, 'close');
    server.close();
    assert.equal(socket.destroyed, false, 'server.close leaves connections alone, as Node has it');
    await shutdown(server);
    await closed;
    assert.equal((await inbox.next())[2], 1001);
  });

  test('listening again after it', async (t) => {
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'own', handlers);
    await shutdown(server);
    server.listen(0, HOST);
    await once(server, 'listening');
    const client = await dial(server);
    await openAsClient(client);
    await inbox.next();
    client.on('error', () => {}).resume();
    await shutdown(server, { timeout: 1 });
    assert.equal((await inbox.next())[0], 'close');
  });
});

describe('with force', () => {
  for (const kind of Object.keys(PLACES)) {
    test(`peers that never answer: ${kind}`, async (t) => {
      const { handlers, inbox } = recorder();
      const server = await serve(t, kind, handlers);
      const clients = [];
      for (let i = 0; i < 5; i++) {
        const client = await dial(server, { allowHalfOpen: true });
        await openAsClient(client);
        clients.push(client);
      }
      await inbox.take(5);
      await shutdown(server, { timeout: 20 });
      assert.equal(await connectionsOf(server), 0);
      const closes = await inbox.take(5);
      for (const [name, , code, , wasClean] of closes) {
        assert.deepEqual([name, code, wasClean], ['close', 1006, false]);
      }
      for (const client of clients) client.destroy();
    });
  }

  test('a refused client that does not go', async (t) => {
    const server = await serve(t, 'own', { upgrade: () => false });
    const client = await dial(server, { allowHalfOpen: true });
    client.write(opening({}));
    assert.equal((await readHead(client)).status, 403);
    await shutdown(server, { timeout: 0 });
    assert.equal(await connectionsOf(server), 0);
    client.destroy();
  });
});

describe('handshakes', () => {
  test('half a request gets a 503', async (t) => {
    const server = await serve(t, 'net', {});
    const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
    const arrived = once(end, 'data');
    client.write(opening({}).subarray(0, 30));
    await arrived;
    const answer = wholeAnswer(client);
    await shutdown(server);
    assert.equal((await answer).status, 503);
    assert.match((await answer).body, /shutting down/);
  });

  for (const kind of ['own', 'http']) {
    test(`one that upgrade is still asked about gets a 503: ${kind}`, async (t) => {
      const asked = recorder().inbox;
      const { handlers, inbox } = recorder({
        upgrade: () => new Promise((resolve) => { asked.push(resolve); })
      });
      const server = await serve(t, kind, handlers);
      const client = await dial(server);
      const answer = wholeAnswer(client);
      client.write(opening({}, 'a'));
      const resolve = await asked.next();
      const down = shutdown(server);
      resolve(true);
      await down;
      assert.equal((await answer).status, 503);
      assert.deepEqual(inbox.left, []);
    });
  }

  for (const culprit of ['upgrade', 'origins', 'protocols']) {
    test(`${culprit} itself shuts the server down`, async (t) => {
      let down;
      const end = (...args) => { down = shutdown(args.at(-1).socket.server); return culprit === 'protocols' && 'a'; };
      const { handlers, inbox } = recorder(culprit === 'upgrade' ? { upgrade: end } : {});
      const server = await serve(t, 'own', handlers, culprit === 'upgrade' ? {} : { [culprit]: end });
      const client = await dial(server);
      const answer = wholeAnswer(client);
      client.write(opening({ 'sec-websocket-protocol': 'a' }, 'hi'));
      assert.equal((await answer).status, 503);
      await down;
      assert.deepEqual(inbox.left, []);
    });
  }

  test('a request on an http connection that was kept alive gets a 503', async (t) => {
    const server = await serve(t, 'http', {});
    // A page that is on its way keeps its connection open.
    server.removeAllListeners('request');
    const client = await dial(server);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [, response] = await once(server, 'request');
    await shutdown(server);
    const answer = recorder().inbox;
    client.on('data', (chunk) => answer.push(String(chunk)));
    response.shouldKeepAlive = true;
    response.setHeader('Connection', 'keep-alive');
    response.end('a page');
    assert.match(await answer.next(), /a page/);
    client.write(opening({}));
    assert.match(await answer.next(), /^HTTP\/1\.1 503 /);
  });
});

test('a page in progress is Node\'s, and does not hold it up', async (t) => {
  const server = await serve(t, 'http', {});
  server.removeAllListeners('request');
  const page = new Promise((resolve) => { http.get(`http://${HOST}:${server.address().port}/`, resolve); });
  const [, response] = await once(server, 'request');
  await shutdown(server);
  response.end('a page');
  const chunks = await (await page).toArray();
  assert.equal(Buffer.concat(chunks).toString(), 'a page');
});

test('arguments', async (t) => {
  const server = await serve(t, 'own', {});
  for (const other of [undefined, null, {}, net.createServer()]) {
    assert.throws(() => shutdown(other), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  for (const code of [1005, 1006, 1015, 999, 5000, 1001.5, NaN]) {
    assert.throws(() => shutdown(server, { code }), { name: 'RangeError', message: /options\.code/ });
  }
  for (const timeout of [-1, 2 ** 31, 0.5, NaN]) {
    assert.throws(() => shutdown(server, { timeout }), { name: 'RangeError', message: /options\.timeout/ });
  }
  for (const options of [{ code: '1001' }, { timeout: '5' }, { timeuot: 5 }, null, 5]) {
    assert.throws(() => shutdown(server, options), { name: 'TypeError' });
  }
  assert.equal(server.listening, true);
});
