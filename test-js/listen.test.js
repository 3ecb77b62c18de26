'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const https = require('node:https');
const http2 = require('node:http2');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');
const undici = require('undici');
const ws = require('ws');
const { info } = require('../lib/info.js');
const { listen, listenerOf } = require('../lib/listen.js');
const { pause, resume: resumeByWS } = require('../lib/pause.js');
const { send } = require('../lib/send.js');
const { until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { openAsClient, readHead } = require('./support/handshake.js');
const { frames } = require('./support/inbox.js');
const {
  HOST, PLACES, connectionsOf, dial, emptied, identity, opening, recorder, serve, uncaught
} = require('./support/listening.js');

const echo = { message: (socket, payload, isBinary) => send(socket, payload, { binary: isBinary }) };

describe('no message is lost', () => {
  for (const [kind, count] of [['own', 1000], ['http', 1000], ['tls', 200], ['https', 200]]) {
    test(`${count} connections whose frames ride with the handshake: ${kind}`, async (t) => {
      const { handlers, inbox } = recorder({ upgrade: () => delay(50, true) });
      const server = await serve(t, kind, handlers);
      const clients = [];
      for (let i = 0; i < count; i++) {
        const client = await dial(server);
        client.write(opening({}, `${i}:0`, `${i}:1`, `${i}:2`));
        // And one more in a packet of its own, while `upgrade` takes its time.
        setImmediate(() => client.write(peerOf('server').text(`${i}:3`)));
        clients.push(client);
      }
      const seen = new Map();
      for (const [name, socket, payload] of await inbox.take(count * 5)) {
        if (name === 'open') seen.set(socket, []);
        else seen.get(socket).push(payload.toString());
      }
      const expected = clients.map((_client, i) => [0, 1, 2, 3].map((part) => `${i}:${part}`));
      assert.deepEqual([...seen.values()].sort(), expected.sort());
      assert.deepEqual(inbox.left, []);
      for (const client of clients) client.destroy();
      await emptied(server);
    });
  }

  test('a peer that sends while upgrade takes its time is held up', async (t) => {
    const big = 'x'.repeat(100_000);
    let read = 0;
    const { handlers, inbox } = recorder({
      upgrade: async (request) => {
        await delay(50);
        read = request.socket.bytesRead;
      }
    });
    const server = await serve(t, 'own', handlers);
    const client = await dial(server);
    client.write(opening({}));
    for (let i = 0; i < 200; i++) client.write(peerOf('server').text(`${i} ${big}`));
    const [[name], ...messages] = await inbox.take(201);
    assert.equal(name, 'open');
    assert.ok(read < 1_000_000, `${read} bytes read of a connection that is not open`);
    messages.forEach(([, , payload], i) => assert.equal(payload.toString(), `${i} ${big}`));
  });

  for (const kind of ['own', 'http', 'tls', 'https']) {
    for (const [whose, resume] of [['its own', (socket) => socket.resume()], ['WS', resumeByWS]]) {
      test(`a socket that upgrade resumes, by ${whose}: ${kind}`, async (t) => {
        const texts = ['a', 'b', 'c', 'd'];
        const { handlers, inbox } = recorder({
          async upgrade({ socket }) {
            for (const text of texts.slice(1, -1)) {
              const before = socket.bytesRead;
              if (resume === resumeByWS) pause(socket);
              resume(socket);
              client.write(peerOf('server').text(text));
              await until(() => socket.bytesRead > before);
            }
          }
        });
        const server = await serve(t, kind, handlers);
        const client = await dial(server);
        client.write(opening({}, texts[0]));
        await inbox.next();
        client.write(peerOf('server').text(texts.at(-1)));
        for (const text of texts) assert.equal((await inbox.next())[2].toString(), text);
      });
    }
  }

  test('a socket that was made paused', async (t) => {
    const { handlers, inbox } = recorder();
    const server = listen(net.createServer({ pauseOnConnect: true }), handlers);
    server.listen(0, HOST);
    t.after(() => server.close());
    await once(server, 'listening');
    const client = await dial(server);
    client.write(opening({}, 'a'));
    const [, [, , payload]] = await inbox.take(2);
    assert.equal(payload.toString(), 'a');
    client.destroy();
  });

  test('an open handler that throws', async (t) => {
    const { handlers, inbox } = recorder({ open: () => { throw new Error('open failed'); } });
    const server = await serve(t, 'own', handlers);
    const client = await dial(server);
    const [error] = await uncaught(1, async () => {
      client.write(opening({}, 'a'));
      const [[, , payload]] = await inbox.take(1);
      assert.equal(payload.toString(), 'a');
    });
    assert.equal(error.message, 'open failed');
    client.write(peerOf('server').text('b'));
    assert.equal((await inbox.next())[2].toString(), 'b');
  });
});

describe('a handshake in pieces', () => {
  /** One handshake for each list of cuts; every piece has been read before the next is sent. */
  async function pieces(t, cuts) {
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'net', handlers);
    const bytes = opening({}, 'hello');
    for (const at of cuts(bytes)) {
      const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
      let from = 0;
      for (const to of at) {
        const arrived = once(end, 'data');
        client.write(bytes.subarray(from, to));
        await arrived;
        from = to;
      }
      client.write(bytes.subarray(from));
      const [[opened, , request], [, , payload]] = await inbox.take(2);
      assert.equal(opened, 'open');
      assert.equal(request.url, '/chat?x=1');
      assert.equal(payload.toString(), 'hello');
      client.destroy();
      assert.equal((await inbox.next())[0], 'close');
    }
    await emptied(server);
  }

  test('every split point', (t) => pieces(t, (bytes) => Array.from(bytes.subarray(1), (_byte, i) => [i + 1])));

  test('byte by byte', (t) => pieces(t, (bytes) => [Array.from(bytes.subarray(1), (_byte, i) => i + 1)]));

  test('empty lines before it', async (t) => {
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'own', handlers);
    const client = await dial(server);
    client.write(Buffer.concat([Buffer.from('\r\n'), opening({}, 'a')]));
    assert.equal((await inbox.take(2))[1][2].toString(), 'a');
  });
});

