'use strict';

// What has gone wrong in other WebSocket libraries, one test each. The rest of such tests stands
// where it belongs: limits.test.js, control.test.js, random.test.js, workers.test.js.

const test = require('node:test');
const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { WS } = require('..');
const { ROLES, peerOf } = require('./support/frames.js');
const { openAsClient, parseHead, readHead, requestHead, requestHeaders } = require('./support/handshake.js');
const { dial, serve } = require('./support/listening.js');
const { plain, sent, ends, wire, nextTurn } = require('./support/plain.js');
const { connect, listen } = require('./support/sockets.js');

const LONG = 1 << 20;

/** Upgrades with these headers; whatever they are, there is one answer and no throw. */
function answered(headers, options) {
  const socket = plain();
  const answers = [];
  const result = WS.upgrade(socket, headers, options, (value) => answers.push(value));
  assert.deepEqual(answers, [result]);
  assert.equal(socket.writes.length, 1);
  const head = parseHead(wire(socket));
  assert.equal(head.status === 101, result);
  return head;
}

test('handshakes with the headers removed one by one, and changed one by one', () => {
  const full = requestHeaders({
    'sec-websocket-protocol': 'chat', 'sec-websocket-extensions': 'x', 'origin': 'http://localhost'
  });
  for (const name of Object.keys(full)) {
    for (const value of [undefined, '', ' ', ',', ';', '\0', 'x'.repeat(1000), '\u00ff\u00fe', '\u4e2d\u6587', '\ud800']) {
      const headers = { ...full, [name]: value };
      if (value === undefined) delete headers[name];
      for (const options of [undefined, { strict: true }]) answered(headers, options);
    }
  }
  answered({}, undefined);
  answered({}, { strict: true });
});

test('header values of other types throw nothing', () => {
  for (const name of ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions']) {
    for (const value of [['a', 'b'], [], 13, null, true, {}, Buffer.from('a'), () => 'a', Symbol('a')]) {
      const socket = plain();
      const result = WS.upgrade(socket, { ...requestHeaders(), [name]: value }, { strict: false });
      assert.equal(typeof result, 'boolean', `${name}: ${typeof value}`);
      assert.equal(parseHead(wire(socket)).status === 101, result);
    }
  }
});

test('names of Object.prototype in header values and as headers', () => {
  for (const word of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'prototype']) {
    for (const name of ['sec-websocket-extensions', 'sec-websocket-protocol']) {
      const head = answered({ ...requestHeaders(), [name]: `${word}; ${word}=${word}, ${word}` });
      assert.equal(head.status, 101);
      assert.equal(head.headers['sec-websocket-extensions'], undefined);
      if (name.endsWith('protocol')) continue;
      assert.equal(head.headers['sec-websocket-protocol'], undefined);
    }
    assert.equal(answered(requestHeaders({ 'sec-websocket-protocol': word })).headers['sec-websocket-protocol'], word);
  }
  assert.equal(answered(JSON.parse('{ "__proto__": { "sec-websocket-key": "AAAA" } }')).status, 400);
});

test('names of Object.prototype in a request that WS.listen has read', async (t) => {
  let headers;
  const server = await serve(t, 'own', { upgrade: (request) => { headers = request.headers; } });
  const client = await dial(server);
  await openAsClient(client, { 'toString': 'b', '__PROTO__': 'c' });
  assert.equal(headers.constructor, undefined);
  assert.equal(headers.tostring, 'b');
  assert.equal(headers['__proto__'], 'c');
  client.destroy();
});

test('header values of a megabyte cost linear time', { timeout: 20_000 }, () => {
  // What is quadratic here takes minutes.
  const shapes = [
    'a,'.repeat(LONG / 2), ' '.repeat(LONG), ','.repeat(LONG), 'a;b='.repeat(LONG / 4), `a;b="${'\\'.repeat(LONG)}`,
    `a${' '.repeat(LONG)}b`, '\t \t '.repeat(LONG / 4), 'a=b;'.repeat(LONG / 4), 'x'.repeat(LONG)
  ];
  for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions', 'connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-key']) {
    for (const value of shapes) {
      for (const options of [{ strict: true }, { protocols: ['never', 'there'] }]) {
        answered({ ...requestHeaders(), [name]: value }, options);
      }
    }
  }
});

test('CR and LF of no header value come back in the response', () => {
  const evil = 'chat\r\nSet-Cookie: evil=1\r\n\r\nHTTP/1.1 200 OK';
  for (const name of Object.keys(requestHeaders({ 'sec-websocket-protocol': '', 'sec-websocket-extensions': '' }))) {
    const socket = plain();
    WS.upgrade(socket, requestHeaders({ [name]: evil }));
    assert.doesNotMatch(wire(socket).toString('latin1'), /evil|200 OK/);
    const { headers, rest } = parseHead(wire(socket));
    assert.equal(rest.length, Number(headers['content-length'] ?? 0));
  }
});

test('headers with getters and proxies that throw are the caller\'s own error', () => {
  const socket = plain();
  const headers = { get 'sec-websocket-key'() { throw new Error('mine'); } };
  assert.throws(() => WS.upgrade(socket, headers), /mine/);
  assert.deepEqual(socket.calls, []);
});

