'use strict';

// The same conversations over every kind of socket.

const test = require('node:test');
const assert = require('node:assert/strict');
const { WS } = require('..');
const { peerOf, readable } = require('./support/frames.js');
const { plain, wire } = require('./support/plain.js');
const { KINDS, closed, connected } = require('./support/sockets.js');
const { messages } = require('./support/inbox.js');

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];

function pattern(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + (at >> 8)) & 0xff;
  return bytes;
}

for (const kind of KINDS) {
  test(`${kind}: text and binary of every length form, both ways at once`, async (t) => {
    const { server, client } = await connected(t, kind);
    const inboxes = [messages(server), messages(client)];
    for (const socket of [server, client]) {
      for (const size of SIZES) {
        WS.send(socket, pattern(size));
        WS.send(socket, '\u00e9'.repeat(size >> 1));
      }
    }
    for (const inbox of inboxes) {
      for (const size of SIZES) {
        const [binary, text] = await inbox.take(2);
        assert.ok(pattern(size).equals(binary.payload), `${size} bytes`);
        assert.equal(binary.isBinary, true);
        assert.equal(text.payload.toString(), '\u00e9'.repeat(size >> 1));
        assert.equal(text.isBinary, false);
      }
    }
  });

  test(`${kind}: pings both ways while messages pass`, async (t) => {
    const { server, client } = await connected(t, kind);
    const inboxes = [messages(server), messages(client)];
    for (let at = 0; at < 100; at++) {
      for (const socket of [server, client]) {
        WS.ping(socket, `ping ${at}`);
        WS.send(socket, `message ${at}`);
      }
    }
    // An answer to the message after the pings is proof that their pongs have come too.
    for (const inbox of inboxes) await inbox.take(100);
    WS.send(server, 'last');
    WS.send(client, 'last');
    for (const inbox of inboxes) await inbox.take(1);
    for (const socket of [server, client]) assert.notEqual(WS.info(socket).latency, null);
  });

  for (const from of ['server', 'client']) {
    test(`${kind}: a close by the ${from} ends both`, async (t) => {
      const ends = await connected(t, kind);
      const [near, far] = from === 'server' ? [ends.server, ends.client] : [ends.client, ends.server];
      const inbox = messages(far);
      messages(near);
      const over = Promise.all([closed(near), closed(far)]);
      WS.send(near, 'last words');
      WS.close(near, 4000, 'bye');
      assert.equal((await inbox.next()).payload.toString(), 'last words');
      await over;
      for (const socket of [near, far]) {
        assert.equal(WS.send(socket, 'late'), false);
        assert.equal(WS.close(socket), false);
      }
    });
  }

  test(`${kind}: a frame goes before the end() of the same tick`, async (t) => {
    const { server, client } = await connected(t, kind);
    const inbox = messages(client);
    messages(server);
    const over = closed(client);
    for (const text of ['one', 'two', 'three']) WS.send(server, text);
    server.end();
    assert.deepEqual((await inbox.take(3)).map(({ payload }) => payload.toString()), ['one', 'two', 'three']);
    await over;
  });

  test(`${kind}: a violation is answered and ends the connection`, async (t) => {
    const { server, client } = await connected(t, kind);
    messages(server);
    const inbox = messages(client);
    const over = closed(server);
    client.write(Buffer.concat([peerOf('server').frame(3), peerOf('server').text('late')]));
    await over;
    assert.deepEqual(inbox.left, []);
  });
}

test('plain objects: write and end are all that is asked of a socket', async () => {
  const near = plain('client');
  const far = {
    _is_server: true,
    written: [],
    ended: 0,
    write(chunk) { this.written.push(chunk); },
    end() { this.ended++; }
  };
  WS.send(near, 'hello');
  WS.receive(far, wire(near), (payload) => WS.send(far, `echo ${payload}`));
  assert.deepEqual(readable(Buffer.concat(far.written), 'server'), [{ text: 'echo hello' }]);
  WS.receive(far, peerOf('server').close(1000));
  assert.equal(far.ended, 1);
});

test('plain objects: methods of a class, and a write that returns nothing', () => {
  class Least {
    written = [];
    write(chunk) { this.written.push(chunk); }
    end() { this.written.push('end'); }
  }
  const socket = new Least();
  assert.equal(WS.send(socket, 'a'), true);
  assert.equal(socket.written.length, 1);
  socket._is_server = true;
  WS.receive(socket, peerOf('server').close(1001));
  assert.equal(socket.written.at(-1), 'end');
});
