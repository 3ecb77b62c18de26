'use strict';

// connect: the request, the arguments, and connections to other libraries' servers.

const assert = require('node:assert/strict');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { getEventListeners, once } = require('node:events');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { describe, it } = require('node:test');
const ws = require('ws');
const { connect } = require('../lib/connect.js');
const { WS } = require('../index.js');
const { selfSigned } = require('./support/certificate.js');
const { accepting, attempt, failure, serve } = require('./support/clients.js');
const { run } = require('./support/child.js');
const { peerOf } = require('./support/frames.js');
const { HOST, listen } = require('./support/sockets.js');

const identity = selfSigned();
const trusting = { tls: { ca: identity.cert, servername: 'localhost' } };

/** A `ws` server that echoes, on any http server; gone with the test. */
function echo(t, server, options) {
  const peers = new ws.WebSocketServer({ server, ...options });
  peers.on('connection', (peer) => {
    peer.on('error', () => {});
    peer.on('message', (payload, binary) => peer.send(payload, { binary }));
  });
  t.after(async () => {
    for (const peer of peers.clients) peer.terminate();
    peers.close();
    await new Promise((resolve) => { server.close(resolve); });
  });
}

async function plainEcho(t, options) {
  const server = http.createServer();
  echo(t, server, options);
  return `ws://${HOST}:${await listen(server)}`;
}

async function talks(url, options) {
  const { socket, returned, inbox, closed, response } = await attempt(url, options);
  assert.equal(socket, returned);
  assert.equal(socket._is_client, true);
  assert.equal(socket._is_server, false);
  assert.equal(response.status, 101);
  for (const size of [0, 125, 126, 70_000, 1 << 20]) {
    const payload = Buffer.alloc(size, 'x');
    WS.send(socket, payload);
    const { payload: back, isBinary } = await inbox.next();
    assert.equal(isBinary, true);
    assert.ok(back.equals(payload));
  }
  WS.send(socket, 'жук');
  assert.deepEqual(await inbox.next(), { payload: Buffer.from('жук'), isBinary: false });
  WS.close(socket, 4000, 'enough');
  assert.deepEqual(await closed, { code: 4000, reason: 'enough', wasClean: true });
}

describe('connect to `ws`', () => {
  it('over TCP', async (t) => talks(await plainEcho(t)));

  it('over TLS', async (t) => {
    const server = https.createServer(identity);
    echo(t, server);
    await talks(`wss://${HOST}:${await listen(server)}/`, trusting);
  });

  it('over a unix socket', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ws13 '));
    t.after(() => rmSync(folder, { recursive: true }));
    const server = http.createServer();
    const path = join(folder, 'a b.sock');
    server.listen(path);
    await once(server, 'listening');
    echo(t, server);
    const asked = once(server, 'upgrade');
    await talks(`ws+unix://${path}:/chat?x=1`);
    const [request] = await asked;
    assert.equal(request.url, '/chat?x=1');
    assert.equal(request.headers.host, 'localhost');
    await talks(new URL(`ws+unix://${path}`));
  });

  it('with a subprotocol', async (t) => {
    const url = await plainEcho(t, { handleProtocols: (offered) => [...offered].at(-1) });
    const { socket } = await attempt(url, { protocols: ['soap', 'wamp'] });
    assert.equal(WS.info(socket).protocol, 'wamp');
    socket.destroy();
  });
});