test('a real http server with each handshake header missing stays up', async () => {
  const listener = http.createServer();
  listener.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    WS.upgrade(socket, request.headers, { strict: true });
  });
  const port = await listen(listener);
  for (const name of ['sec-websocket-key', 'sec-websocket-version', 'nothing']) {
    const socket = await connect(port);
    socket.write(requestHead(requestHeaders({ [name]: undefined })));
    const head = await readHead(socket);
    assert.equal(head.status === 101, name === 'nothing');
    if (head.status !== 101) {
      socket.resume();
      await once(socket, 'close');
    } else socket.destroy();
  }
  listener.close();
  listener.closeAllConnections();
  await once(listener, 'close');
});

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: a number is never a length of memory to send`, () => {
    const socket = plain(role);
    for (const call of [WS.send, WS.ping, WS.pong]) {
      for (const value of [0, 1, 64, 125, 1000, -1, NaN]) {
        assert.throws(() => call(socket, value), { code: 'ERR_INVALID_ARG_TYPE' });
      }
    }
    for (const reason of [64, new Float32Array(20), new Uint8Array(5), ['bye'], { length: 5 }]) {
      assert.throws(() => WS.close(socket, 1000, reason), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: views are measured in bytes, not in elements`, async () => {
    const socket = plain(role);
    const view = new Float64Array([1.5, -2.5]);
    const hex = Buffer.from(view.buffer).toString('hex');
    WS.send(socket, view);
    WS.ping(socket, view);
    WS.pong(socket, view);
    await nextTurn();
    assert.deepEqual(sent(socket), [{ binary: hex }, { ping: hex }, { pong: hex }]);
  });

  test(`${role}: lengths that overflow when added are compared before`, () => {
    for (const length of [2n ** 63n - 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 32n - 1n, 2n ** 31n - 1n]) {
      const socket = plain(role);
      WS.receive(socket, Buffer.concat([
        peer.binary('x'.repeat(200), { fin: false }), peer.more('', { form: 64, length })
      ]), () => assert.fail('delivered'));
      assert.deepEqual(sent(socket), [{ close: 1009, reason: '' }], `${length}`);
    }
  });

  test(`${role}: duplicate pongs and a close beside them close once`, () => {
    const socket = plain(role);
    WS.ping(socket, 'p');
    sent(socket);
    WS.receive(socket, Buffer.concat([peer.pong('p'), peer.pong('p'), peer.close(1000), peer.pong('p'), peer.close(1000)]));
    assert.deepEqual(sent(socket), [{ close: 1000, reason: '' }]);
    assert.equal(ends(socket), 1);
  });

  test(`${role}: shared memory that changes in the middle of a chunk is read once`, () => {
    const bytes = Buffer.concat(Array.from({ length: 3000 }, () => peer.text('hello')));
    const shared = Buffer.from(new SharedArrayBuffer(bytes.length));
    bytes.copy(shared);
    const socket = plain(role);
    let count = 0;
    WS.receive(socket, shared, (payload) => {
      count++;
      shared.fill(0xff);
      assert.equal(payload.toString(), 'hello');
    });
    assert.equal(count, 3000);
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: a chunk whose memory is transferred away in a callback breaks nothing`, () => {
    const bytes = Buffer.concat([peer.text('one'), peer.text('two'), peer.text('three')]);
    const chunk = Buffer.from(new Uint8Array(bytes).buffer);
    const socket = plain(role);
    const got = [];
    try {
      WS.receive(socket, chunk, (payload) => {
        got.push(payload.toString());
        if (got.length === 1) structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
      });
    } catch (error) {
      // The rest of the chunk is gone for good, and may be missed.
      assert.equal(typeof error.code, 'string', error.stack);
    }
    WS.receive(socket, Buffer.alloc(0), (payload) => got.push(payload.toString()));
    assert.deepEqual(got, ['one', 'two', 'three'].slice(0, got.length));
    assert.ok(got.length >= 1 && ends(socket) <= 1);
  });

  test(`${role}: no argument makes a call crash the process or leave the codes of Node`, () => {
    const odd = [undefined, null, 0, -1, NaN, '', 'x', true, {}, [], () => {}, Symbol('s'), 1n, new Date(), Buffer.alloc(3), new Proxy({}, {})];
    for (const first of odd) {
      for (const second of odd) {
        for (const name of ['send', 'ping', 'pong', 'close', 'receive']) {
          const socket = plain(role);
          try {
            WS[name](socket, first, second);
          } catch (error) {
            const own = error.code === 'ERR_INVALID_ARG_TYPE' || error.code === 'ERR_OUT_OF_RANGE'
              || error.code === 'ERR_INVALID_ARG_VALUE';
            assert.ok(own, `${name}(${String(first)}, ${String(second)}): ${error.stack}`);
          }
        }
      }
    }
  });

  test(`${role}: what is no socket is a TypeError, not a crash`, () => {
    for (const socket of [null, undefined, 5, 'socket', true, Symbol('s')]) {
      for (const [name, ...args] of [['send', 'x'], ['ping'], ['pong'], ['close'], ['receive', peer.ping('p')]]) {
        assert.throws(() => WS[name](socket, ...args), TypeError, `${name}(${String(socket)})`);
      }
      assert.throws(() => WS.upgrade(socket, requestHeaders()), TypeError);
    }
  });
}