describe('what upgrade and open get', () => {
  for (const kind of Object.keys(PLACES)) {
    test(kind, async (t) => {
      const asked = [];
      const { handlers, inbox } = recorder({
        upgrade: (request) => { asked.push(request); return { data: { user: 7 }, protocol: 'b' }; }
      });
      const server = await serve(t, kind, handlers, { protocols: ['a'] });
      const client = await dial(server);
      const head = await openAsClient(client, { 'sec-websocket-protocol': 'a, b', 'x-field': 'Caf\u00e9' });
      const [, socket, request, data] = await inbox.next();
      assert.equal(asked[0], request);
      assert.equal(request.socket, socket);
      assert.equal(request.method, 'GET');
      assert.equal(request.url, '/');
      assert.equal(request.httpVersion, '1.1');
      assert.equal(request.httpVersionMajor, 1);
      assert.equal(request.httpVersionMinor, 1);
      assert.equal(request.headers.host, 'localhost');
      assert.equal(typeof request.headers['x-field'], 'string');
      assert.deepEqual(request.protocols, ['a', 'b']);
      assert.deepEqual(data, { user: 7 });
      assert.equal(socket._is_server, true);
      assert.equal(socket._is_client, false);
      assert.equal(info(socket).protocol, 'b');
      assert.equal(head.headers['sec-websocket-protocol'], 'b');
      assert.equal(request instanceof http.IncomingMessage, kind.startsWith('http'));
      client.destroy();
      const [name, , code, reason, wasClean] = await inbox.next();
      assert.deepEqual([name, code, reason, wasClean], ['close', 1006, '', false]);
    });
  }

  const ANSWERS = {
    'nothing': [undefined, { protocol: 'a' }],
    'true': [true, { protocol: 'a' }],
    'an empty object': [{}, { protocol: 'a' }],
    'a protocol that was offered': [{ protocol: 'c' }, { protocol: 'c' }],
    'a protocol that was not offered': [{ protocol: 'x' }, { protocol: undefined }],
    'no protocol': [{ protocol: false }, { protocol: undefined }],
    'headers': [
      { headers: { 'Set-Cookie': ['a=1', 'b=2'], 'X-Id': '5' } },
      { protocol: 'a', lines: ['Set-Cookie: a=1', 'Set-Cookie: b=2', 'X-Id: 5'] }
    ]
  };
  for (const [name, [answer, { protocol, lines = [] }]] of Object.entries(ANSWERS)) {
    for (const promised of [false, true]) {
      test(`upgrade returns ${name}${promised ? ', later' : ''}`, async (t) => {
        const { handlers } = recorder({ upgrade: () => (promised ? Promise.resolve(answer) : answer) });
        const server = await serve(t, 'own', handlers, { protocols: ['a', 'c'] });
        const head = await openAsClient(await dial(server), { 'sec-websocket-protocol': 'b, c, a' });
        assert.equal(head.headers['sec-websocket-protocol'], protocol);
        assert.deepEqual(head.lines.filter((line) => /^(set-cookie|x-)/i.test(line)), lines);
      });
    }
  }

  test('options of one connection', async (t) => {
    const { handlers, inbox } = recorder({
      upgrade: ({ headers }) => (headers['x-text'] ? { text: 'string' } : undefined)
    });
    const server = await serve(t, 'own', handlers, { protocols: (offered) => offered[1] });
    for (const text of [undefined, 'yes']) {
      const client = await dial(server);
      client.write(opening({ 'x-text': text, 'sec-websocket-protocol': 'a, b' }, 'hi'));
      const [[, socket], [, , payload]] = await inbox.take(2);
      assert.equal(typeof payload, text === undefined ? 'object' : 'string');
      assert.equal(info(socket).protocol, 'b');
    }
  });
});

