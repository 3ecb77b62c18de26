'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { WS } = require('..');
const { ROLES, peerOf } = require('./support/frames.js');
const { requestHeaders } = require('./support/handshake.js');
const { plain, as, sent, wire } = require('./support/plain.js');
const { closed, connected, fill } = require('./support/sockets.js');
const { messages } = require('./support/inbox.js');

const FRESH = {
  role: 'server', state: 'open', transport: 'stream', protocol: '', extensions: '', bufferedAmount: 0,
  bytesReceived: 0, bytesSent: 0, closeCode: null, closeReason: null, compression: null, latency: null,
  error: null
};

test('null for a socket that the library has never seen', () => {
  for (const socket of [plain(), plain('client'), {}]) assert.equal(WS.info(socket), null);
  const refused = plain();
  WS.upgrade(refused, null);
  assert.equal(WS.info(refused), null);
});

test('a listener for \'close\' that was there first finds the connection closed', async (t) => {
  const { server, client } = await connected(t, 'net');
  const seen = new Promise((resolve) => {
    server.prependListener('close', () => {
      const { state, closeCode, closeReason } = WS.info(server);
      resolve([state, closeCode, closeReason]);
    });
  });
  client.destroy();
  assert.deepEqual(await seen, ['closed', 1006, '']);
});

test('a connection after its handshake', () => {
  const socket = plain();
  WS.upgrade(socket, requestHeaders());
  assert.deepEqual(WS.info(socket), FRESH);
  assert.notEqual(WS.info(socket), WS.info(socket), 'a new object each time');
});

test('the subprotocol that was agreed on', () => {
  const socket = plain();
  WS.upgrade(socket, requestHeaders({ 'sec-websocket-protocol': 'a, b' }), { protocols: ['b', 'a'] });
  assert.equal(WS.info(socket).protocol, 'b');
});

test('the role is what the flags say now', () => {
  const socket = plain();
  WS.send(socket, 'x');
  assert.equal(WS.info(socket).role, null);
  for (const role of ROLES) assert.equal(WS.info(as(role, socket)).role, role);
});

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: bytes are counted with their headers, both ways`, () => {
    const socket = plain(role);
    const chunk = Buffer.concat([peer.text('hello'), peer.ping('ping'), peer.binary(Buffer.alloc(70_000))]);
    WS.receive(socket, chunk, () => {});
    assert.equal(WS.info(socket).bytesReceived, chunk.length);
    WS.send(socket, 'answer');
    WS.send(socket, Buffer.alloc(300));
    WS.close(socket, 1000, 'bye');
    socket.end();
    assert.equal(WS.info(socket).bytesSent, wire(socket).length);
  });

  test(`${role}: state, code and reason of the peer's close`, () => {
    const socket = plain(role);
    WS.receive(socket, peer.text('a'), () => {});
    assert.equal(WS.info(socket).state, 'open');
    assert.equal(WS.info(socket).closeCode, null);
    WS.receive(socket, peer.close(4000, 'why not'));
    const { state, closeCode, closeReason } = WS.info(socket);
    assert.deepEqual({ state, closeCode, closeReason }, { state: 'closed', closeCode: 4000, closeReason: 'why not' });
  });

  for (const [name, end] of [['close', peer.close(1000)], ['violation', peer.frame(3)]]) {
    test(`${role}: state in front of a ${name} that came in the same chunk`, () => {
      const socket = plain(role);
      const told = [];
      WS.receive(socket, Buffer.concat([peer.text('a'), peer.text('b'), end]), () => {
        told.push([WS.info(socket).state, WS.send(socket, 'answer'), WS.send(socket, WS.frame('answer'))]);
      });
      assert.deepEqual(told, [['open', true, true], ['open', true, true]]);
      assert.equal(WS.info(socket).state, 'closed');
      assert.equal(sent(socket).filter(({ text }) => text === 'answer').length, 4);
    });
  }

  test(`${role}: state after our own close, in front of one that came in the same chunk`, () => {
    const socket = plain(role);
    let told;
    WS.receive(socket, Buffer.concat([peer.text('a'), peer.close(1000)]), () => {
      WS.close(socket, 1000);
      told = WS.info(socket).state;
    });
    assert.equal(told, 'closed');
  });

  test(`${role}: state of our own close, before and after the answer`, () => {
    const socket = plain(role);
    WS.close(socket, 4001, 'enough');
    assert.equal(WS.info(socket).state, 'closing');
    WS.receive(socket, peer.close(4001));
    assert.equal(WS.info(socket).state, 'closed');
    assert.equal(WS.info(socket).closeCode, 4001);
  });

  test(`${role}: an empty close counts as 1005, a violation as its own code`, () => {
    const empty = plain(role);
    WS.receive(empty, peer.close());
    assert.equal(WS.info(empty).closeCode, 1005);
    for (const [bytes, code] of [[peer.frame(3), 1002], [peer.text(Buffer.from([0xff])), 1007]]) {
      const socket = plain(role);
      WS.receive(socket, bytes);
      const { closeCode, error, state } = WS.info(socket);
      assert.deepEqual([closeCode, error.closeCode, state], [code, code, 'closed']);
      assert.ok(error instanceof Error && error.code.startsWith('WS_ERR_'));
    }
  });

  test(`${role}: latency is known once a ping of ours is answered`, () => {
    const socket = plain(role);
    WS.receive(socket, peer.pong('nobody asked'));
    assert.equal(WS.info(socket).latency, null);
    WS.ping(socket, 'mine');
    assert.equal(WS.info(socket).latency, null);
    WS.receive(socket, peer.pong('mine'));
    const { latency } = WS.info(socket);
    assert.ok(Number.isFinite(latency) && latency >= 0);
  });

  test(`${role}: what is gathered counts as buffered, and no longer once it is written`, () => {
    const socket = plain(role);
    WS.send(socket, 'written at once');
    assert.equal(WS.info(socket).bufferedAmount, 0);
    WS.send(socket, Buffer.alloc(1000));
    assert.ok(WS.info(socket).bufferedAmount >= 1000);
    socket.end();
    assert.equal(WS.info(socket).bufferedAmount, 0);
    assert.equal(sent(socket).length, 2);
  });
}

test('bufferedAmount of a peer that does not read, and after it has read', async (t) => {
  const { server, client } = await connected(t, 'net');
  client.pause();
  const count = await fill(server);
  const { bufferedAmount } = WS.info(server);
  assert.ok(bufferedAmount > 0 && bufferedAmount <= count * 100_010, `${bufferedAmount} of ${count} messages`);
  const drained = once(server, 'drain');
  const inbox = messages(client);
  client.resume();
  await Promise.all([drained, inbox.take(count)]);
  assert.equal(WS.info(server).bufferedAmount, 0);
});

test('a connection that went without a close frame: closed, 1006, counters as they were', async (t) => {
  const { server, client } = await connected(t, 'net');
  const inbox = messages(server);
  WS.send(client, 'hello');
  await inbox.next();
  const { bytesReceived } = WS.info(server);
  const over = closed(server);
  client.destroy();
  await over;
  const info = WS.info(server);
  assert.equal(info.state, 'closed');
  assert.equal(info.closeCode, 1006);
  assert.equal(info.closeReason, '');
  assert.equal(info.bytesReceived, bytesReceived);
  assert.equal(WS.send(server, 'late'), false);
});
