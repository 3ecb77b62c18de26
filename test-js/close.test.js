'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { WS } = require('..');
const { ROLES, closePayload, peerOf, parse } = require('./support/frames.js');
const { plain, sent, ends, wire, nextTurn } = require('./support/plain.js');
const { closed, connected } = require('./support/sockets.js');
const { frames, messages } = require('./support/inbox.js');

const other = (role) => (role === 'server' ? 'client' : 'server');

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: scenario 10: the peer's code is echoed, then end(), inside the call`, () => {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
      const socket = plain(role);
      assert.equal(WS.receive(socket, peer.close(code, 'bye'), () => assert.fail('delivered')), undefined);
      assert.deepEqual(socket.calls, ['write', 'end']);
      const { frames: [one] } = parse(wire(socket));
      assert.deepEqual(one.payload, closePayload(code));
      assert.equal(one.masked, role === 'client');
    }
  });

  test(`${role}: scenario 10: what may not be in a close frame fails the connection`, () => {
    const bad = [[Buffer.from([3]), 1002], [Buffer.concat([closePayload(1000), Buffer.from([0xc0])]), 1007]];
    for (const code of [999, 1004, 1005, 1006, 1015, 5000]) bad.push([closePayload(code), 1002]);
    for (const [payload, code] of bad) {
      const socket = plain(role);
      WS.receive(socket, peer.frame(8, payload));
      assert.deepEqual(socket.calls, ['write', 'end']);
      assert.deepEqual(sent(socket), [{ close: code, reason: '' }]);
    }
  });

  test(`${role}: scenario 11: a failed connection's close frame, byte for byte`, () => {
    const socket = plain(role);
    WS.receive(socket, peer.frame(3), () => assert.fail('delivered'));
    const bytes = wire(socket);
    if (role === 'server') assert.equal(bytes.toString('hex'), '880203ea');
    else assert.equal(bytes.toString('hex', 0, 2), '8882');
    assert.deepEqual(sent(socket), [{ close: 1002, reason: '' }]);
    assert.equal(ends(socket), 1);
  });

  test(`${role}: WS.close with nothing, a code, a reason`, () => {
    for (const [args, frame] of [
      [[], { close: null, reason: '' }], [[undefined], { close: null, reason: '' }],
      [[1000], { close: 1000, reason: '' }], [[1001, 'bye'], { close: 1001, reason: 'bye' }],
      [[4999, '\u20ac'.repeat(41)], { close: 4999, reason: '\u20ac'.repeat(41) }],
      [[3000, ''], { close: 3000, reason: '' }], [[1011, undefined], { close: 1011, reason: '' }]
    ]) {
      const socket = plain(role);
      assert.equal(WS.close(socket, ...args), true);
      assert.deepEqual(socket.calls, ['write'], 'the peer\'s answer is awaited before the end');
      assert.deepEqual(sent(socket), [frame]);
    }
  });

  test(`${role}: WS.close refuses what may not be sent`, () => {
    const socket = plain(role);
    for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1, 1000.5, NaN, Infinity]) {
      assert.throws(() => WS.close(socket, code), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }, `${code}`);
    }
    for (const code of ['1000', null, true, {}, 1000n]) {
      assert.throws(() => WS.close(socket, code), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    for (const reason of ['x'.repeat(124), '\u20ac'.repeat(42)]) {
      assert.throws(() => WS.close(socket, 1000, reason), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    }
    for (const reason of [5, null, {}, new Float32Array(10), Buffer.from('bye')]) {
      assert.throws(() => WS.close(socket, 1000, reason), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.deepEqual(socket.calls, []);
    assert.equal(WS.close(socket, 1000), true, 'none of it has closed anything');
  });

  test(`${role}: the second close returns false and writes nothing`, async () => {
    const socket = plain(role);
    assert.equal(WS.close(socket, 1000), true);
    assert.equal(WS.close(socket, 1001), false);
    await nextTurn();
    assert.deepEqual(sent(socket), [{ close: 1000, reason: '' }]);
  });

  test(`${role}: our close, then the peer's: the socket is ended, nothing more is written`, () => {
    const socket = plain(role);
    WS.close(socket, 4000, 'done');
    sent(socket);
    WS.receive(socket, Buffer.concat([peer.text('on its way'), peer.ping('p'), peer.close(4000)]),
      () => assert.fail('delivered after the close'));
    assert.equal(ends(socket), 1);
    assert.deepEqual(sent(socket), []);
    assert.equal(WS.close(socket), false);
  });

  test(`${role}: our close, then a violation of the peer's: the socket is ended without a second frame`, () => {
    const socket = plain(role);
    WS.close(socket, 1000);
    sent(socket);
    WS.receive(socket, peer.frame(3), () => assert.fail('delivered'));
    WS.receive(socket, peer.close(1000), () => assert.fail('delivered'));
    assert.equal(ends(socket), 1);
    assert.deepEqual(sent(socket), []);
  });

  test(`${role}: what was sent before the close goes before it`, async () => {
    const socket = plain(role);
    for (const text of ['one', 'two']) WS.send(socket, text);
    WS.ping(socket, 'p');
    WS.close(socket, 1000);
    assert.equal(WS.send(socket, 'three'), false);
    await nextTurn();
    assert.deepEqual(sent(socket), [{ text: 'one' }, { text: 'two' }, { ping: '70' }, { close: 1000, reason: '' }]);
  });

  test(`${role}: a close in the middle of our own fragmented message`, async () => {
    const socket = plain(role);
    WS.send(socket, 'half', { fin: false });
    WS.close(socket, 1001);
    assert.equal(WS.send(socket, 'rest'), false);
    await nextTurn();
    assert.deepEqual(sent(socket), [
      { text: Buffer.from('half').toString('hex'), fin: false }, { close: 1001, reason: '' }
    ]);
  });

  test(`${role}: a close on a real socket runs to both FINs`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [near, far] = role === 'server' ? [server, client] : [client, server];
    const inbox = frames(far);
    messages(near);
    const over = Promise.all([closed(near), closed(far)]);
    WS.close(near, 1001, 'bye');
    assert.deepEqual(await inbox.next(), { close: 1001, reason: 'bye' });
    far.write(peer.close(1001, 'bye'));
    assert.equal(await inbox.next(), 'end');
    far.end();
    assert.deepEqual(await over, [[], []]);
  });

  test(`${role}: a reason without a code is the caller's fault`, () => {
    const socket = plain(role);
    assert.throws(() => WS.close(socket, undefined, 'why'), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: both close at once, with different codes`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const over = Promise.all([closed(server), closed(client)]);
    for (const socket of [server, client]) messages(socket);
    const [near, far] = role === 'server' ? [server, client] : [client, server];
    assert.equal(WS.close(near, 4001), true);
    assert.equal(WS.close(far, 4002), true);
    assert.deepEqual(await over, [[], []]);
    for (const socket of [near, far]) assert.equal(WS.close(socket), false);
  });

  test(`${role}: a peer that fails is told why and sees our FIN`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [near, far] = role === 'server' ? [server, client] : [client, server];
    const inbox = frames(far);
    messages(near);
    far.write(Buffer.concat([peer.text(Buffer.from([0xff])), peer.text('late')]));
    assert.deepEqual(await inbox.take(2), [{ close: 1007, reason: '' }, 'end']);
  });
}

for (const [what, begin] of Object.entries({
  'our close': (server) => WS.close(server, 1000),
  'our answer to its close': (server, client) => client.write(peerOf('server').close(1000)),
  'our close after its violation': (server, client) => client.write(peerOf('server').frame(3))
})) {
  test(`a peer that does not end its half after ${what} is left after closeTimeout`, async (t) => {
    const { server, client } = await connected(t, 'net', { closeTimeout: 20 });
    client.allowHalfOpen = true;
    client.resume();
    messages(server);
    begin(server, client);
    assert.deepEqual(await closed(server), []);
  });
}

test('an empty close is echoed empty: 88 00', () => {
  const socket = plain('server');
  WS.receive(socket, peerOf('server').close());
  assert.equal(wire(socket).toString('hex'), '8800');
  assert.equal(ends(socket), 1);
});

test('both sides of one connection agree on the bytes of a close', () => {
  for (const role of ROLES) {
    const near = plain(role);
    const far = plain(other(role));
    WS.close(near, 4321, 'why');
    WS.receive(far, wire(near));
    WS.receive(near, wire(far));
    assert.deepEqual(sent(far), [{ close: 4321, reason: '' }]);
    assert.equal(ends(near), 1);
    assert.equal(ends(far), 1);
  }
});