describe('peers', () => {
  const socketPath = () => path.join(os.tmpdir(), `ws13-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);

  async function wsTalk(url, options) {
    const client = new ws.WebSocket(url, ['chat'], options);
    await once(client, 'open');
    assert.equal(client.protocol, 'chat');
    client.send('text');
    assert.equal(String((await once(client, 'message'))[0]), 'text');
    client.send(Buffer.alloc(70_000, 7));
    assert.deepEqual((await once(client, 'message'))[0], Buffer.alloc(70_000, 7));
    client.close(3000, 'bye');
    assert.equal((await once(client, 'close'))[0], 3000);
  }

  async function undiciTalk(url, connect) {
    const dispatcher = new undici.Agent({ connect });
    const client = new undici.WebSocket(url, { protocols: ['chat'], dispatcher });
    const event = (name) => new Promise((resolve, reject) => {
      client.addEventListener(name, resolve, { once: true });
      if (name !== 'error') client.addEventListener('error', ({ error }) => reject(error), { once: true });
    });
    await event('open');
    const answered = event('message');
    client.send('text');
    assert.equal((await answered).data, 'text');
    const closed = event('close');
    client.close(3000, 'bye');
    assert.equal((await closed).code, 3000);
    await dispatcher.close();
  }

  for (const kind of Object.keys(PLACES)) {
    test(`ws and undici: ${kind}`, async (t) => {
      const server = await serve(t, kind, echo);
      const secure = kind === 'tls' || kind === 'https';
      const url = `${secure ? 'wss' : 'ws'}://localhost:${server.address().port}/`;
      const trust = { ca: identity.cert, host: HOST, servername: 'localhost' };
      await wsTalk(url, trust);
      await undiciTalk(url.replace('localhost', secure ? 'localhost' : HOST), {
        ca: identity.cert, servername: 'localhost', lookup: (_name, _options, done) => done(null, [{ address: HOST, family: 4 }])
      });
      await emptied(server);
    });
  }

  test('ws and undici: a unix socket', { skip: process.platform === 'win32' }, async (t) => {
    const file = socketPath();
    const server = listen({ path: file }, echo);
    t.after(() => server.close());
    await once(server, 'listening');
    await wsTalk(`ws+unix:${file}:/`);
    await undiciTalk('ws://localhost/', { socketPath: file });
    await emptied(server);
  });

  for (const kind of ['http', 'https']) {
    test(`${kind}: the server's own pages go on`, async (t) => {
      const server = await serve(t, kind, echo);
      const page = () => new Promise((resolve, reject) => {
        const { get } = kind === 'http' ? http : https;
        const options = { host: HOST, port: server.address().port, ca: identity.cert, servername: 'localhost' };
        get(options, async (response) => {
          let body = '';
          for await (const chunk of response) body += chunk;
          resolve(body);
        }).on('error', reject);
      });
      assert.equal(await page(), 'a page');
      const client = await dial(server);
      await openAsClient(client);
      assert.equal(await page(), 'a page');
      const inbox = frames(client);
      client.write(peerOf('server').text('still here'));
      assert.deepEqual(await inbox.next(), { text: 'still here' });
    });
  }

  test('an HTTP/2 server that takes HTTP/1 too', async (t) => {
    const server = http2.createSecureServer({ ...identity, allowHTTP1: true });
    listen(server, echo);
    server.listen(0, HOST);
    t.after(() => server.close());
    await once(server, 'listening');
    await wsTalk(`wss://localhost:${server.address().port}/`, { ca: identity.cert, host: HOST });
  });
});

