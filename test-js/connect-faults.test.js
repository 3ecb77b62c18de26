'use strict';

// connect: servers that answer wrongly, late or not at all, and connections that fail.

const assert = require('node:assert/strict');
const net = require('node:net');
const { Duplex } = require('node:stream');
const { describe, it } = require('node:test');
const { connect } = require('../lib/connect.js');
const { selfSigned } = require('./support/certificate.js');
const { accepting, attempt, failure, serve } = require('./support/clients.js');
const { HOST, listen } = require('./support/sockets.js');
const { uncaught } = require('./support/uncaught.js');

/** Status, fields and body in one string. */
function answer(status, body = '', ...lines) {
  return [`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n');
}

/** The request's 101 with one line in the place of another, or after all. */
function changed(from, to) {
  return (head) => {
    const bytes = accepting(head).replace(from, to);
    assert.notEqual(bytes, accepting(head));
    return bytes;
  };
}

describe('an answer that is no 101 of ours', () => {
  const rows = [
    ['another accept value', changed(/Accept: ./, 'Accept: !'), 'ACCEPT', 101],
    ['no accept value', changed(/Sec-.*\r\n/, ''), 'ACCEPT', 101],
    ['two accept values', changed(/(Sec-.*\r\n)/, '$1$1'), 'ACCEPT', 101],
    ['another Upgrade', changed('Upgrade: websocket', 'Upgrade: h2c'), 'UPGRADE', 101],
    ['no Upgrade', changed('Upgrade: websocket\r\n', ''), 'UPGRADE', 101],
    ['another Connection', changed('Connection: Upgrade', 'Connection: NotUpgrade'), 'CONNECTION', 101],
    ['a subprotocol that was not offered', changed('Upgrade:', 'Sec-WebSocket-Protocol: x\r\nUpgrade:'), 'PROTOCOL', 101],
    ['an extension that was not offered', changed('Upgrade:', 'Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade:'), 'EXTENSIONS', 101],
    ['HTTP/1.0', changed('HTTP/1.1', 'HTTP/1.0'), 'STATUS_LINE', 101],
    ['a name that is every object\'s', changed('Upgrade:', '__proto__: x\r\nSec-WebSocket-Extensions: constructor\r\nUpgrade:'), 'EXTENSIONS', 101],
    ['200', () => answer('200 OK', 'hi', 'Content-Length: 2'), 'STATUS', 200],
    ['301', () => answer('301 Moved', '', 'Location: /x', 'Content-Length: 0'), 'STATUS', 301],
    ['204', () => answer('204 No Content'), 'STATUS', 204],
    ['not even HTTP', () => 'SSH-2.0-OpenSSH\r\n\r\n', 'STATUS_LINE', undefined],
    ['bytes', () => Buffer.from('1603010000020202ff', 'hex'), 'HEAD', undefined],
    ['a bare line feed', () => 'HTTP/1.1 101 x\n', 'HEAD', undefined],
    ['an endless head', () => answer('101 x', '', `X: ${'x'.repeat(17_000)}`), 'HEAD', undefined],
    ['too many fields', () => answer('101 x', '', ...Array(200).fill('A: b')), 'HEAD', undefined]
  ];
  for (const [name, respond, code, status] of rows) {
    it(name, async (t) => {
      const { url } = await serve(t, respond);
      const error = await failure(url);
      assert.equal(error.code, `WS_ERR_HANDSHAKE_${code}`);
      assert.match(error.message, /^The handshake failed: /);
      assert.equal(error.status, status);
      assert.equal(error.headers === undefined, status === undefined);
    });
  }

  it('every interim answer is passed over', async (t) => {
    const { url } = await serve(t, (head) => answer('102 Processing').repeat(2000) + accepting(head));
    const { socket, error } = await attempt(url);
    assert.equal(error, undefined);
    socket.destroy();
  });
});

describe('a refusal', () => {
  const refusals = [
    ['by length', answer('401 Unauthorized', 'who are you?', 'Content-Length: 12', 'WWW-Authenticate: Basic'), false, 'who are you?'],
    ['in chunks', answer('401 x', '4\r\nwho \r\n8;x=y\r\nare you?\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'), false, 'who are you?'],
    ['up to the end', answer('401 x', 'who are you?'), true, 'who are you?'],
    ['shorter than promised', answer('401 x', 'who', 'Content-Length: 12'), true, 'who'],
    ['that has no end', answer('500 x', 'x'.repeat(10_000)), false, 'x'.repeat(4096)],
    ['without one', answer('401 x', '', 'Content-Length: 0'), false, ''],
    ['of HTTP/1.0', answer('404 x', 'who?').replace('HTTP/1.1', 'HTTP/1.0'), true, 'who?']
  ];
  for (const [name, bytes, ends, body] of refusals) {
    for (const cut of [0, 1, 16, bytes.length - 1]) {
      it(`has its status, headers and body ${name}, cut at ${cut}`, async (t) => {
        const { url } = await serve(t, async (_head, socket) => {
          socket.write(bytes.slice(0, cut));
          await new Promise(setImmediate);
          if (ends) socket.end(bytes.slice(cut));
          else socket.write(bytes.slice(cut));
        });
        const error = await failure(url);
        assert.equal(error.code, bytes.startsWith('HTTP/1.0') ? 'WS_ERR_HANDSHAKE_STATUS_LINE' : 'WS_ERR_HANDSHAKE_STATUS');
        assert.equal(error.status, Number(bytes.slice(9, 12)));
        assert.ok(Buffer.isBuffer(error.body));
        assert.equal(error.body.toString(), body);
        assert.equal(Object.getPrototypeOf(error.headers), null);
      });
    }
  }

  it('keeps what came of a body before a reset, or before the time is up', async (t) => {
    const { url } = await serve(t, (_head, socket, count) => {
      socket.write(answer('403 x', 'no', 'Content-Length: 100', 'Set-Cookie: a', 'Set-Cookie: b'));
      if (count === 1) setImmediate(() => socket.resetAndDestroy());
    });
    for (const options of [undefined, { handshakeTimeout: 100 }]) {
      const error = await failure(url, options);
      assert.equal(error.status, 403);
      assert.deepEqual(error.headers['set-cookie'], ['a', 'b']);
      assert.equal(error.body.toString(), 'no');
    }
  });
});

describe('a connection that ends', () => {
  for (const [name, end] of [['FIN', (socket) => socket.end()], ['RST', (socket) => socket.resetAndDestroy()]]) {
    it(`with ${name} after any number of bytes`, async (t) => {
      let length = Infinity;
      let cut = 0;
      const { url } = await serve(t, (head, socket) => {
        const bytes = accepting(head);
        ({ length } = bytes);
        socket.write(bytes.slice(0, cut), () => end(socket));
      });
      for (; cut < length; cut++) {
        const { code } = await failure(url);
        assert.ok(code === 'WS_ERR_HANDSHAKE_ENDED' || code === 'ECONNRESET', `${code} after ${cut}`);
        if (name === 'FIN') assert.equal(code, 'WS_ERR_HANDSHAKE_ENDED');
      }
    });
  }

  it('with a FIN right behind the 101', async (t) => {
    const { url } = await serve(t, (head, socket) => { socket.end(accepting(head)); });
    const { closed, calls } = await attempt(url);
    assert.deepEqual(await closed, { code: 1006, reason: '', wasClean: false });
    assert.deepEqual(calls, ['open', 'close']);
  });

  it('because the program destroys it', async (t) => {
    const { url } = await serve(t, (head) => accepting(head));
    const mine = new Error('mine');
    for (const [given, expected] of [[undefined, 'WS_ERR_HANDSHAKE_ENDED'], [mine, undefined]]) {
      const opening = attempt(url, { createConnection: (where) => net.connect(where).destroy(given) });
      const { error, calls } = await opening;
      assert.equal(error.code, expected);
      if (given !== undefined) assert.equal(error, mine);
      assert.deepEqual(calls, ['error']);
    }
  });

  it('because a listener in front of ours destroys it as the 101 comes', async (t) => {
    const { url } = await serve(t, (head) => accepting(head));
    const createConnection = (where) => {
      const socket = net.connect(where);
      return socket.on('data', () => socket.destroy());
    };
    const error = await failure(url, { createConnection });
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_ENDED');
  });

  it('because a handler throws', async (t) => {
    const { url, sockets } = await serve(t, () => answer('403 x', '', 'Content-Length: 0'));
    const thrown = new Error('thrown by a handler');
    const caught = uncaught();
    const socket = connect(url, { error() { throw thrown; } });
    assert.equal(await caught, thrown);
    assert.equal(socket.destroyed, true);
    assert.equal(sockets.size, 1);
  });
});

describe('a server', () => {
  it('that does not answer in time', async (t) => {
    const { url } = await serve(t, () => undefined);
    const errors = await Promise.all(Array.from({ length: 20 }, () => failure(url, { handshakeTimeout: 50 })));
    for (const { code } of errors) assert.equal(code, 'WS_ERR_HANDSHAKE_TIMEOUT');
  });

  it('whose refusal becomes complete as its time is up', async (t) => {
    // A deadline alone keeps no process alive.
    await serve(t, () => undefined);
    const streams = [];
    const createConnection = () => {
      const stream = new Duplex({
        read() {},
        write(_chunk, _encoding, done) {
          setImmediate(() => this.push(answer('401 x', '', 'Content-Length: 2')));
          done();
        }
      });
      streams.push(stream);
      return stream;
    };
    const options = { handshakeTimeout: 50, createConnection };
    // What the first does when it is told lets the second end before its own turn.
    connect('ws://x/', { error: () => streams[1].push('no') }, options);
    const error = await failure('ws://x/', options);
    assert.equal(error.status, 401);
    assert.equal(String(error.body), 'no');
    await new Promise(setImmediate);
  });

  it('that dribbles its answer', async (t) => {
    const { url } = await serve(t, (_head, socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    assert.equal((await failure(url, { handshakeTimeout: 50 })).code, 'WS_ERR_HANDSHAKE_TIMEOUT');
  });

  it('that is not there', async () => {
    const server = net.createServer();
    const port = await listen(server);
    await new Promise((resolve) => { server.close(resolve); });
    assert.equal((await failure(`ws://${HOST}:${port}`)).code, 'ECONNREFUSED');
    assert.equal((await failure('ws+unix:///nowhere/at/all.sock')).code, 'ENOENT');
  });

  it('whose certificate is not trusted gets no request', async (t) => {
    const identity = selfSigned();
    const { url, requests } = await serve(t, (head) => accepting(head), { identity });
    assert.equal((await failure(url)).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    const named = { tls: { ca: identity.cert, servername: 'elsewhere.example' } };
    assert.equal((await failure(url, named)).code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.equal(requests.length, 0);
  });

  it('that speaks no TLS', async (t) => {
    const server = net.createServer((socket) => { socket.on('error', () => {}).resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'); });
    const port = await listen(server);
    t.after(() => new Promise((resolve) => { server.close(resolve); }));
    assert.match((await failure(`wss://${HOST}:${port}/`)).code, /^(ERR_SSL_|EPROTO)/);
  });
});
