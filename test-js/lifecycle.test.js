'use strict';

// How connections end when nobody says goodbye, and what is left of them.

const test = require('node:test');
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { WS } = require('..');
const { ROLES, peerOf } = require('./support/frames.js');
const { requestHeaders, requestHead, readHead } = require('./support/handshake.js');
const { as, nextTurn } = require('./support/plain.js');
const { closed, connected, lasting, netPair } = require('./support/sockets.js');
const { frames, messages } = require('./support/inbox.js');
const { grownBy, run } = require('./support/child.js');

const MIB = 1 << 20;

/** Half-open on both ends, as the article's server is: nothing ends by itself. */
async function halfOpen(t, role) {
  const { server, client } = lasting(t, await netPair({ allowHalfOpen: true }));
  const [near, far] = role === 'server' ? [server, client] : [client, server];
  if (role === 'server') {
    far.write(requestHead(requestHeaders()));
    const { headers } = await readHead(near);
    WS.upgrade(near, headers);
    await readHead(far);
  } else as('client', near);
  return { near, far };
}

/** A half-open socket whose peer has ended its half, which was read to the end. */
async function endedByPeer(t) {
  const { server: near, client: far } = lasting(t, await netPair({ allowHalfOpen: true }));
  const ended = once(near.resume(), 'end');
  far.resume().end();
  await ended;
  return near;
}

for (const role of ROLES) {
  const peer = peerOf(role);

  test(`${role}: a FIN without a close frame: our half is ended, the socket closes`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    const inbox = messages(near);
    const gone = frames(far);
    const over = closed(near);
    far.write(peer.text('last words'));
    assert.equal((await inbox.next()).payload.toString(), 'last words');
    far.end();
    assert.equal(await gone.next(), 'end');
    assert.deepEqual(await over, []);
    assert.equal(WS.send(near, 'late'), false);
  });

  test(`${role}: a FIN in the middle of a frame delivers nothing and ends our half`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    const inbox = messages(near);
    const over = closed(near);
    far.resume();
    far.end(Buffer.concat([peer.text('whole'), peer.text('never whole').subarray(0, 9)]));
    assert.equal((await inbox.next()).payload.toString(), 'whole');
    assert.deepEqual(await over, []);
    assert.deepEqual(inbox.left, []);
  });

  test(`${role}: a FIN before WS.attach: our half is ended, the socket closes`, async (t) => {
    const near = await endedByPeer(t);
    const over = new Promise((resolve) => {
      WS.attach(as(role, near), { close: (socket, code) => resolve(code) });
    });
    assert.equal(await over, 1006);
  });

  test(`${role}: the answer to the last message goes before our FIN`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    near.on('data', (chunk) => WS.receive(near, chunk, (payload) => {
      for (let at = 0; at < 10; at++) WS.send(near, `${payload} ${at}`);
    }));
    const inbox = frames(far);
    far.end(Buffer.concat([peer.text('a'), peer.ping('p')]));
    const answers = Array.from({ length: 10 }, (_, at) => ({ text: `a ${at}` }));
    assert.deepEqual(await inbox.take(12), [...answers, { pong: '70' }, 'end']);
  });

  test(`${role}: a FIN behind a close frame that was answered`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    const inbox = frames(far);
    messages(near);
    const over = closed(near);
    far.end(peer.close(1001));
    assert.deepEqual(await inbox.take(2), [{ close: 1001, reason: '' }, 'end']);
    assert.deepEqual(await over, []);
  });

  test(`${role}: a reset is the user's 'error', and the calls after it are quiet`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    const inbox = messages(near);
    far.write(peer.text('a'));
    await inbox.next();
    const errors = closed(near);
    far.resetAndDestroy();
    assert.deepEqual((await errors).map(({ code }) => code), ['ECONNRESET']);
    assert.equal(WS.send(near, 'late'), false);
    assert.equal(WS.ping(near), false);
    assert.equal(WS.close(near, 1000), false);
    assert.equal(WS.receive(near, peer.text('late'), () => assert.fail('delivered')), undefined);
  });

  test(`${role}: listeners that the article removes are not ours`, async (t) => {
    const { near, far } = await halfOpen(t, role);
    WS.receive(near, Buffer.alloc(0));
    for (const event of ['data', 'timeout']) near.removeAllListeners(event);
    near.setTimeout(0);
    const inbox = messages(near);
    far.write(peer.text('still read'));
    assert.equal((await inbox.next()).payload.toString(), 'still read');
    const over = closed(near);
    far.resume();
    far.end();
    assert.deepEqual(await over, []);
  });

  test(`${role}: the library adds no 'error' listener, and no listener twice`, async (t) => {
    const { near } = await halfOpen(t, role);
    const counts = () => near.eventNames().map((name) => [name, near.listenerCount(name)]);
    const errors = near.listenerCount('error');
    WS.receive(near, peer.ping('p'));
    WS.send(near, 'a');
    const before = counts();
    for (let at = 0; at < 20; at++) {
      WS.receive(near, peer.text('x'), () => {});
      WS.send(near, 'b');
      await nextTurn();
    }
    assert.deepEqual(counts(), before);
    assert.equal(near.listenerCount('error'), errors);
  });

  test(`${role}: a socket that is read in pieces by read() works as one that is read by 'data'`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [near, far] = role === 'server' ? [server, client] : [client, server];
    const got = [];
    const three = new Promise((resolve) => {
      near.on('readable', () => {
        for (let chunk = near.read(1); chunk !== null; chunk = near.read(1)) {
          WS.receive(near, chunk, (payload) => got.push(payload.toString()) === 3 && resolve());
        }
      });
    });
    far.write(Buffer.concat(['one', 'two', 'three'].map((text) => peer.text(text))));
    await three;
    assert.deepEqual(got, ['one', 'two', 'three']);
  });
}

test('a FIN before WS.upgrade: our half is ended, the socket closes', async (t) => {
  const near = await endedByPeer(t);
  const over = closed(near);
  assert.equal(WS.upgrade(near, requestHeaders()), true);
  assert.deepEqual(await over, []);
  assert.equal(WS.info(near).closeCode, 1006);
});

test('scenario 14: 1,000 peers gone by FIN and 1,000 by RST, ten rounds: memory stays flat', async (t) => {
  const { rss, heap } = await grownBy('gone');
  t.diagnostic(`grown by ${(rss / MIB).toFixed(1)} MiB resident, ${(heap / MIB).toFixed(1)} MiB of heap in six rounds`);
  assert.ok(rss < 24 * MIB, `resident: ${rss} bytes`);
  assert.ok(heap < 4 * MIB, `heap: ${heap} bytes`);
});

test('a process whose connections are over ends by itself', async () => {
  const { code, signal, stdout, stderr } = await run('exits');
  assert.equal(stderr, '');
  assert.equal(stdout, 'echo: hello\n');
  assert.deepEqual([code, signal], [0, null]);
});