describe('clients that go away', () => {
  const GO = { FIN: (socket) => socket.end(), RST: (socket) => socket.resetAndDestroy() };

  for (const kind of ['own', 'http']) {
    for (const [name, go] of Object.entries(GO)) {
      test(`${name} at every byte of a handshake: ${kind}`, async (t) => {
        const { handlers, inbox } = recorder();
        const server = await serve(t, kind, handlers);
        const bytes = opening({}).subarray(0, -1);
        for (let at = 0; at <= bytes.length; at++) {
          const [[end], client] = await Promise.all([once(server, 'connection'), dial(server)]);
          const gone = new Promise((resolve) => { end.once('close', resolve); });
          client.resume();
          if (at > 0) {
            client.write(bytes.subarray(0, at));
            while (end.bytesRead < at) await new Promise(setImmediate);
          }
          go(client);
          await gone;
        }
        assert.equal(await connectionsOf(server), 0);
        assert.equal(listenerOf(server).handshakes.size, 0);
        assert.deepEqual(inbox.left, []);
      });

      test(`${name} while upgrade takes its time: ${kind}`, async (t) => {
        let answer;
        const asked = recorder().inbox;
        const { handlers, inbox } = recorder({
          upgrade: (request) => new Promise((resolve) => { answer = resolve; asked.push(request); })
        });
        const server = await serve(t, kind, handlers);
        const client = await dial(server);
        client.resume();
        client.write(opening({}));
        const { socket } = await asked.next();
        go(client);
        await new Promise((resolve) => { socket.once('close', resolve); });
        answer({ data: 1 });
        await new Promise(setImmediate);
        await emptied(server);
        assert.equal(listenerOf(server).admitted, 0);
        assert.deepEqual(inbox.left, []);
      });
    }
  }

  test('upgrade destroys the socket itself', async (t) => {
    const { handlers, inbox } = recorder({ upgrade: ({ socket }) => { socket.destroy(new Error('no')); } });
    const server = await serve(t, 'own', handlers);
    const client = await dial(server);
    client.write(opening({}, 'a'));
    await assert.rejects(readHead(client));
    await emptied(server);
    assert.deepEqual(inbox.left, []);
  });
});

