'use strict';

const assert = require('node:assert/strict');
const { subscribe, unsubscribe } = require('node:diagnostics_channel');
const { once } = require('node:events');
const net = require('node:net');
const { describe, test } = require('node:test');
const { runInNewContext } = require('node:vm');
const { WS } = require('..');
const { listenerOf } = require('../lib/listen.js');
const { stats } = require('../lib/stats.js');
const { openAsClient, readHead, requestHead, requestHeaders } = require('./support/handshake.js');
const {
  HOST, ask, connectionsOf, dial, emptied, opening, recorder, serve, uncaught
} = require('./support/listening.js');
const { plain } = require('./support/plain.js');

const BASIC = requestHead(requestHeaders());

/** A request with one field changed, or left out. */
function changed(changes) {
  return requestHead(requestHeaders(changes));
}

/** Answers as they must be: whole, of a known length, and the last on their connection. */
function checkAnswer(answer, status) {
  assert.equal(answer?.status, status);
  assert.match(answer.first, /^HTTP\/1\.1 \d{3} [A-Z]/);
  assert.match(answer.headers.connection, /^close/);
  assert.equal(Number(answer.headers['content-length']), Buffer.byteLength(answer.body));
  assert.match(answer.body, /^[A-Z].*\.\n$/);
}

describe('requests that are refused', () => {
  const REQUESTS = {
    'plain HTTP': ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 426, 'plainHttp'],
    'plain HTTP/1.0': ['GET / HTTP/1.0\r\n\r\n', 426, 'plainHttp'],
    'a posted form': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b', 426, 'plainHttp'],
    'another method': [BASIC.replace('GET', 'POST'), 405, 'method'],
    'HTTP/1.0': [BASIC.replace('HTTP/1.1', 'HTTP/1.0'), 505, 'httpVersion'],
    'no request line': [BASIC.replace('GET / HTTP/1.1', 'hello'), 400, 'requestLine'],
    'no Host': [changed({ host: undefined }), 400, 'host'],
    'two Hosts': [BASIC.replace('host', 'host: a\r\nhost'), 400, 'host'],
    'another protocol': [changed({ upgrade: 'h2c' }), 400, 'upgrade'],
    'no Upgrade': [changed({ upgrade: undefined }), 426, 'plainHttp'],
    'no Upgrade in Connection': [changed({ connection: 'NotUpgrade' }), 400, 'connection'],
    'no key': [changed({ 'sec-websocket-key': undefined }), 400, 'key'],
    'a short key': [changed({ 'sec-websocket-key': 'bm9tbm9tCg==' }), 400, 'key'],
    'no version': [changed({ 'sec-websocket-version': undefined }), 400, 'version'],
    'version 8': [changed({ 'sec-websocket-version': '8' }), 426, 'version'],
    'a protocol that is no token': [changed({ 'sec-websocket-protocol': 'a b' }), 400, 'protocol'],
    'a body': [changed({ 'content-length': '5' }), 400, 'body'],
    'a bare LF': [BASIC.replace('\r\n', '\n'), 400, 'head'],
    'a TLS hello': [Buffer.from('16030100a5010000a1', 'hex'), 400, 'head'],
    'names out of Object.prototype': [changed({ '__proto__x': 'a', 'constructor': 'b', 'upgrade': 'constructor' }), 400, 'upgrade'],
    'a head over 16 KiB': [changed({ 'x-long': 'x'.repeat(16 * 1024) }), 431, 'head'],
    'a head without end': ['GET /'.padEnd(100_000, 'x'), 431, 'head'],
    'too many fields': [BASIC.replace('\r\n\r\n', `\r\n${'a: b\r\n'.repeat(200)}\r\n`), 431, 'head']
  };

  for (const [name, [bytes, status, reason]] of Object.entries(REQUESTS)) {
    test(name, async (t) => {
      const { handlers, inbox } = recorder();
      // The socket must not need a deadline to go away.
      const asking = { ...handlers, upgrade: () => assert.fail('asked') };
      const server = await serve(t, 'own', asking, { closeTimeout: 3_600_000 });
      const before = stats().refusals[reason] ?? 0;
      const answer = await ask(server, bytes);
      checkAnswer(answer, status);
      assert.equal(stats().refusals[reason], before + 1);
      if (status === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
      if (status === 405) assert.equal(answer.headers.allow, 'GET');
      await emptied(server);
      assert.deepEqual(inbox.left, []);
    });
  }

  test('the same on an http server', async (t) => {
    const server = await serve(t, 'http', {});
    for (const name of ['sec-websocket-key', 'sec-websocket-version']) {
      checkAnswer(await ask(server, changed({ [name]: undefined })), 400);
    }
    checkAnswer(await ask(server, BASIC.replace('host', 'host: a\r\nhost')), 400);
    checkAnswer(await ask(server, BASIC.replace('GET', 'POST')), 405);
    checkAnswer(await ask(server, changed({ 'sec-websocket-version': '8' })), 426);
    checkAnswer(await ask(server, changed({ upgrade: 'h2c' })), 400);
  });

  test('a socket that has been given an encoding', async (t) => {
    const server = await serve(t, 'net', {});
    server.prependListener('connection', (socket) => socket.setEncoding('latin1'));
    const [error] = await uncaught(1, async () => checkAnswer(await ask(server, opening({})), 500));
    assert.equal(error.code, 'ERR_INVALID_STATE');
  });

  test('fetch reads a 426', async (t) => {
    const server = await serve(t, 'own', {});
    const answer = await fetch(`http://${HOST}:${server.address().port}/`);
    assert.equal(answer.status, 426);
    assert.equal(answer.headers.get('upgrade'), 'websocket');
    assert.match(await answer.text(), /WebSocket server/);
  });

  test('strict: false takes what WS.upgrade takes', async (t) => {
    const server = await serve(t, 'own', {}, { strict: false });
    const client = await dial(server);
    client.write(changed({ 'host': undefined, 'sec-websocket-key': 'bm9tbm9tCg==', 'sec-websocket-version': undefined }));
    const head = await readHead(client);
    assert.equal(head.status, 101);
    assert.equal(head.headers['sec-websocket-accept'], 'xJ/uuf9/4bPn6X8/5iTtj7ArAH0=');
    checkAnswer(await ask(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 426);
  });
});

describe('what the program refuses', () => {
  const ANSWERS = {
    'false': [false, 403], '401': [401, 401], '599': [599, 599],
    'a status and fields': [{ status: 401, headers: { 'WWW-Authenticate': 'Basic' } }, 401],
    'a redirect': [{ status: 302, headers: { Location: '/other' } }, 302]
  };
  for (const kind of ['own', 'http']) {
    for (const [name, [answer, status]] of Object.entries(ANSWERS)) {
      test(`upgrade returns ${name}: ${kind}`, async (t) => {
        const { handlers, inbox } = recorder({ upgrade: async () => answer });
        const server = await serve(t, kind, handlers);
        const before = stats().refusals.declined ?? 0;
        const refused = await ask(server, opening({}, 'never read'));
        checkAnswer(refused, status);
        assert.equal(stats().refusals.declined, before + 1);
        for (const [field, value] of Object.entries(answer.headers ?? {})) {
          assert.equal(refused.headers[field.toLowerCase()], value);
        }
        await emptied(server);
        assert.deepEqual(inbox.left, []);
      });
    }
  }

  const MISTAKES = {
    'throws': [() => { throw new Error('mine'); }, { message: 'mine' }],
    'rejects': [async () => { throw new Error('mine'); }, { message: 'mine' }],
    'returns a string': [() => 'yes', { code: 'ERR_INVALID_RETURN_VALUE' }],
    'returns an Error': [async () => new Error('no'), { code: 'ERR_INVALID_RETURN_VALUE' }],
    'returns an Error of another realm': [() => runInNewContext('new Error("no")'), { code: 'ERR_INVALID_RETURN_VALUE' }],
    'returns a Response': [() => new Response('no', { status: 403 }), { code: 'ERR_INVALID_RETURN_VALUE' }],
    'returns null': [async () => null, { code: 'ERR_INVALID_RETURN_VALUE' }],
    'returns a status that is none': [() => 200, { code: 'ERR_OUT_OF_RANGE' }],
    'returns an unknown option': [() => ({ protcol: 'a' }), { message: /"protocol"/ }],
    'returns a wrong option': [() => ({ maxPayload: 0 }), { code: 'ERR_OUT_OF_RANGE' }],
    'splits the answer': [() => ({ headers: { 'X-A': 'a\r\nX-B: b' } }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'The "upgrade() result.headers" argument cannot be sent: the value of X-A must be printable ASCII'
    }],
    'splits the refusal': [() => ({ status: 401, headers: { 'X-A': 'a\r\n\r\n' } }), { code: 'ERR_INVALID_ARG_VALUE' }],
    'names a field of ours': [() => ({ headers: { 'Sec-WebSocket-Accept': 'a' } }), { message: /"upgrade\(\) result\.headers"/ }],
    'gives a number for a field': [() => ({ headers: { 'X-A': 1 } }), { code: 'ERR_INVALID_ARG_TYPE' }],
    'gives its fields as Headers': [() => ({ headers: new Headers({ 'X-A': 'a' }) }), { code: 'ERR_INVALID_ARG_TYPE' }],
    'gives its fields as pairs': [() => ({ headers: [['X-A', 'a']] }), { code: 'ERR_INVALID_ARG_TYPE' }],
    'returns what throws when it is asked': [() => ({ get then() { throw new Error('mine'); } }), { message: 'mine' }]
  };
  for (const [name, [upgrade, expected]] of Object.entries(MISTAKES)) {
    test(`upgrade ${name}: 500, and an uncaught exception`, async (t) => {
      const { handlers, inbox } = recorder({ upgrade });
      const server = await serve(t, 'own', handlers);
      const [error] = await uncaught(1, async () => {
        checkAnswer(await ask(server, opening({}, 'a')), 500);
      });
      assert.throws(() => { throw error; }, expected);
      await emptied(server);
      assert.deepEqual(inbox.left, []);
    });
  }
});

describe('the channel ws13:refuse', () => {
  const late = { upgrade: () => new Promise(() => {}) };
  const thrower = { upgrade() { throw new Error('mine'); } };
  // Handlers, options, what is sent, whether there is a request by then, and what the channel tells.
  const REFUSALS = {
    'a head that is malformed': [{}, {}, BASIC.replace('\r\n', '\n'), false, 400, 'head'],
    'a head that does not end': [{}, { handshakeTimeout: 20 }, BASIC.slice(0, 40), false, 408, 'timeout'],
    'a field that is wrong': [{}, {}, changed({ upgrade: 'h2c' }), false, 400, 'upgrade'],
    'an origin': [{}, { origins: [] }, opening({ origin: 'https://a.example' }), true, 403, 'origin'],
    'upgrade': [{ upgrade: async () => 451 }, {}, opening(), true, 451, 'declined'],
    'upgrade, too late': [late, { handshakeTimeout: 20 }, opening(), true, 503, 'busy'],
    'upgrade, which throws': [thrower, {}, opening(), true, 500, 'error']
  };
  for (const kind of ['own', 'http']) {
    for (const [name, [handlers, options, bytes, isRequest, status, reason]] of Object.entries(REFUSALS)) {
      // What is no request, an http server refuses itself.
      if (kind === 'http' && ['head', 'timeout'].includes(reason)) continue;
      test(`${name}: ${kind}`, async (t) => {
        const told = listenOn(t);
        const server = await serve(t, kind, handlers, options);
        const answered = async () => checkAnswer(await ask(server, bytes), status);
        await (reason === 'error' ? uncaught(1, answered) : answered());
        const [{ socket, request, ...rest }, ...more] = told;
        assert.deepEqual([rest, more], [{ status, reason }, []]);
        assert.ok(socket instanceof net.Socket);
        if (isRequest || kind === 'http') assert.deepEqual([request.method, request.socket], ['GET', socket]);
        else assert.equal(request, null);
      });
    }
  }

  test('maxConnections, and a shutdown', async (t) => {
    const told = listenOn(t);
    const server = await serve(t, 'own', late, { maxConnections: 1 });
    const first = await dial(server);
    first.write(opening());
    while (listenerOf(server).admitted === 0) await new Promise(setImmediate);
    checkAnswer(await ask(server, opening()), 503);
    first.resume();
    await WS.shutdown(server);
    assert.deepEqual(told.map(({ status, reason }) => [status, reason]), [[503, 'maxConnections'], [503, 'shutdown']]);
    assert.deepEqual(told.map(({ request }) => request.url), ['/chat?x=1', '/chat?x=1']);
  });

  test('WS.upgrade', (t) => {
    const told = listenOn(t);
    const headers = requestHeaders({ 'sec-websocket-version': '8' });
    const socket = plain();
    assert.equal(WS.upgrade(socket, headers), false);
    assert.deepEqual(told, [{ socket, request: { headers }, status: 426, reason: 'version' }]);
  });

  test('a subscriber may destroy the socket', async (t) => {
    const destroy = ({ socket }) => socket.destroy();
    subscribe('ws13:refuse', destroy);
    t.after(() => unsubscribe('ws13:refuse', destroy));
    const server = await serve(t, 'own', {}, { closeTimeout: 3_600_000 });
    assert.equal(await ask(server, changed({ upgrade: 'h2c' })), null);
    await emptied(server);
  });

  /** All that the channel tells for as long as the test lasts. */
  function listenOn(t) {
    const told = [];
    const listener = (message) => told.push(message);
    subscribe('ws13:refuse', listener);
    t.after(() => unsubscribe('ws13:refuse', listener));
    return told;
  }
});

describe('a socket that upgrade is asked about', () => {
  for (const kind of ['own', 'http']) {
    test(`sends nothing in front of the answer: ${kind}`, async (t) => {
      const told = [];
      const upgrade = async ({ socket }) => {
        await null;
        told.push(WS.send(socket, 'a'), WS.ping(socket), WS.close(socket, 1000), WS.broadcast([socket], 'a'));
        told.push(WS.info(socket).state);
      };
      const open = (socket) => told.push(WS.info(socket).state);
      const server = await serve(t, kind, { upgrade, open });
      const { connections: { total } } = stats();
      const client = await dial(server);
      await openAsClient(client);
      assert.deepEqual(told, [false, false, false, 0, 'connecting', 'open']);
      assert.equal(stats().connections.total, total + 1);
      client.destroy();
      await emptied(server);
    });

    test(`has no readers yet: ${kind}`, async (t) => {
      const upgrade = ({ socket }) => {
        for (const read of [WS.stream, WS.messages, (socket) => WS.attach(socket, {}), readByHand]) {
          assert.throws(() => read(socket), { code: 'ERR_INVALID_STATE' });
        }
      };
      const server = await serve(t, kind, { upgrade });
      const client = await dial(server);
      await openAsClient(client);
      client.destroy();
      await emptied(server);
    });
  }

  function readByHand(socket) {
    WS.receive(socket, Buffer.alloc(2));
  }
});

describe('origins', () => {
  const origins = ['https://a.example', /^https:\/\/\w+\.b\.example$/g];
  const ORIGINS = [
    ['https://a.example', 101], ['https://x.b.example', 101], ['https://x.b.example', 101], [undefined, 101],
    ['https://a.example.evil', 403], ['http://a.example', 403], ['null', 403], ['', 403]
  ];
  test('a list', async (t) => {
    const server = await serve(t, 'own', {}, { origins });
    for (const [origin, status] of ORIGINS) {
      const client = await dial(server);
      client.write(opening({ origin }));
      assert.equal((await readHead(client)).status, status, origin);
      client.destroy();
    }
  });

  test('a function', async (t) => {
    const asked = [];
    const server = await serve(t, 'http', {}, {
      origins: (origin, request) => { asked.push([origin, request.url]); return origin === 'a'; }
    });
    for (const [origin, status] of [['a', 101], ['b', 403], [undefined, 403]]) {
      const client = await dial(server);
      client.write(opening({ origin }));
      assert.equal((await readHead(client)).status, status, origin);
      client.destroy();
    }
    assert.deepEqual(asked, [['a', '/chat?x=1'], ['b', '/chat?x=1'], [undefined, '/chat?x=1']]);
  });

  test('a function that answers with a promise lets nobody in', async (t) => {
    const server = await serve(t, 'own', {}, { origins: async () => true });
    const [error] = await uncaught(1, async () => checkAnswer(await ask(server, opening({})), 500));
    assert.equal(error.code, 'ERR_INVALID_RETURN_VALUE');
  });
});

describe('bounds', () => {
  test('maxConnections counts the open and those that are being asked about', async (t) => {
    const answers = [];
    const upgrade = () => new Promise((resolve) => { answers.push(resolve); });
    const { handlers, inbox } = recorder({ upgrade });
    const server = await serve(t, 'own', handlers, { maxConnections: 2 });
    const [first, second] = [await dial(server), await dial(server)];
    const opened = openAsClient(first);
    second.write(opening({}));
    while (answers.length < 2) await new Promise(setImmediate);
    checkAnswer(await ask(server, opening({})), 503);
    answers[0](true);
    await opened;
    checkAnswer(await ask(server, opening({})), 503);
    answers[1](404);
    await once(second.resume(), 'close');

    const third = await dial(server);
    const openedToo = openAsClient(third);
    while (answers.length < 3) await new Promise(setImmediate);
    answers[2]();
    await openedToo;
    checkAnswer(await ask(server, opening({})), 503);
    first.destroy();
    while ((await inbox.next())[0] !== 'close');
    const fourth = dial(server).then(openAsClient);
    while (answers.length < 4) await new Promise(setImmediate);
    answers[3]();
    await fourth;
    assert.equal(listenerOf(server).admitted, 2);
  });

  test('a request that does not end gets a 408', async (t) => {
    const { handlers, inbox } = recorder();
    const server = await serve(t, 'own', handlers, { handshakeTimeout: 20 });
    checkAnswer(await ask(server, BASIC.slice(0, 40)), 408);
    checkAnswer(await ask(server, ''), 408);
    await emptied(server);
    assert.deepEqual(inbox.left, []);
  });

  test('a client that takes no answer is destroyed', async (t) => {
    const server = await serve(t, 'own', {}, { handshakeTimeout: 20, closeTimeout: 20 });
    const client = await dial(server, { allowHalfOpen: true });
    client.on('end', () => client.write('never done'));
    client.resume();
    client.write(BASIC.slice(0, 40));
    await once(client, 'end');
    await emptied(server);
    assert.equal(await connectionsOf(server), 0);
    client.destroy();
  });

  for (const kind of ['own', 'http']) {
    test(`what upgrade says too late is not heard: ${kind}`, async (t) => {
      let resolve;
      const { handlers, inbox } = recorder({ upgrade: () => new Promise((done) => { resolve = done; }) });
      const server = await serve(t, kind, handlers, { handshakeTimeout: 20 });
      checkAnswer(await ask(server, opening({}, 'a')), 503);
      resolve(true);
      await emptied(server);
      assert.deepEqual(inbox.left, []);
      assert.equal(listenerOf(server).admitted, 0);
    });
  }

  test('an upgrade that fails too late is still an uncaught exception', async (t) => {
    let reject;
    const { handlers, inbox } = recorder({ upgrade: () => new Promise((_done, fail) => { reject = fail; }) });
    const server = await serve(t, 'own', handlers, { handshakeTimeout: 20 });
    const [error] = await uncaught(1, async () => {
      checkAnswer(await ask(server, opening({})), 503);
      reject(new Error('late'));
    });
    assert.equal(error.message, 'late');
    assert.deepEqual(inbox.left, []);
  });
});
