'use strict';

// What a callback may do in the middle of a chunk.

const test = require('node:test');
const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { WS } = require('..');
const { ROLES, peerOf } = require('./support/frames.js');
const { plain, sent, ends, nextTurn } = require('./support/plain.js');
const { connected } = require('./support/sockets.js');
const { frames } = require('./support/inbox.js');

/** A plain socket with the three members that tell of its state, as a stream has them. */
function destroyable(role) {
  const socket = plain(role);
  socket.destroyed = false;
  socket.destroy = () => { socket.destroyed = true; socket.calls.push('destroy'); };
  return socket;
}

for (const role of ROLES) {
  const peer = peerOf(role);
  const texts = (...list) => Buffer.concat(list.map((text) => peer.text(text)));

  test(`${role}: what is sent during a chunk leaves in one write, automatic pongs in their place`, () => {
    const socket = plain(role);
    const chunk = Buffer.concat([
      peer.ping('1'), peer.text('a'), peer.ping('2'), peer.text('b'), peer.text('c'), peer.ping('3')
    ]);
    WS.receive(socket, chunk, (payload) => {
      WS.send(socket, `echo ${payload}`);
      if (payload.toString() === 'b') WS.ping(socket, 'mine');
      assert.equal(socket.writes.length, 0, 'nothing is written before the end of the chunk');
    });
    assert.equal(socket.writes.length, 1);
    assert.deepEqual(sent(socket), [
      { pong: '31' }, { text: 'echo a' }, { pong: '32' }, { text: 'echo b' },
      { ping: Buffer.from('mine').toString('hex') }, { text: 'echo c' }, { pong: '33' }
    ]);
  });

  test(`${role}: the close reply comes after what the callbacks sent, then end()`, () => {
    const socket = plain(role);
    WS.receive(socket, Buffer.concat([texts('a', 'b'), peer.close(1001)]), (payload) => WS.send(socket, payload));
    assert.deepEqual(socket.calls, ['write', 'end']);
    assert.deepEqual(sent(socket), [{ binary: '61' }, { binary: '62' }, { close: 1001, reason: '' }]);
  });

  test(`${role}: large and small answers during a chunk keep their order`, () => {
    const socket = plain(role);
    const sizes = [10, 40_000, 5, 100_000, 0];
    WS.receive(socket, texts(...sizes.map(String)), (payload) => {
      WS.send(socket, Buffer.alloc(Number(payload), 7));
    });
    assert.deepEqual(sent(socket), sizes.map((size) => ({ binary: '07'.repeat(size) })));
  });

  test(`${role}: a send outside of receive goes before the answers of a later chunk in the same tick`, () => {
    const socket = plain(role);
    for (const text of ['one', 'two', 'three']) WS.send(socket, text);
    WS.receive(socket, peer.ping('p'));
    WS.send(socket, 'four');
    socket.end();
    assert.deepEqual(sent(socket), [
      { text: 'one' }, { text: 'two' }, { text: 'three' }, { pong: '70' }, { text: 'four' }
    ]);
  });

  test(`${role}: what a callback throws reaches the caller, and nothing is lost`, async () => {
    const socket = plain(role);
    const got = [];
    const chunk = Buffer.concat([
      peer.ping('1'), texts('one', 'two'), peer.ping('2'), texts('three', 'four'), peer.text('five').subarray(0, 4)
    ]);
    const take = (payload) => {
      got.push(payload.toString());
      WS.send(socket, payload.toString());
      if (got.length === 2) throw new Error('mine');
    };
    assert.throws(() => WS.receive(socket, chunk, take), /^Error: mine$/);
    assert.deepEqual(got, ['one', 'two']);
    await nextTurn();
    assert.deepEqual(sent(socket).slice(0, 3), [{ pong: '31' }, { text: 'one' }, { text: 'two' }]);

    WS.receive(socket, peer.text('five').subarray(4), take);
    assert.deepEqual(got.slice(2, 4), ['three', 'four']);
  });

  test(`${role}: after a throw the rest comes at the next call, pongs and close included`, async () => {
    const socket = plain(role);
    const got = [];
    const chunk = Buffer.concat([texts('one', 'two'), peer.ping('p'), texts('three'), peer.close(1000)]);
    assert.throws(() => WS.receive(socket, chunk, () => { throw new Error('mine'); }), /mine/);
    const keep = (payload) => got.push(payload.toString());
    WS.receive(socket, Buffer.alloc(0), keep);
    assert.deepEqual(got, ['two', 'three']);
    await nextTurn();
    assert.deepEqual(sent(socket), [{ pong: '70' }, { close: 1000, reason: '' }]);
    assert.equal(ends(socket), 1);
  });

  test(`${role}: a throw at the start of a chunk of 5,000 messages loses none of them`, () => {
    const socket = plain(role);
    const all = Array.from({ length: 5000 }, (_, at) => `message ${at}`);
    const got = [];
    const chunk = texts(...all);
    const take = (payload) => {
      if (got.push(payload.toString()) === 3) throw new Error('mine');
    };
    assert.throws(() => WS.receive(socket, chunk, take), /mine/);
    chunk.fill(0);
    WS.receive(socket, Buffer.alloc(0), take);
    assert.deepEqual(got, all);
  });

  test(`${role}: a callback that throws every time loses nothing either`, () => {
    const socket = plain(role);
    const got = [];
    const take = (payload) => { got.push(payload.toString()); throw new Error('mine'); };
    assert.throws(() => WS.receive(socket, texts('one', 'two', 'three'), take), /mine/);
    assert.throws(() => WS.receive(socket, peer.text('four'), take), /mine/);
    assert.throws(() => WS.receive(socket, Buffer.alloc(0), take), /mine/);
    assert.throws(() => WS.receive(socket, Buffer.alloc(0), take), /mine/);
    assert.equal(WS.receive(socket, Buffer.alloc(0), take), undefined);
    assert.deepEqual(got, ['one', 'two', 'three', 'four']);
  });

  test(`${role}: a throw while kept messages are handed out loses nothing either`, () => {
    const socket = plain(role);
    const got = [];
    const take = (payload) => {
      got.push(payload.toString());
      if (got.length === 1) throw new Error('mine');
    };
    assert.equal(WS.receive(socket, texts('one', 'two', 'three')).toString(), 'one');
    assert.throws(() => WS.receive(socket, Buffer.concat([peer.ping('p'), texts('four')]), take), /mine/);
    WS.receive(socket, texts('five'), take);
    assert.deepEqual(got, ['two', 'three', 'four', 'five']);
    assert.deepEqual(sent(socket), [{ pong: '70' }]);
  });

  test(`${role}: WS.close while kept messages are handed out: no further callback`, () => {
    const socket = plain(role);
    const got = [];
    WS.receive(socket, texts('one', 'two', 'three', 'four'));
    WS.receive(socket, texts('five'), (payload) => {
      got.push(payload.toString());
      WS.close(socket, 1000);
    });
    assert.deepEqual(got, ['two']);
    assert.deepEqual(sent(socket), [{ close: 1000, reason: '' }]);
  });

  for (const [what, over] of [
    ['WS.close', (socket) => WS.close(socket, 1000)],
    ['a destroy', (socket) => { socket.destroyed = true; }]
  ]) {
    test(`${role}: ${what}: no call without a callback returns what is kept`, () => {
      const socket = plain(role);
      assert.equal(WS.receive(socket, texts('one', 'two', 'three')).toString(), 'one');
      over(socket);
      assert.equal(WS.receive(socket, Buffer.alloc(0)), undefined);
      assert.equal(WS.receive(socket, texts('four')), undefined);
    });
  }

  test(`${role}: WS.close in a callback that then throws: no further callback at the next call`, () => {
    const socket = plain(role);
    assert.throws(() => WS.receive(socket, texts('one', 'two'), () => {
      WS.close(socket, 1000);
      throw new Error('mine');
    }), /mine/);
    WS.receive(socket, Buffer.concat([texts('three'), peer.close(1000)]), () => assert.fail('delivered'));
    assert.deepEqual(sent(socket), [{ close: 1000, reason: '' }]);
    assert.equal(ends(socket), 1);
  });

  test(`${role}: WS.close in a callback: no further callback, one close frame, what was sent goes first`, () => {
    const socket = plain(role);
    const got = [];
    WS.receive(socket, Buffer.concat([texts('one', 'two'), peer.ping('p')]), (payload) => {
      got.push(payload.toString());
      WS.send(socket, 'last');
      assert.equal(WS.close(socket, 4000), true);
      assert.equal(WS.send(socket, 'too late'), false);
    });
    assert.deepEqual(got, ['one']);
    assert.deepEqual(sent(socket), [{ text: 'last' }, { close: 4000, reason: '' }]);
    assert.equal(ends(socket), 0);
    WS.receive(socket, texts('three'), () => assert.fail('delivered after the close'));
    WS.receive(socket, peer.close(4000));
    assert.equal(ends(socket), 1);
  });

  test(`${role}: socket.end() in a callback: what was sent before is written before`, () => {
    const socket = plain(role);
    WS.receive(socket, texts('one'), () => {
      WS.send(socket, 'a');
      WS.send(socket, 'b');
      socket.end();
    });
    assert.deepEqual(socket.calls, ['write', 'end']);
    assert.deepEqual(sent(socket), [{ text: 'a' }, { text: 'b' }]);
  });

  test(`${role}: after our own end() the rest of the chunk and later ones are still delivered`, () => {
    const socket = plain(role);
    const got = [];
    WS.receive(socket, texts('one', 'two'), (payload) => {
      if (got.push(payload.toString()) === 1) socket.end();
    });
    WS.receive(socket, texts('three'), (payload) => got.push(payload.toString()));
    assert.deepEqual(got, ['one', 'two', 'three']);
  });

  test(`${role}: socket.destroy() in a callback: no further callback, now or later`, async () => {
    const socket = destroyable(role);
    const got = [];
    WS.receive(socket, texts('one', 'two', 'three'), (payload) => {
      got.push(payload.toString());
      socket.destroy();
    });
    WS.receive(socket, texts('four'), (payload) => got.push(payload.toString()));
    await nextTurn();
    assert.deepEqual(got, ['one']);
    assert.equal(socket.writes.length, 0);
  });

  test(`${role}: a destroy() that emits 'close' at once, in the middle of 5,000 messages`, () => {
    const socket = Object.assign(new EventEmitter(), destroyable(role));
    let count = 0;
    socket.destroy = () => { socket.destroyed = true; socket.emit('close'); };
    WS.receive(socket, texts(...Array.from({ length: 5000 }, (_, at) => `${at}`)), () => {
      count++;
      WS.send(socket, 'answer');
      socket.destroy();
    });
    WS.receive(socket, texts('late'), () => count++);
    assert.equal(count, 1);
    assert.equal(WS.send(socket, 'late'), false);
  });

  test(`${role}: destroy() in a callback on a real socket`, async (t) => {
    const { server, client } = await connected(t, 'net');
    const [near, far] = role === 'server' ? [server, client] : [client, server];
    const inbox = frames(far);
    const got = [];
    near.on('data', (chunk) => WS.receive(near, chunk, (payload) => {
      got.push(payload.toString());
      WS.send(near, 'answer');
      near.destroy();
      assert.equal(WS.send(near, 'late'), false);
    }));
    far.write(texts('one', 'two', 'three'));
    await assert.rejects(async () => { for (;;) await inbox.next(); }, /closed/);
    assert.deepEqual(got, ['one']);
  });

  test(`${role}: a receive inside of a callback is queued behind the rest of the chunk`, () => {
    const socket = plain(role);
    const order = [];
    WS.receive(socket, texts('one', 'two', 'three'), (payload) => {
      order.push(`outer ${payload}`);
      if (payload.toString() !== 'one') return;
      WS.receive(socket, Buffer.concat([texts('four'), peer.ping('p')]), (late) => order.push(`inner ${late}`));
      WS.receive(socket, texts('five'), (late) => order.push(`second ${late}`));
    });
    assert.deepEqual(order, ['outer one', 'outer two', 'outer three', 'inner four', 'second five']);
    assert.deepEqual(sent(socket), [{ pong: '70' }]);
  });

  test(`${role}: the bytes of a re-entrant receive are safe from what the caller does with the chunk`, () => {
    const socket = plain(role);
    const got = [];
    const inner = texts('inner');
    const keep = (payload) => got.push(payload.toString());
    WS.receive(socket, texts('one', 'two'), (payload) => {
      keep(payload);
      if (got.length > 1) return;
      WS.receive(socket, inner, keep);
      inner.fill(0);
    });
    assert.deepEqual(got, ['one', 'two', 'inner']);
  });

  test(`${role}: a re-entrant receive that ends a frame which the outer chunk began`, () => {
    const socket = plain(role);
    const got = [];
    const cut = peer.text('divided');
    const keep = (payload) => got.push(payload.toString());
    WS.receive(socket, Buffer.concat([texts('one'), cut.subarray(0, 5)]), (payload) => {
      keep(payload);
      WS.receive(socket, cut.subarray(5), keep);
    });
    assert.deepEqual(got, ['one', 'divided']);
  });

  test(`${role}: a re-entrant receive with nothing, and of nesting without end`, () => {
    const socket = plain(role);
    let left = 10_000;
    const again = () => {
      WS.receive(socket, Buffer.alloc(0), again);
      if (left-- > 0) WS.receive(socket, texts('x'), again);
    };
    WS.receive(socket, texts('x'), again);
    assert.ok(left < 0, `${left} left: the stack held, and all were delivered`);
  });

  test(`${role}: a throw in a callback keeps the bytes of a re-entrant receive`, () => {
    const socket = plain(role);
    const got = [];
    const keep = (payload) => got.push(payload.toString());
    assert.throws(() => WS.receive(socket, texts('one', 'two'), (payload) => {
      keep(payload);
      WS.receive(socket, texts('three'), keep);
      throw new Error('mine');
    }), /mine/);
    WS.receive(socket, Buffer.alloc(0), keep);
    assert.deepEqual(got, ['one', 'two', 'three']);
  });

  test(`${role}: a callback that feeds another socket, whose callback feeds a third`, () => {
    const sockets = [plain(role), plain(role), plain(role)];
    const order = [];
    const feed = (depth, name) => {
      WS.receive(sockets[depth], texts(`${name}a`, `${name}b`, `${name}c`), (payload) => {
        order.push(payload.toString());
        if (depth < 2) feed(depth + 1, payload.toString());
        WS.send(sockets[0], payload.toString());
      });
    };
    feed(0, '');
    const expected = (prefix, depth) => ['a', 'b', 'c'].flatMap((letter) => {
      const name = prefix + letter;
      return depth < 2 ? [name, ...expected(name, depth + 1)] : [name];
    });
    assert.deepEqual(order, expected('', 0));
    assert.equal(sockets[0].writes.length, 1, 'all within the outermost chunk');
    assert.equal(sent(sockets[0]).length, order.length);
  });

  test(`${role}: a write that throws in the middle leaves the parser whole`, () => {
    const socket = plain(role);
    const { write } = socket;
    const got = [];
    socket.write = () => { throw new Error('broken pipe'); };
    try { WS.receive(socket, Buffer.concat([peer.ping('p'), texts('one')]), (payload) => got.push(`${payload}`)); } catch (error) {
      assert.match(error.message, /broken pipe/);
    }
    socket.write = write;
    WS.receive(socket, texts('two'), (payload) => got.push(payload.toString()));
    assert.deepEqual(got, ['one', 'two']);
  });
}