describe('connect: the request', () => {
  const withRequest = async (t, suffix, options, change = (url) => url) => {
    const { url, requests } = await serve(t, (head) => accepting(head));
    const { socket } = await attempt(change(`${url}${suffix}`), options);
    socket.destroy();
    return requests[0];
  };

  it('to the line', async (t) => {
    const request = await withRequest(t, 'a%20b/c?d=e&f', {
      protocols: ['a', 'b'], origin: 'http://example.com', headers: { 'X-One': '1', 'Cookie': 'a=b' }
    });
    assert.equal(request.first, 'GET /a%20b/c?d=e&f HTTP/1.1');
    const key = request.headers['sec-websocket-key'];
    assert.equal(Buffer.from(key, 'base64').length, 16);
    assert.deepEqual(request.lines, [
      `Host: ${request.headers.host}`, 'Upgrade: websocket', 'Connection: Upgrade',
      `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: a, b',
      'Origin: http://example.com', 'X-One: 1', 'Cookie: a=b'
    ]);
    assert.match(request.headers.host, /^127\.0\.0\.1:\d+$/);
    assert.equal(request.rest.length, 0);
  });

  it('has a new key each time', async (t) => {
    const { url, requests } = await serve(t, (head) => accepting(head));
    for (let count = 0; count < 20; count++) (await attempt(url)).socket.destroy();
    assert.equal(new Set(requests.map(({ headers }) => headers['sec-websocket-key'])).size, 20);
  });

  it('carries the user and the password of the URL', async (t) => {
    const secret = (url) => url.replace('//', '//us%20er:p%3Aä@');
    const request = await withRequest(t, '', undefined, secret);
    const [scheme, value] = request.headers.authorization.split(' ');
    assert.equal(scheme, 'Basic');
    assert.equal(Buffer.from(value, 'base64').toString(), 'us er:p:ä');
    const own = await withRequest(t, '', { headers: { authorization: 'Bearer x' } }, secret);
    assert.deepEqual(own.lines.filter((line) => /^authorization/i.test(line)), ['authorization: Bearer x']);
  });
});

describe('connect: what it hands on', () => {
  it('frames that ride behind the 101, after open', async (t) => {
    const peer = peerOf('client');
    const frames = [peer.text('one'), peer.ping('?'), peer.binary('two'), peer.close(1001, 'bye')];
    const { url } = await serve(t, (head) => Buffer.concat([Buffer.from(accepting(head, 'X-Mine: ü')), ...frames]));
    const { inbox, calls, closed, response } = await attempt(url);
    assert.deepEqual((await inbox.take(2)).map(({ payload }) => payload.toString()), ['one', 'two']);
    assert.deepEqual(await closed, { code: 1001, reason: 'bye', wasClean: true });
    assert.deepEqual(calls, ['open', 'close']);
    assert.equal(response.url, url);
    assert.equal(response.headers['x-mine'], Buffer.from('ü').toString('latin1'));
  });

  it('whatever way a 101 and a frame are cut', async (t) => {
    const frame = peerOf('client').text('hello');
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n';
    let cut = 0;
    const { url } = await serve(t, async (head, socket) => {
      const bytes = Buffer.concat([Buffer.from(interim + accepting(head)), frame]);
      socket.setNoDelay(true);
      socket.write(bytes.subarray(0, cut));
      await new Promise(setImmediate);
      return bytes.subarray(cut);
    });
    const length = interim.length + frame.length + accepting({ headers: { 'sec-websocket-key': '' } }).length;
    for (cut = 1; cut < length; cut++) {
      const { socket, inbox } = await attempt(url);
      assert.equal((await inbox.next()).payload.toString(), 'hello', `cut at ${cut}`);
      socket.destroy();
    }
  });

  it('a 101 that comes byte by byte', async (t) => {
    const { url } = await serve(t, async (head, socket) => {
      socket.setNoDelay(true);
      for (const byte of Buffer.from(accepting(head))) {
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    });
    const { socket, error } = await attempt(url);
    assert.equal(error, undefined);
    socket.destroy();
  });

  it('nothing to send to before open', async (t) => {
    let accept;
    const asked = new Promise((resolve) => { accept = resolve; });
    const { url, requests } = await serve(t, async (head) => { await asked; return accepting(head); });
    const opening = new Promise((resolve) => {
      const socket = connect(url, { open: resolve });
      assert.equal(WS.info(socket).state, 'connecting');
      assert.equal(WS.ping(socket), false);
      assert.equal(WS.close(socket), false);
      assert.throws(() => WS.attach(socket, {}), { code: 'ERR_INVALID_STATE' });
      const sent = WS.send(socket, 'x', undefined, (error) => {
        assert.equal(error.code, 'ERR_SOCKET_CLOSED');
        accept();
      });
      assert.equal(sent, false);
    });
    const socket = await opening;
    assert.equal(requests[0].rest.length, 0);
    assert.equal(WS.info(socket).state, 'open');
    socket.destroy();
  });
});

describe('connect: the caller\'s faults', () => {
  const value = 'ERR_INVALID_ARG_VALUE';
  const type = 'ERR_INVALID_ARG_TYPE';
  const range = 'ERR_OUT_OF_RANGE';
  const url = 'ws://localhost/';

  const urls = [
    [undefined, type], [7, type], [{ href: url }, type], ['', 'ERR_INVALID_URL'], ['localhost', 'ERR_INVALID_URL'],
    ['ws://', 'ERR_INVALID_URL'], ['http://localhost/', value], ['https://localhost/', value],
    ['ws://localhost/#', value], ['ws://localhost/#x', value], [new URL('ws://localhost/#'), value],
    ['ws://localhost/a\r\nX: y', value], ['ws://local\nhost/', value], ['ws://localhost/\t', value],
    ['ws://a%3Ab:c@localhost/', value], ['ws://%ff@localhost/', value], ['ws+unix:///x.sock#', value],
    ['ws+unix://host/x.sock', value], ['ws+unix://', value], ['ws+unix:///x.sock:y', value], ['ws+unix:///%ff', value]
  ];
  for (const [given, code] of urls) {
    it(`the URL ${given instanceof URL ? 'object ' : ''}${JSON.stringify(given)}`, () => {
      assert.throws(() => connect(given, {}), { name: 'TypeError', code });
    });
  }

  const options = [
    [{ protocols: ['a', 'a'] }, value, /protocols/], [{ protocols: ['a b'] }, value, /protocols/],
    [{ protocols: [''] }, value, /protocols/], [{ protocols: ['a\r\nX: y'] }, value, /protocols/],
    [{ protocols: 'a' }, type], [{ protocols: [1] }, type],
    [{ headers: { 'X': 'a\r\nY: b' } }, value, /headers/], [{ headers: { 'X\r\nY': 'b' } }, value, /headers/],
    [{ headers: { 'X': 'ü' } }, value, /headers/], [{ headers: { '': 'x' } }, value, /headers/],
    [{ headers: { 'Host': 'x' } }, value, /Host/], [{ headers: { 'sec-websocket-key': 'x' } }, value],
    [{ headers: { 'Content-Length': '1' } }, value], [{ headers: { 'X': 1 } }, type, /headers\.X/],
    [{ headers: { 'X': undefined } }, type, /"options\.headers\.X" .* Received undefined$/],
    [{ headers: [] }, type], [{ headers: new Map() }, type], [{ headers: new Headers() }, type], [{ headers: 'x' }, type],
    [{ origin: 'a\r\nb' }, value, /options\.origin/], [{ origin: 1 }, type],
    [{ tls: true }, type], [{ tls: { host: 'x' } }, value, /options\.tls\.host/],
    [{ signal: {} }, type], [{ maxRedirects: -1 }, range], [{ maxRedirects: '1' }, type],
    [{ agent: {} }, type], [{ createConnection: {} }, type],
    [{ agent: new http.Agent(), createConnection() {} }, value],
    [{ agent: new https.Agent() }, value, /options\.agent/],
    [{ createConnection: () => 7 }, type], [{ handshakeTimeout: 0 }, range], [{ maxPayload: 0 }, range],
    [{ hedaers: {} }, value, /"headers"/], [null, type]
  ];
  for (const [given, code, message = /./] of options) {
    it(`the options ${JSON.stringify(given)} ${code}`, () => {
      assert.throws(() => connect(url, {}, given), { code, message });
    });
  }

  const elsewhere = {
    'It belongs to options\\.tls': ['ca', 'cert', 'key', 'rejectUnauthorized', 'servername', 'ALPNProtocols'],
    'The URL tells it': ['auth', 'host', 'hostname', 'path', 'port', 'socketPath'],
    'A function of options\\.createConnection may use it': ['family', 'localAddress', 'lookup']
  };
  for (const [advice, names] of Object.entries(elsewhere)) {
    for (const name of names) {
      it(`what others have as the option ${name}`, () => {
        const message = new RegExp(`^There is no option "options\\.${name}"\\. ${advice}$`);
        assert.throws(() => connect(url, {}, { [name]: 'x' }), { code: value, message });
      });
    }
  }

  it('tls that tls.connect does not take', async (t) => {
    const handlers = { error: () => assert.fail('error') };
    for (const tls of [{ cert: 'none' }, { key: 'none' }, { pfx: Buffer.from('none') }, { minVersion: 'x' }]) {
      assert.throws(() => connect('wss://localhost/', handlers, { tls }), Error);
    }
    // Behind a redirect there is nobody any more to throw it to.
    const answer = 'HTTP/1.1 302 Found\r\nLocation: wss://localhost/\r\nContent-Length: 0\r\n\r\n';
    const { url } = await serve(t, () => answer);
    const error = await failure(url, { maxRedirects: 1, tls: { minVersion: 'x' } });
    assert.equal(error.code, 'ERR_TLS_INVALID_PROTOCOL_VERSION');
  });

  it('are told with what was wrong', () => {
    const messages = [
      [{ protocols: ['a b'] }, 'the subprotocols must be different tokens. Received [ \'a b\' ]', 'protocols'],
      [{ origin: 'a\n' }, 'the value of Origin must be printable ASCII. Received \'a\\n\'', 'origin'],
      // A field may be a secret, and be wrong by the line end behind it.
      [{ headers: { A: 'b', Cookie: 'secret\n' } }, 'the value of Cookie must be printable ASCII', 'headers'],
      [{ headers: { 'X Y': 'b' } }, '"X Y" is not the name of a header field', 'headers']
    ];
    for (const [given, reason, name] of messages) {
      const message = `The "options.${name}" argument cannot be used: ${reason}`;
      assert.throws(() => connect(url, {}, given), { code: value, message });
    }
  });

  it('handlers', () => {
    assert.throws(() => connect(url), { code: type });
    assert.throws(() => connect(url, { open: 1 }), { code: type });
    assert.throws(() => connect(url, { upgrade() {} }), { code: value, message: /servers only/ });
  });
});

describe('connect: a signal', () => {
  const reason = new Error('mine');
  const isAbort = (error) => {
    assert.equal(error.name, 'AbortError');
    assert.equal(error.code, 'ABORT_ERR');
    assert.equal(error.cause, reason);
  };

  it('aborted before', async (t) => {
    const { url, sockets } = await serve(t, (head) => accepting(head));
    isAbort(await failure(url, { signal: AbortSignal.abort(reason) }));
    assert.equal(sockets.size, 0);
  });

  it('aborted in the handshake', async (t) => {
    const aborter = new AbortController();
    const { url } = await serve(t, () => { aborter.abort(reason); });
    isAbort(await failure(url, { signal: aborter.signal }));
  });

  it('aborted while an agent has no socket yet', async () => {
    const aborter = new AbortController();
    const failed = failure('ws://localhost/', { signal: aborter.signal, createConnection() {} });
    aborter.abort(reason);
    isAbort(await failed);
  });

  it('aborted by what makes the socket', async (t) => {
    const { url } = await serve(t, (head) => accepting(head));
    for (const isLate of [false, true]) {
      const aborter = new AbortController();
      const createConnection = (where, callback) => {
        aborter.abort(reason);
        const socket = net.connect(where);
        return isLate ? callback(null, socket) : socket;
      };
      isAbort(await failure(url, { signal: aborter.signal, createConnection }));
    }
  });

  it('aborted after that, which ends the connection', async (t) => {
    const aborter = new AbortController();
    const { url } = await serve(t, (head) => accepting(head));
    const { calls, closed } = await attempt(url, { signal: aborter.signal });
    aborter.abort(reason);
    assert.deepEqual(await closed, { code: 1006, reason: '', wasClean: false });
    assert.deepEqual(calls, ['open', 'error', 'close']);
  });

  it('for many connections has one listener, and none when they are closed', async (t) => {
    const { signal } = new AbortController();
    const { url } = await serve(t, (head, _socket, count) => (count % 2 === 1 ? accepting(head) : 'no\r\n\r\n'));
    const attempts = await Promise.all(Array.from({ length: 30 }, () => attempt(url, { signal })));
    const opened = attempts.filter(({ error }) => error === undefined);
    assert.equal(opened.length, 15);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    for (const { socket } of opened) socket.destroy();
    await Promise.all(opened.map(({ closed }) => closed));
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('ends them all', async (t) => {
    const aborter = new AbortController();
    const { url } = await serve(t, (head) => accepting(head));
    const attempts = await Promise.all(Array.from({ length: 30 }, () => attempt(url, { signal: aborter.signal })));
    aborter.abort(reason);
    for (const { closed } of attempts) assert.equal((await closed).code, 1006);
    assert.equal(getEventListeners(aborter.signal, 'abort').length, 0);
  });
});

it('connect leaves nothing that keeps the process alive', async () => {
  const { code, stdout, stderr } = await run('connect-and-end');
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'closed 1000\nrefused WS_ERR_HANDSHAKE_STATUS\n', stderr: '' });
});

it('an error without a handler is an uncaught exception', async () => {
  const { code, stderr } = await run('connect-unhandled');
  assert.notEqual(code, 0);
  assert.match(stderr, /ECONNREFUSED/);
});
