'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const vm = require('node:vm');
const { WS } = require('..');
const { acceptOf, parseHead, requestHeaders } = require('./support/handshake.js');
const { plain, wire, ends } = require('./support/plain.js');

const EXAMPLE = Object.freeze(requestHeaders({ 'sec-websocket-protocol': 'me-want-cookies' }));

/** Upgrades a plain socket; `answers` are the callback's arguments, `head` the parsed response. */
function upgrade(headers, options) {
  const socket = plain();
  const answers = [];
  const result = WS.upgrade(socket, headers, options, (accepted) => answers.push(accepted));
  return { socket, result, answers, head: parseHead(wire(socket)) };
}

function accepted(headers, options) {
  const done = upgrade(headers, options);
  assert.equal(done.result, true);
  assert.deepEqual(done.answers, [true]);
  assert.equal(done.head.first, 'HTTP/1.1 101 WebSocket Protocol Handshake');
  return done;
}

function refused(headers, options, ...statuses) {
  const done = upgrade(headers, options);
  assert.equal(done.result, false);
  assert.deepEqual(done.answers, [false]);
  assert.ok(statuses.includes(done.head.status), done.head.first);
  assert.ok(done.head.headers.connection.split(', ').includes('close'));
  return done;
}

test('scenario 4: the key of RFC 6455 §1.3, and the response byte for byte', () => {
  const { socket } = accepted(EXAMPLE);
  assert.equal(wire(socket).toString('latin1'), [
    'HTTP/1.1 101 WebSocket Protocol Handshake',
    'Upgrade: WebSocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    'Sec-WebSocket-Protocol: me-want-cookies',
    'Sec-WebSocket-Version: 13',
    '', ''
  ].join('\r\n'));
});

test('scenario 4: the article\'s example request', () => {
  const { head } = accepted({
    'host': 'example.cookie.engineer',
    'upgrade': 'websocket',
    'connection': 'Upgrade',
    'origin': 'http://localhost:12345',
    'sec-websocket-key': 'bm9tbm9tCg==',
    'sec-websocket-protocol': 'me-want-cookies',
    'sec-websocket-version': '13'
  });
  assert.equal(head.headers['sec-websocket-accept'], 'xJ/uuf9/4bPn6X8/5iTtj7ArAH0=');
});

test('flags, one write, callback, return: in this order and in one tick', () => {
  const socket = plain();
  const order = [];
  const { write } = socket;
  socket.write = (chunk) => {
    order.push(`write with _is_server ${socket._is_server}, _is_client ${socket._is_client}`);
    return write(chunk);
  };
  const result = WS.upgrade(socket, EXAMPLE, (value) => order.push(`callback ${value}`));
  order.push(`return ${result}`);
  assert.deepEqual(order, ['write with _is_server true, _is_client false', 'callback true', 'return true']);
  assert.equal(socket.calls.length, 1);
});

test('the callback may be left out, and so may options', () => {
  assert.equal(WS.upgrade(plain(), EXAMPLE), true);
  assert.equal(WS.upgrade(plain(), EXAMPLE, {}), true);
  assert.equal(WS.upgrade(plain(), EXAMPLE, undefined), true);
  assert.equal(WS.upgrade(plain(), null), false);
});

