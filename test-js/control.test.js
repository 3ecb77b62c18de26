'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { WS } = require('..');
const { ROLES, parse, peerOf } = require('./support/frames.js');
const { plain, sent, wire, nextTurn } = require('./support/plain.js');
const { connected, fill } = require('./support/sockets.js');
const { frames } = require('./support/inbox.js');

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: scenario 9: pings of 0, 2 and 125 bytes are answered alike, inside receive, in one write`, () => {
    for (const size of [0, 2, 125]) {
      const payload = Buffer.from(Array.from({ length: size }, (_, at) => 255 - at));
      const socket = plain(role);
      assert.equal(WS.receive(socket, peer.ping(payload), () => assert.fail('delivered')), undefined);
      assert.deepEqual(socket.calls, ['write']);
      assert.deepEqual(sent(socket), [{ pong: payload.toString('hex') }]);
    }
  });

  test(`${role}: scenario 9: a hundred pings, one chunk or a hundred`, () => {
    const pings = Array.from({ length: 100 }, (_, at) => peer.ping(`ping ${at}`));
    const pongs = Array.from({ length: 100 }, (_, at) => ({ pong: Buffer.from(`ping ${at}`).toString('hex') }));
    const one = plain(role);
    for (const ping of pings) WS.receive(one, ping);
    assert.deepEqual(sent(one), pongs);
    const other = plain(role);
    for (let at = 0; at < 100; at += 10) WS.receive(other, Buffer.concat(pings.slice(at, at + 10)));
    assert.equal(other.writes.length, 10);
    assert.deepEqual(sent(other), pongs);
  });

  test(`${role}: ping and pong with every kind of payload`, async () => {
    for (const call of ['ping', 'pong']) {
      for (const payload of [
        'ab', Buffer.from('ab'), new Uint8Array([0x61, 0x62]), new DataView(new Uint8Array([0x61, 0x62]).buffer),
        new Uint8Array([0x61, 0x62]).buffer, new Uint16Array([0x6261])
      ]) {
        const socket = plain(role);
        assert.equal(WS[call](socket, payload), true);
        assert.deepEqual(sent(socket), [{ [call]: '6162' }]);
      }
      const socket = plain(role);
      WS[call](socket);
      await nextTurn();
      WS[call](socket, undefined);
      await nextTurn();
      WS[call](socket, '\u20ac'.repeat(41));
      assert.deepEqual(sent(socket), [{ [call]: '' }, { [call]: '' }, { [call]: 'e282ac'.repeat(41) }]);
    }
  });

  test(`${role}: a ping is one write inside the call`, () => {
    const socket = plain(role);
    WS.ping(socket);
    assert.deepEqual(socket.calls, ['write']);
  });

  test(`${role}: a payload of another type or of more than 125 bytes is the caller's fault`, () => {
    const socket = plain(role);
    for (const call of ['ping', 'pong']) {
      for (const payload of [5, 64, null, true, {}, [1], () => {}, 5n]) {
        assert.throws(() => WS[call](socket, payload), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
      }
      for (const payload of ['x'.repeat(126), Buffer.alloc(126), new Float64Array(16), '\u20ac'.repeat(42)]) {
        assert.throws(() => WS[call](socket, payload), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
      }
    }
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: unsolicited and repeated pongs are taken in silence`, () => {
    const socket = plain(role);
    const pong = peer.pong('same');
    WS.receive(socket, Buffer.concat([pong, pong, peer.pong('other')]), () => assert.fail('delivered'));
    WS.ping(socket, 'same');
    for (let at = 0; at < 3; at++) WS.receive(socket, pong);
    assert.equal(WS.receive(socket, peer.text('alive')).toString(), 'alive');
    assert.deepEqual(sent(socket), [{ ping: '73616d65' }]);
  });

  test(`${role}: who pings and does not read is owed the last pongs only`, async (t) => {
    const limit = role === 'server' ? 4 : 16;
    const { server, client } = await connected(t, 'net', { maxPendingPongs: 4 });
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    far.pause();
    const messages = await fill(socket);
    const before = WS.info(socket).bufferedAmount;
    const pings = Array.from({ length: 20_000 }, (_, at) => `ping ${at} ${'.'.repeat(100)}`);
    for (const ping of pings) WS.receive(socket, peer.ping(ping));
    const waiting = WS.info(socket).bufferedAmount - before;
    t.diagnostic(`${waiting} bytes of pongs wait`);
    assert.ok(waiting < 10_000, `${waiting} bytes of pongs wait`);

    const inbox = frames(far);
    far.resume();
    await inbox.take(messages);
    const owed = pings.slice(-limit).map((ping) => ({ pong: Buffer.from(ping).toString('hex') }));
    assert.deepEqual(await inbox.take(limit), owed);
    WS.receive(socket, peer.ping('again'));
    assert.deepEqual(await inbox.next(), { pong: Buffer.from('again').toString('hex') });
  });

  test(`${role}: a program that fills the socket at every 'drain' does not put off the pongs`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    far.pause();
    const before = await fill(socket);
    let rounds = 10;
    // The program's listener is there before there is a ping.
    socket.on('drain', () => {
      if (rounds-- > 0) while (WS.send(socket, Buffer.alloc(100_000, 1)));
    });
    WS.receive(socket, peer.ping('p'));
    const inbox = frames(far);
    far.resume();
    await inbox.take(before);
    assert.deepEqual(await inbox.next(), { pong: '70' });
  });

  test(`${role}: a ping to a socket that is gone throws nothing`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const socket = role === 'server' ? server : client;
    socket.destroy();
    assert.equal(WS.ping(socket), false);
    assert.equal(WS.ping(socket, 'x'), false);
    assert.equal(WS.pong(socket), false);
  });
}

test('scenario 7: the bytes of empty control frames', () => {
  for (const [call, first] of [['close', 0x88], ['ping', 0x89], ['pong', 0x8a]]) {
    const server = plain('server');
    WS[call](server);
    assert.deepEqual(wire(server), Buffer.from([first, 0x00]));
    for (const socket of [plain('client'), plain()]) {
      WS[call](socket);
      assert.equal(wire(socket).length, 6);
      assert.deepEqual(wire(socket).subarray(0, 2), Buffer.from([first, 0x80]));
    }
  }
});

test('a client\'s pings and pongs carry fresh keys', async () => {
  const socket = plain('client');
  const keys = new Set();
  for (let at = 0; at < 100; at++) WS.ping(socket);
  await nextTurn();
  for (const { key } of parse(wire(socket)).frames) keys.add(key.toString('hex'));
  assert.ok(keys.size > 98);
});