describe('arguments', () => {
  test('where', () => {
    for (const where of [undefined, null, '8080', true, () => {}]) {
      assert.throws(() => listen(where, {}), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    for (const where of [-1, 65536, 1.5, NaN]) {
      assert.throws(() => listen(where, {}), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    }
    assert.throws(() => listen({ host: HOST }, {}), { code: 'ERR_INVALID_ARG_VALUE' });
    const both = { port: 0, path: '/chat' };
    const message = /path of a unix socket.* Received \{ port: 0, path: '\/chat' \}$/;
    assert.throws(() => listen(both, {}), { code: 'ERR_INVALID_ARG_VALUE', message });
    const advice = /^There is no option "(where|options)\.cert"\. For TLS, hand over a server of node:https$/;
    assert.throws(() => listen({ port: 0, cert: 'x' }, {}), { code: 'ERR_INVALID_ARG_VALUE', message: advice });
    assert.throws(() => listen(0, {}, { cert: 'x' }), { code: 'ERR_INVALID_ARG_VALUE', message: advice });
    assert.throws(() => listen({ prot: 1 }, {}), { message: /"where\.prot"\. Did you mean "port"\?/ });
    assert.throws(() => listen({ server: net.createServer() }, {}), {
      message: /^There is no option "where\.server"\. There are: port, host, path, .*, fd$/
    });
    assert.throws(() => listen({ port: 65536 }, {}), { name: 'RangeError' });
  });

  test('an HTTP/2 server that takes no HTTP/1', () => {
    const SERVERS = [
      http2.createSecureServer(), http2.createSecureServer({ ALPNCallback: () => 'http/1.1' }),
      http2.createServer(), http2.createServer({ allowHTTP1: true })
    ];
    for (const server of SERVERS) {
      const message = /^The "where" argument .* allowHTTP1: true .* Received \[Http2(Secure)?Server\]$/;
      assert.throws(() => listen(server, {}), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message });
      assert.equal(server.listenerCount('upgrade'), 0);
      assert.equal(listenerOf(server), undefined);
    }
    const both = http2.createSecureServer({ allowHTTP1: true, ALPNCallback: () => 'http/1.1' });
    assert.equal(listen(both, {}), both);
  });

  test('handlers', () => {
    for (const handlers of [undefined, null, () => {}]) {
      assert.throws(() => listen(0, handlers), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => listen(0, { message: 1 }), { message: /handlers\.message/ });
    assert.throws(() => listen(0, { onmessage() {} }), { message: /"onmessage"\. Did you mean "message"\?/ });
    assert.throws(() => listen(0, { connection() {} }), { message: /"connection"\. Did you mean "open"\?/ });
    assert.throws(() => listen(0, { verifyClient() {} }), { message: /Did you mean "upgrade"\?/ });
  });

  test('options', () => {
    const wrong = [
      { origins: 'a' }, { origins: [1] }, { origins: ['https://a.example/'] }, { origins: ['a.example'] },
      { origins: ['https://A.example'] }, { protocols: 'a' }, { strict: 1 }, { maxConnections: '1' },
      { handshakeTimeout: null }, { maxConection: 1 }, { head: Buffer.alloc(0) }, [], ['chat'],
      { maxMessageRate: 1 }, { maxMessageRate: { rate: 1 } }, { maxMessageRate: { rate: 1, burst: 1, per: 1 } }
    ];
    for (const options of wrong) assert.throws(() => listen(0, {}, options), { name: 'TypeError' });
    const outOfRange = [
      { maxConnections: 0 }, { handshakeTimeout: 0 }, { handshakeTimeout: 2 ** 31 }, { maxPayload: 0 }
    ];
    for (const options of outOfRange) {
      assert.throws(() => listen(0, {}, options), { name: 'RangeError' });
    }
  });

  test('a server twice', () => {
    const server = net.createServer();
    assert.equal(listen(server, {}), server);
    assert.throws(() => listen(server, {}), { code: 'ERR_INVALID_STATE' });
  });

  test('a port that is taken is an error event of the server', async (t) => {
    const { port } = (await serve(t, 'own', {})).address();
    const [error] = await once(listen({ port, host: HOST }, {}), 'error');
    assert.equal(error.code, 'EADDRINUSE');
  });
});