test('a callback that is null is none, as in the article; options have to be an object', () => {
  assert.equal(WS.upgrade(plain(), EXAMPLE, null), true);
  assert.equal(WS.upgrade(plain(), null, null), false);
  assert.throws(() => WS.upgrade(plain(), EXAMPLE, null, () => {}), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('a socket that is gone is not opened: false, nothing written, no flags', () => {
  for (const gone of ['destroyed', 'writableEnded']) {
    const socket = plain();
    socket[gone] = true;
    const answers = [];
    assert.equal(WS.upgrade(socket, EXAMPLE, (accepted) => answers.push(accepted)), false);
    assert.deepEqual(answers, [false]);
    assert.deepEqual(socket.calls, []);
    assert.equal('_is_server' in socket || '_is_client' in socket, false);
    assert.equal(WS.info(socket), null);
  }
});

test('what the callback throws reaches the caller, after the response', () => {
  const socket = plain();
  assert.throws(() => WS.upgrade(socket, EXAMPLE, () => { throw new Error('mine'); }), /^Error: mine$/);
  assert.equal(parseHead(wire(socket)).status, 101);
});

test('headers that are no object: false, nothing written, no flags', () => {
  for (const headers of [null, undefined, 'sec-websocket-key: x', 13, true, Symbol('headers')]) {
    const { socket, result, answers } = upgrade(headers);
    assert.equal(result, false);
    assert.deepEqual(answers, [false]);
    assert.deepEqual(socket.calls, []);
    assert.equal('_is_server' in socket || '_is_client' in socket, false);
  }
});

test('null-prototype and cross-realm objects are objects', () => {
  accepted(Object.assign(Object.create(null), EXAMPLE));
  accepted(vm.runInNewContext(`(${JSON.stringify(EXAMPLE)})`));
});

test('a missing or empty key: 400 with Connection: close, then the end', () => {
  for (const key of [undefined, '']) {
    const { socket } = refused(requestHeaders({ 'sec-websocket-key': key }), undefined, 400);
    assert.equal(socket.writes.length, 1);
    assert.deepEqual(socket.calls, ['write', 'end']);
  }
});

test('a refused socket is ended once, whoever does it', () => {
  const socket = plain();
  WS.upgrade(socket, requestHeaders({ 'sec-websocket-key': undefined }), () => {
    socket.end();
    socket.writableEnded = true; // as a stream tells it
  });
  assert.equal(ends(socket), 1);
});

test('a refused socket is ended though the callback throws', () => {
  const socket = plain();
  const headers = requestHeaders({ 'sec-websocket-key': undefined });
  assert.throws(() => WS.upgrade(socket, headers, () => { throw new Error('mine'); }), /^Error: mine$/);
  assert.deepEqual(socket.calls, ['write', 'end']);
});

test('a refusal is written before the callback runs', () => {
  const socket = plain();
  WS.upgrade(socket, requestHeaders({ 'sec-websocket-version': '8' }), () => {
    assert.deepEqual(socket.calls, ['write']);
  });
  assert.deepEqual(socket.calls, ['write', 'end']);
});

test('another version than 13: 426 and Sec-WebSocket-Version: 13', () => {
  for (const version of ['0', '7', '8', '12', '14', '130', '13, 8', 'thirteen', '-13', '1 3']) {
    const { head } = refused(requestHeaders({ 'sec-websocket-version': version }), undefined, 426);
    assert.equal(head.headers['sec-websocket-version'], '13');
  }
});

test('an absent version is taken, and refused when strict', () => {
  const headers = requestHeaders({ 'sec-websocket-version': undefined });
  accepted(headers);
  refused(headers, { strict: true }, 400, 426);
});

test('a key of another length than 16 bytes is taken, and refused when strict', () => {
  for (const key of ['bm9tbm9tCg==', 'AAAA', Buffer.alloc(17).toString('base64'), 'x'.repeat(24)]) {
    const headers = requestHeaders({ 'sec-websocket-key': key });
    assert.equal(accepted(headers).head.headers['sec-websocket-accept'], acceptOf(key));
    refused(headers, { strict: true }, 400);
  }
  accepted(EXAMPLE, { strict: true });
});

test('strict wants Host and the tokens of Upgrade and Connection', () => {
  for (const name of ['host', 'upgrade', 'connection']) {
    // 426 Upgrade Required answers a request for no upgrade as well as 400 does.
    refused(requestHeaders({ [name]: undefined }), { strict: true }, 400, 426);
    accepted(requestHeaders({ [name]: undefined }));
  }
  for (const value of ['NotUpgrade', 'keep-alive', 'Upgrad', 'Upgrade-Insecure', '']) {
    refused(requestHeaders({ connection: value }), { strict: true }, 400);
  }
  for (const value of ['upgrade', 'UPGRADE', 'keep-alive, Upgrade', 'keep-alive,upgrade ,x', '\tUpgrade ']) {
    accepted(requestHeaders({ connection: value }), { strict: true });
  }
  refused(requestHeaders({ upgrade: 'notwebsocket' }), { strict: true }, 400, 426);
  accepted(requestHeaders({ upgrade: 'WebSocket' }), { strict: true });
});

test('strict wants no body, and an offer of tokens, each once', () => {
  for (const changes of [
    { 'content-length': '5' }, { 'transfer-encoding': 'chunked' },
    { 'sec-websocket-protocol': 'a b' }, { 'sec-websocket-protocol': 'a, b, a' }
  ]) {
    refused(requestHeaders(changes), { strict: true }, 400);
    accepted(requestHeaders(changes));
  }
  accepted(requestHeaders({ 'content-length': '0', 'sec-websocket-protocol': 'a, b' }), { strict: true });
});

test('subprotocols: the first offered, or none', () => {
  const protocolFor = (offered, options) =>
    accepted(requestHeaders({ 'sec-websocket-protocol': offered }), options).head.headers['sec-websocket-protocol'];

  assert.equal(protocolFor(undefined), undefined);
  assert.equal(protocolFor(''), undefined);
  assert.equal(protocolFor('chat, superchat'), 'chat');
  assert.equal(protocolFor(' superchat ,chat'), 'superchat');
  assert.equal(protocolFor('chat, superchat', {}), 'chat');
});

test('options.protocols: the server\'s order of preference, only ever an offered one', () => {
  const protocolFor = (offered, protocols) => {
    const headers = requestHeaders({ 'sec-websocket-protocol': offered });
    return accepted(headers, { protocols }).head.headers['sec-websocket-protocol'];
  };
  assert.equal(protocolFor('chat, superchat', ['superchat', 'chat']), 'superchat');
  assert.equal(protocolFor('chat, superchat', ['other', 'chat']), 'chat');
  assert.equal(protocolFor('chat', ['other']), undefined);
  assert.equal(protocolFor('chat', []), undefined);
  assert.equal(protocolFor(undefined, ['chat']), undefined);
  assert.equal(protocolFor('Chat', ['chat']), undefined, 'a subprotocol\'s case matters');
});

test('options.protocols as a function gets the offer and picks from it', () => {
  const headers = requestHeaders({ 'sec-websocket-protocol': 'a, b ,c' });
  const seen = [];
  const pick = (answer) => ({ protocols: (offered) => { seen.push([...offered]); return answer; } });

  assert.equal(accepted(headers, pick('b')).head.headers['sec-websocket-protocol'], 'b');
  assert.equal(accepted(headers, pick(false)).head.headers['sec-websocket-protocol'], undefined);
  assert.deepEqual(seen, [['a', 'b', 'c'], ['a', 'b', 'c']]);
});

test('a function that picks what nobody offered puts it nowhere near the wire', () => {
  const headers = requestHeaders({ 'sec-websocket-protocol': 'a' });
  for (const answer of ['z', 'a\r\nX-Evil: 1', 1, {}]) {
    const socket = plain();
    try {
      WS.upgrade(socket, headers, { protocols: () => answer });
    } catch (error) {
      assert.match(error.code, /^ERR_/);
    }
    assert.doesNotMatch(wire(socket).toString('latin1'), /Sec-WebSocket-Protocol|Evil/);
  }
});

test('no CR, LF or other non-token byte of an offer reaches the wire', () => {
  const offers = ['a\r\nX-Evil: 1', 'a\nX-Evil: 1', 'a\rb', 'a b', 'a\0', 'a;b', '"a"', 'caf\u00e9', '\u010d\u010a'];
  for (const offer of offers) {
    const socket = plain();
    WS.upgrade(socket, requestHeaders({ 'sec-websocket-protocol': offer }));
    const { lines } = parseHead(wire(socket));
    assert.equal(lines.some((line) => /evil/i.test(line)), false);
    for (const line of lines.filter((one) => one.startsWith('Sec-WebSocket-Protocol'))) {
      assert.match(line, /^Sec-WebSocket-Protocol: [!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
      assert.ok(offer.split(',').map((one) => one.trim()).includes(line.split(': ')[1]));
    }
  }
});

test('no extension is agreed on while none is there', () => {
  for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits', 'x, y']) {
    const { head } = accepted(requestHeaders({ 'sec-websocket-extensions': offer }));
    assert.equal(head.headers['sec-websocket-extensions'], undefined);
  }
});

test('options: unknown names are refused, and the nearest is named', () => {
  for (const [name, nearest] of [
    ['protocol', 'protocols'], ['maxPayLoad', 'maxPayload'], ['maxFragment', 'maxFragments'], ['stric', 'strict']
  ]) {
    const socket = plain();
    assert.throws(() => WS.upgrade(socket, EXAMPLE, { [name]: 1 }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.includes(name) && error.message.includes(nearest), error.message);
      return true;
    });
    assert.deepEqual(socket.calls, []);
  }
});

test('options: nothing is coerced, ranges are checked, nothing is written', () => {
  const wrong = {
    maxPayload: ['5', null, true, {}], maxFragments: ['5', null], maxPendingPongs: ['5', null],
    strict: [1, 'true', null], protocols: ['chat', 5, [5], { chat: true }]
  };
  const outside = {
    maxPayload: [-1, NaN, Infinity, 1.5, 2 ** 64], maxFragments: [-1, NaN, 0.5], maxPendingPongs: [-1, NaN, 1.5]
  };
  const check = (table, shape) => {
    for (const [name, values] of Object.entries(table)) {
      for (const value of values) {
        const socket = plain();
        assert.throws(() => WS.upgrade(socket, EXAMPLE, { [name]: value }), (error) => {
          assert.equal(error.code, shape.code, `${name}: ${String(value)}`);
          assert.ok(error instanceof shape.type && error.message.includes(name), error.message);
          return true;
        });
        assert.deepEqual(socket.calls, [], `${name}: ${String(value)}`);
      }
    }
  };
  check(wrong, { code: 'ERR_INVALID_ARG_TYPE', type: TypeError });
  check(outside, { code: 'ERR_OUT_OF_RANGE', type: RangeError });
});

test('nothing enumerable is added to the socket but the two flags', () => {
  const socket = plain();
  const before = Object.keys(socket);
  WS.upgrade(socket, EXAMPLE);
  assert.deepEqual(Object.keys(socket).slice(before.length), ['_is_server', '_is_client']);
});

test('a socket whose peer is gone already throws nothing', () => {
  const socket = plain();
  socket.destroyed = true;
  assert.equal(typeof WS.upgrade(socket, EXAMPLE), 'boolean');
});
