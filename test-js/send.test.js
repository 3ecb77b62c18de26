'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { WS } = require('..');
const { run } = require('./support/child.js');
const { ROLES, OP, parse, peerOf } = require('./support/frames.js');
const { plain, as, sent, wire, nextTurn } = require('./support/plain.js');
const { connected, fill, lasting, netPair } = require('./support/sockets.js');
const { frames, messages } = require('./support/inbox.js');

const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536];

function pattern(length) {
  return Buffer.from(Array.from({ length }, (_, at) => (at % 251) ^ (at >> 8)));
}

/** The frames of one call of WS.send on a fresh socket. */
function sending(role, ...args) {
  const socket = plain(role);
  WS.send(socket, ...args);
  return sent(socket);
}

for (const role of ROLES) {
  test(`${role}: one send in a tick is one write, inside the call`, () => {
    const socket = plain(role);
    assert.equal(WS.send(socket, 'hello'), true);
    assert.deepEqual(socket.calls, ['write']);
    assert.deepEqual(sent(socket), [{ text: 'hello' }]);
  });

  test(`${role}: every length in its shortest form`, () => {
    for (const length of LENGTHS) {
      const socket = plain(role);
      WS.send(socket, pattern(length));
      const { frames: [one], rest } = parse(wire(socket));
      assert.equal(rest.length, 0);
      assert.equal(one.opcode, OP.BINARY);
      assert.equal(one.fin, true);
      assert.equal(one.masked, role === 'client');
      assert.equal(one.form, length < 126 ? 7 : length < 65536 ? 16 : 64);
      assert.ok(pattern(length).equals(one.payload), `${length} bytes`);
      assert.deepEqual(sending(role, 'x'.repeat(length)), [{ text: 'x'.repeat(length) }]);
    }
  });

  test(`${role}: strings are text in UTF-8, lone surrogates become U+FFFD`, () => {
    for (const [text, arrives] of [
      ['', ''], ['gr\u00fc\u00dfe \u2713 \u{1f44b}', 'gr\u00fc\u00dfe \u2713 \u{1f44b}'],
      ['a\0b', 'a\0b'], ['\ud800', '\ufffd'], ['x\udc00y', 'x\ufffdy'], ['\ufeffbom', '\ufeffbom'],
      ['\u00e9'.repeat(63), '\u00e9'.repeat(63)], ['\u20ac'.repeat(21_846), '\u20ac'.repeat(21_846)]
    ]) {
      const socket = plain(role);
      WS.send(socket, text);
      const { frames: [one] } = parse(wire(socket));
      assert.equal(one.opcode, OP.TEXT);
      assert.deepEqual(one.payload, Buffer.from(arrives));
    }
  });

  test(`${role}: Buffer, TypedArray, DataView and ArrayBuffer are binary, and only their own bytes`, () => {
    const around = new Uint8Array([9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9]);
    const hex = '0102030405060708';
    for (const payload of [
      Buffer.from(around.buffer, 2, 8), around.subarray(2, 10), new Int8Array(around.buffer, 2, 8),
      new Uint16Array(around.buffer, 2, 4), new DataView(around.buffer, 2, 8), around.buffer.slice(2, 10),
      new Float32Array(around.buffer.slice(2, 10)), new BigInt64Array(around.buffer.slice(2, 10)),
      new Uint8ClampedArray(around.buffer, 2, 8)
    ]) assert.deepEqual(sending(role, payload), [{ binary: hex }], payload.constructor.name);

    const shared = new Uint8Array(new SharedArrayBuffer(8));
    shared.set(around.subarray(2, 10));
    assert.deepEqual(sending(role, shared), [{ binary: hex }]);
    assert.deepEqual([...around.subarray(2, 10)], [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test(`${role}: the payload is not modified, and may be used again after the call`, () => {
    for (const length of [5, 5000, 70_000]) {
      const socket = plain(role);
      const payload = pattern(length);
      WS.send(socket, payload);
      assert.ok(pattern(length).equals(payload), `${length} bytes were modified`);
      WS.send(socket, payload);
    }
  });

  test(`${role}: a payload in shared memory is read once, inside the call`, async () => {
    for (const length of [5, 5000, 70_000]) {
      // With cork a large payload is handed over as it is.
      const socket = Object.assign(plain(role), { cork() {}, uncork() {} });
      const shared = new Uint8Array(new SharedArrayBuffer(length)).fill(1);
      WS.send(socket, 'before');
      WS.send(socket, shared);
      shared.fill(2);
      await nextTurn();
      assert.deepEqual(sent(socket), [{ text: 'before' }, { binary: '01'.repeat(length) }]);
    }
  });

  test(`${role}: a payload whose memory is gone breaks nothing`, () => {
    const socket = plain(role);
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    try { WS.send(socket, view); } catch (error) { assert.ok(error instanceof TypeError, error.stack); }
    socket.writes.length = 0;
    WS.send(socket, 'after');
    socket.end();
    assert.deepEqual(sent(socket), [{ text: 'after' }]);
  });

  test(`${role}: a payload of no such type is a TypeError with a code`, () => {
    const socket = plain(role);
    for (const payload of [null, undefined, 5, NaN, true, {}, [], [1, 2], () => {}, Symbol('s'), 5n, new Date()]) {
      assert.throws(() => WS.send(socket, payload), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => WS.send(socket), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: options.binary overrides what the type says`, () => {
    assert.deepEqual(sending(role, 'abc', { binary: true }), [{ binary: '616263' }]);
    assert.deepEqual(sending(role, 'abc', { binary: false }), [{ text: 'abc' }]);
    assert.deepEqual(sending(role, Buffer.from('abc'), { binary: false }), [{ text: 'abc' }]);
    assert.deepEqual(sending(role, Buffer.from('abc'), { binary: true }), [{ binary: '616263' }]);
    assert.deepEqual(sending(role, 'abc', undefined), [{ text: 'abc' }]);
    assert.deepEqual(sending(role, 'abc', {}), [{ text: 'abc' }]);
  });

  test(`${role}: options.fin: false sends fragments, control frames may go between`, async () => {
    const socket = plain(role);
    WS.send(socket, 'abc', { fin: false });
    WS.ping(socket, 'p');
    WS.send(socket, 'd', { fin: false });
    WS.send(socket, '');
    WS.send(socket, Buffer.from('xy'), { fin: false });
    WS.send(socket, Buffer.from('z'), { fin: true });
    WS.send(socket, 'whole');
    await nextTurn();
    assert.deepEqual(sent(socket), [
      { text: '616263', fin: false }, { ping: '70' }, { more: '64', fin: false }, { more: '' },
      { binary: '7879', fin: false }, { more: '7a' }, { text: 'whole' }
    ]);
  });

  test(`${role}: options are checked, and the nearest name is told`, () => {
    const socket = plain(role);
    for (const options of [{ binary: 1 }, { binary: 'true' }, { fin: 0 }, { fin: null }]) {
      assert.throws(() => WS.send(socket, 'a', options), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => WS.send(socket, 'a', { binery: true }), (error) => {
      return error instanceof TypeError && error.message.includes('binery') && error.message.includes('binary');
    });
    assert.deepEqual(socket.calls, []);
  });

  test(`${role}: later sends of a tick are gathered and written before it ends, in order`, async () => {
    const socket = plain(role);
    for (let at = 0; at < 100; at++) WS.send(socket, `message ${at}`);
    assert.equal(socket.writes.length, 1);
    await nextTurn();
    assert.equal(socket.writes.length, 2);
    assert.deepEqual(sent(socket), Array.from({ length: 100 }, (_, at) => ({ text: `message ${at}` })));
  });

  test(`${role}: the next tick's first send is written at once again`, async () => {
    const socket = plain(role);
    WS.send(socket, 'one');
    WS.send(socket, 'two');
    await nextTurn();
    WS.send(socket, 'three');
    assert.deepEqual(sent(socket), [{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
  });

  test(`${role}: what is gathered goes before the user's own write and end`, () => {
    const socket = plain(role);
    WS.send(socket, 'one');
    WS.send(socket, 'two');
    socket.write(peerOf(role === 'server' ? 'client' : 'server').text('by hand'));
    WS.send(socket, 'three');
    socket.end();
    assert.equal(socket.calls.at(-1), 'end');
    assert.deepEqual(sent(socket), [{ text: 'one' }, { text: 'two' }, { text: 'by hand' }, { text: 'three' }]);
  });

  test(`${role}: payloads of all sizes in one tick keep their order`, async () => {
    const socket = plain(role);
    const sizes = [10, 20_000, 0, 16_384, 16_385, 125, 70_000, 3];
    for (const size of sizes) WS.send(socket, pattern(size));
    await nextTurn();
    assert.deepEqual(sent(socket), sizes.map((size) => ({ binary: pattern(size).toString('hex') })));
  });

  test(`${role}: what is written is not overwritten by later sends`, async () => {
    const socket = plain(role);
    const texts = Array.from({ length: 3000 }, (_, at) => `message ${at} ${'.'.repeat(at % 300)}`);
    for (const [at, text] of texts.entries()) {
      WS.send(socket, text);
      if (at % 7 === 0) await nextTurn();
    }
    await nextTurn();
    assert.deepEqual(sent(socket), texts.map((text) => ({ text })));
  });

  test(`${role}: bytes sent as text have to be text, over all their fragments`, async () => {
    const socket = plain(role);
    const text = { binary: false };
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82]]) {
      assert.throws(() => WS.send(socket, Buffer.from(bytes), text), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    }
    WS.send(socket, Buffer.from([0xe2]), { binary: false, fin: false });
    WS.send(socket, Buffer.from([0x82, 0xac]), { binary: false, fin: false });
    assert.throws(() => WS.send(socket, Buffer.from([0xff])), { code: 'ERR_INVALID_ARG_VALUE' });
    WS.send(socket, '!');
    await nextTurn();
    assert.deepEqual(sent(socket), [
      { text: 'e2', fin: false }, { more: '82ac', fin: false }, { more: '21' }
    ]);
  });

  test(`${role}: a payload may be changed after the call, behind a Blob as well`, async () => {
    const socket = plain(role);
    const payload = Buffer.from('as it was');
    const written = new Promise((resolve) => {
      WS.send(socket, new Blob(['first']));
      WS.send(socket, payload);
      WS.send(socket, 'last', resolve);
    });
    payload.fill('x');
    await written;
    const [, { binary }] = sent(socket);
    assert.equal(Buffer.from(binary, 'hex').toString(), 'as it was');
  });

  test(`${role}: a Blob is read first, and what comes after it waits`, async () => {
    const socket = plain(role);
    WS.send(socket, new Blob(['from ', 'a blob']));
    WS.send(socket, 'after');
    WS.ping(socket, 'p');
    const done = new Promise((resolve) => { WS.send(socket, new Blob([]), resolve); });
    assert.equal(WS.close(socket, 1000), true);
    assert.equal(WS.close(socket, 1001), false);
    assert.equal(WS.send(socket, 'late'), false);
    assert.equal(await done, undefined);
    await nextTurn();
    assert.deepEqual(sent(socket).filter((one) => !('ping' in one)), [
      { binary: Buffer.from('from a blob').toString('hex') }, { text: 'after' }, { binary: '' },
      { close: 1000, reason: '' }
    ]);
  });

  test(`${role}: the callback runs once, without an error, when the socket has the bytes`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const socket = role === 'server' ? server : client;
    const calls = [];
    await new Promise((resolve) => {
      WS.send(socket, 'one', (...args) => calls.push(['one', ...args]));
      WS.send(socket, 'two', {}, (...args) => calls.push(['two', ...args]));
      WS.send(socket, pattern(100_000), undefined, (...args) => { calls.push(['three', ...args]); resolve(); });
      assert.deepEqual(calls, [], 'never inside the call');
    });
    await nextTurn();
    assert.deepEqual(calls.map(([name, error]) => [name, error ?? null]), [['one', null], ['two', null], ['three', null]]);
  });

  test(`${role}: after a close nothing is sent: false, an error for the callback, no throw`, async () => {
    const socket = plain(role);
    WS.close(socket, 1000);
    sent(socket);
    const error = await new Promise((resolve) => {
      assert.equal(WS.send(socket, 'late', resolve), false);
    });
    assert.ok(error instanceof Error);
    assert.equal(typeof error.code, 'string');
    for (const call of [WS.send, WS.ping, WS.pong]) assert.equal(call(socket, 'late'), false);
    await nextTurn();
    assert.deepEqual(sent(socket), []);
  });

  test(`${role}: on a destroyed socket: false, an error for the callback, no throw`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const socket = role === 'server' ? server : client;
    socket.destroy();
    const error = await new Promise((resolve) => {
      assert.equal(WS.send(socket, 'late', resolve), false);
    });
    assert.ok(error instanceof Error);
    assert.equal(WS.send(socket, new Blob(['late'])), false);
    assert.equal(WS.ping(socket), false);
    assert.equal(WS.pong(socket), false);
    assert.equal(WS.close(socket), false);
  });

  test(`${role}: frames that find their socket gone when the tick ends: an error for the callback`, async () => {
    const socket = plain(role);
    WS.send(socket, 'one');
    const error = new Promise((resolve) => { WS.send(socket, 'two', resolve); });
    socket.destroyed = true;
    assert.ok(await error instanceof Error);
    assert.deepEqual(sent(socket), [{ text: 'one' }]);
  });

  test(`${role}: nothing enumerable is added, not even while frames are gathered`, async (t) => {
    const { server, client } = await connected(t, 'net');
    for (const socket of [plain(role), role === 'server' ? server : client]) {
      const before = Object.keys(socket);
      for (const text of ['one', 'two', 'three']) WS.send(socket, text);
      assert.deepEqual(Object.keys(socket), before);
      await nextTurn();
      assert.deepEqual(Object.keys(socket), before);
    }
  });

  test(`${role}: every callback runs once when the socket is destroyed, with an error for what was not sent`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    far.pause();
    // More than the kernel's buffers hold. What waits for the Blob cannot have been sent.
    const payloads = [...Array.from({ length: 40 }, () => Buffer.alloc(1 << 20)), new Blob(['late']), 'later'];
    const results = payloads.map((payload) => new Promise((resolve, reject) => {
      let calls = 0;
      WS.send(socket, payload, (error) => (calls++ === 0 ? resolve(error) : reject(new Error('called twice'))));
    }));
    socket.destroy();
    const errors = await Promise.all(results);
    assert.ok(errors.at(-1) instanceof Error && errors.at(-2) instanceof Error);
  });

  test(`${role}: false when the socket is full, 'drain' when it is not, and all arrives`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    far.pause();
    const count = await fill(socket);
    assert.equal(WS.send(socket, 'one more'), false);
    const drained = once(socket, 'drain');
    const inbox = messages(far);
    far.resume();
    await drained;
    const got = await inbox.take(count + 1);
    assert.equal(got.pop().payload.toString(), 'one more');
    got.forEach(({ payload }, at) => assert.ok(payload.equals(Buffer.alloc(100_000, at))));
  });

  test(`${role}: a frame goes before the FIN of an end() in the same tick`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    const inbox = frames(far);
    for (const text of ['one', 'two', 'three']) WS.send(socket, text);
    WS.send(socket, pattern(50_000));
    socket.end();
    assert.deepEqual(await inbox.take(5), [
      { text: 'one' }, { text: 'two' }, { text: 'three' }, { binary: pattern(50_000).toString('hex') }, 'end'
    ]);
  });

  test(`${role}: a frame goes before a destroy() in the same tick`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [socket, far] = role === 'server' ? [server, client] : [client, server];
    const inbox = frames(far);
    for (const text of ['one', 'two', 'three']) WS.send(socket, text);
    socket.destroy();
    assert.deepEqual(await inbox.take(3), [{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
  });
}

test('without a role frames are masked, as the article\'s client does it', () => {
  assert.deepEqual(sending(null, 'hello'), [{ text: 'hello' }]);
  const socket = plain();
  WS.send(socket, 'hello');
  assert.equal(parse(wire(socket)).frames[0].masked, true);
});

test('the role is read at every call', async () => {
  const socket = plain();
  const masked = [];
  for (const role of ['server', 'client', 'server']) {
    as(role, socket);
    WS.send(socket, role);
    await nextTurn();
    masked.push(parse(socket.writes.pop()).frames[0].masked);
  }
  assert.deepEqual(masked, [false, true, false]);
});

test('scenario 15: a fresh key for each frame, and all 256 byte values occur', async () => {
  const socket = plain('client');
  const seen = new Set();
  const keys = new Set();
  for (let at = 0; at < 5000; at++) WS.send(socket, 'x');
  await nextTurn();
  const { frames: all } = parse(wire(socket));
  assert.equal(all.length, 5000);
  for (const { key } of all) {
    keys.add(key.toString('hex'));
    for (const byte of key) seen.add(byte);
  }
  assert.equal(seen.size, 256);
  assert.ok(keys.size > 4990, `${keys.size} keys for 5000 frames`);
});

test('scenario 7: empty text and binary messages are two bytes on a server\'s wire, six on a client\'s', () => {
  for (const [role, size] of [['server', 2], ['client', 6]]) {
    for (const payload of ['', Buffer.alloc(0)]) {
      const socket = plain(role);
      WS.send(socket, payload);
      assert.equal(wire(socket).length, size);
      assert.equal(wire(socket)[0], payload === '' ? 0x81 : 0x82);
    }
  }
});

test('a send callback that throws is an uncaught exception, and keeps none of the others from being called', async () => {
  const { code, stdout, stderr } = await run('throwing-callback');
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split('\n'), ['first', 'uncaught: second', 'third', 'received: 4']);
});

test('a large payload of a server leaves inside the call, behind what was gathered', () => {
  const socket = plain('server');
  WS.send(socket, 'one');
  WS.send(socket, 'two');
  WS.send(socket, pattern(16_385));
  assert.deepEqual(sent(socket), [
    { text: 'one' }, { text: 'two' }, { binary: pattern(16_385).toString('hex') }
  ]);
  WS.receive(socket, peerOf('server').text('a'), () => {
    WS.send(socket, pattern(16_385));
    assert.deepEqual(sent(socket), [{ binary: pattern(16_385).toString('hex') }]);
  });
});

test('what a write of the program\'s sends comes behind what it was given', async () => {
  const socket = plain('server');
  const { write } = socket;
  let answers = [];
  socket.write = (...args) => {
    const more = answers;
    answers = [];
    for (const payload of more) WS.send(socket, payload);
    return write(...args);
  };
  const large = pattern(20_000);
  answers = ['small', large];
  WS.send(socket, large);
  await nextTurn();
  const binary = large.toString('hex');
  assert.deepEqual(sent(socket), [{ binary }, { text: 'small' }, { binary }]);

  // At a tick's end as well, and in the middle of a message.
  WS.send(socket, 'first', { fin: false });
  WS.send(socket, 'second', { fin: false });
  answers = ['third'];
  await nextTurn();
  await nextTurn();
  assert.deepEqual(sent(socket), [{ text: '6669727374', fin: false }, { more: '7365636f6e64', fin: false }, { more: '7468697264' }]);
});

test('so it does where that write was put on behind one of ours', async (t) => {
  const { server: socket, client } = await connected(t, 'duplex');
  const inbox = frames(client);
  WS.send(socket, 'first');
  WS.send(socket, 'gathered');
  await nextTurn();
  const { write } = socket;
  let more = ['behind'];
  socket.write = (...args) => {
    for (const payload of more.splice(0)) WS.send(socket, payload);
    return write.apply(socket, args);
  };
  WS.send(socket, 'large'.repeat(10_000));
  more = ['last'];
  WS.send(socket, 'in front');
  const got = await inbox.take(6);
  assert.deepEqual(got.map(({ text }) => text.slice(0, 8)), ['first', 'gathered', 'largelar', 'behind', 'in front', 'last']);
});

test('a method that the program gives a socket while frames are gathered stays there', async () => {
  const socket = plain('server');
  WS.send(socket, 'first');
  WS.send(socket, 'gathered');
  const { end, write } = socket;
  const seen = [];
  const patched = (chunk, ...rest) => {
    seen.push(chunk.length);
    return write.call(socket, chunk, ...rest);
  };
  socket.write = patched;
  await nextTurn();
  assert.equal(socket.write, patched);
  assert.notEqual(socket.end, end);
  WS.send(socket, 'last');
  assert.deepEqual(seen, [10, 6]);
  assert.deepEqual(sent(socket), [{ text: 'first' }, { text: 'gathered' }, { text: 'last' }]);
});

test('a large payload of a server is handed over without being joined to its header', async (t) => {
  const { server, client } = lasting(t, await netPair());
  as('server', server);
  const inbox = frames(client);
  const payload = pattern(200_000);
  WS.send(server, payload);
  WS.send(server, 'after');
  assert.deepEqual(await inbox.take(2), [{ binary: payload.toString('hex') }, { text: 'after' }]);
});

test('nothing is put into memory that somebody has transferred away', async (t) => {
  for (const [round, length] of [8, -100, -70_000].entries()) {
    const [secret, second] = [`secret ${round}`, `second ${round}`];
    const [socket, other, idle] = [plain('server'), plain('server'), plain('server')];
    other.destroy = (error) => { Object.assign(other, { destroyed: true, error }); };
    const failed = [];
    WS.send(socket, 'first');
    WS.send(other, 'first');
    WS.send(other, 'gathered', (error) => failed.push(error?.code));
    const [{ buffer }] = socket.writes;
    const reading = transfer(buffer);
    if (buffer.byteLength > 0) {
      await reading.catch(() => {});
      t.skip('this Node transfers nothing that is marked as untransferable');
      return;
    }
    socket.writes.length = other.writes.length = 0;
    // The program may give a Buffer a length that makes no sense.
    WS.send(idle, Object.defineProperty(Buffer.from(secret), 'length', { value: length }));
    // What was gathered is gone, and counts as sent: nothing can follow it.
    WS.send(other, second, (error) => failed.push(error?.code));
    WS.send(socket, second);
    socket.end();
    await nextTurn();
    assert.deepEqual(sent(idle), [{ binary: Buffer.from(secret).toString('hex') }]);
    assert.ok(other.error instanceof TypeError);
    assert.deepEqual(failed, ['ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED']);
    assert.deepEqual(sent(other), []);
    assert.deepEqual(sent(socket), [{ text: second }]);
    const memory = Buffer.from((await reading).value.buffer);
    assert.ok(memory.includes('gathered'));
    assert.ok(!memory.includes(second) && !memory.includes(secret));
  }
});

test('a connection whose frames have been transferred away from among others fails', async (t) => {
  for (const length of [10, 20_000]) {
    const socket = plain('server');
    socket.destroy = (error) => { Object.assign(socket, { destroyed: true, error }); };
    const failed = [];
    WS.send(socket, 'first');
    WS.send(socket, 'gathered', (error) => failed.push(error?.code));
    WS.send(socket, WS.frame('x'.repeat(length)), (error) => failed.push(error?.code));
    const [{ buffer }] = socket.writes;
    transfer(buffer).catch(() => {});
    if (buffer.byteLength > 0) {
      t.skip('this Node transfers nothing that is marked as untransferable');
      return;
    }
    socket.writes.length = 0;
    await nextTurn();
    assert.ok(socket.error instanceof TypeError);
    assert.deepEqual(failed, ['ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED']);
    assert.deepEqual(sent(socket), []);
  }
});

test('a Buffer that is longer than it says does not reach the frames of others', async () => {
  const [socket, other, third] = [plain('server'), plain('server'), plain('server')];
  for (const one of [socket, other, third]) WS.send(one, 'first');
  for (const one of [socket, other]) WS.send(one, 'second');
  const long = Object.defineProperty(Buffer.alloc(5000, 'x'), 'length', { value: 5 });
  assert.throws(() => WS.send(third, long), { code: 'ERR_WS13_INTERNAL' });
  assert.throws(() => WS.send(socket, long), { code: 'ERR_WS13_INTERNAL' });
  for (const one of [socket, other, third]) WS.send(one, 'last');
  await nextTurn();
  assert.deepEqual(sent(socket), [{ text: 'first' }, { text: 'second' }, { text: 'last' }]);
  assert.deepEqual(sent(other), [{ text: 'first' }, { text: 'second' }, { text: 'last' }]);
  assert.deepEqual(sent(third), [{ text: 'first' }, { text: 'last' }]);
});

test('a large Buffer of another length than it says goes out as it is', async () => {
  for (const length of [18_000, 30_000]) {
    const socket = plain('server');
    const large = Object.defineProperty(Buffer.alloc(20_000, 'x'), 'length', { value: length });
    WS.send(socket, large, { binary: false });
    WS.send(socket, 'gathered');
    WS.send(socket, large, { binary: false });
    await nextTurn();
    const text = 'x'.repeat(20_000);
    assert.deepEqual(sent(socket), [{ text }, { text: 'gathered' }, { text }]);
  }
});

/** Transfers memory away as a byte stream's reader does, in the call; resolves with a view of it. */
function transfer(buffer) {
  const stream = new ReadableStream({ type: 'bytes', pull: ({ byobRequest }) => byobRequest.respond(1) });
  return stream.getReader({ mode: 'byob' }).read(new Uint8Array(buffer));
}
