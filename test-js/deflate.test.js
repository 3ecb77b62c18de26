'use strict';

// permessage-deflate through the calls: negotiation, what is on the wire, what runs in the background.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { Duplex, Readable } = require('node:stream');
const { describe, it } = require('node:test');
const { WS } = require('../index.js');
const codec = require('../lib/codec.js');
const { attachedPair, until } = require('./support/attached.js');
const { grownBy } = require('./support/child.js');
const { accepting, attempt, failure, serve: serveHeads } = require('./support/clients.js');
const { MARKED, deflated, inflated, json, rawFrames } = require('./support/deflate.js');
const { ROLES, peerOf } = require('./support/frames.js');
const { openAsClient, parseHead, requestHeaders } = require('./support/handshake.js');
const { ask, dial, opening, serve } = require('./support/listening.js');
const { as, plain } = require('./support/plain.js');
const { connected, lasting, netPair } = require('./support/sockets.js');

const KiB = 1024;
const MiB = 1024 * KiB;
const OFFER = { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' };
const CONTEXTS = { serverNoContextTakeover: false, clientNoContextTakeover: false };
const ALONE = { serverNoContextTakeover: true, clientNoContextTakeover: true };
const other = { server: 'client', client: 'server' };

describe('the handshake of a server', () => {
  const line = (extensions, perMessageDeflate) => {
    const socket = plain();
    const headers = { ...requestHeaders(), 'sec-websocket-extensions': extensions };
    WS.upgrade(socket, headers, { perMessageDeflate });
    return parseHead(Buffer.concat(socket.writes.map((bytes) => Buffer.from(bytes))));
  };
  const answered = (...args) => line(...args).headers['sec-websocket-extensions'];

  it('offers nothing unless it is asked to', () => {
    assert.equal(answered('permessage-deflate', undefined), undefined);
    assert.equal(answered('permessage-deflate', false), undefined);
    assert.equal(answered(undefined, true), undefined);
  });

  it('wants no contexts, unless it is told otherwise', () => {
    const contexts = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
    assert.equal(answered('permessage-deflate', true), contexts);
    assert.equal(answered('permessage-deflate', {}), contexts);
    assert.equal(answered('permessage-deflate', CONTEXTS), 'permessage-deflate');
    assert.equal(
      answered('permessage-deflate; client_max_window_bits', { ...CONTEXTS, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }),
      'permessage-deflate; server_max_window_bits=9; client_max_window_bits=10'
    );
  });

  it('declines what it does not know, whatever its name', () => {
    for (const offers of ['constructor', '__proto__; hasOwnProperty=1', 'permessage-deflate; __proto__', ';;']) {
      assert.equal(answered(offers, true), undefined, offers);
      assert.equal(line(offers, true).status, 101);
    }
  });

  it('writes its line behind the others, and WS.info tells it', () => {
    const socket = plain();
    WS.upgrade(socket, { ...requestHeaders(), ...OFFER }, { perMessageDeflate: CONTEXTS });
    const lines = socket.writes.join('').split('\r\n');
    assert.deepEqual(lines.slice(-4), ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Extensions: permessage-deflate', '', '']);
    assert.equal(WS.info(socket).extensions, 'permessage-deflate');
  });

  it('holds for WS.attach, whatever its options say', async (t) => {
    for (const [offers, extensions] of [[{}, ''], [OFFER, 'permessage-deflate']]) {
      const { server } = lasting(t, await netPair());
      WS.upgrade(server, { ...requestHeaders(), ...offers }, { perMessageDeflate: CONTEXTS });
      WS.attach(server, {}, { perMessageDeflate: true });
      assert.equal(WS.info(server).extensions, extensions);
    }
  });

  it('refuses a field that is no list of extensions, where it is strict', async (t) => {
    const server = await serve(t, 'own', {}, {});
    const before = WS.stats().refusals.extensions ?? 0;
    const { status } = await ask(server, opening({ 'sec-websocket-extensions': 'a b' }));
    assert.equal(status, 400);
    assert.equal(WS.stats().refusals.extensions, before + 1);
  });

  it('may differ for each connection, by what upgrade returns', async (t) => {
    const server = await serve(t, 'own', {
      upgrade: ({ url }) => ({ perMessageDeflate: url === '/yes', headers: { 'x-more': '1' } })
    });
    const contexts = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
    for (const [path, extensions] of [['/yes', contexts], ['/no', undefined]]) {
      const far = await dial(server);
      const { headers } = await openAsClient(far, OFFER, path);
      assert.equal(headers['sec-websocket-extensions'], extensions);
      assert.equal(headers['x-more'], '1');
      far.destroy();
    }
  });
});

describe('the handshake of a client', () => {
  const answering = (t, extensions) => serveHeads(t, (head) => (
    accepting(head, ...(extensions === null ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]))
  ));

  it('offers what its option says', async (t) => {
    const { url, requests } = await answering(t, null);
    const all = { ...ALONE, serverMaxWindowBits: 9, clientMaxWindowBits: 8 };
    const offers = [
      [undefined, undefined],
      [false, undefined],
      [true, 'permessage-deflate; client_max_window_bits'],
      [all, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover; '
        + 'server_max_window_bits=9; client_max_window_bits=8']
    ];
    for (const [perMessageDeflate, offer] of offers) {
      const { socket } = await attempt(url, { perMessageDeflate });
      assert.equal(requests.at(-1).headers['sec-websocket-extensions'], offer);
      assert.equal(WS.info(socket).extensions, '');
      assert.equal(WS.info(socket).compression, null);
      socket.destroy();
    }
  });

  it('takes an answer that fits the offer', async (t) => {
    const { url } = await answering(t, 'permessage-deflate; server_no_context_takeover');
    const { socket } = await attempt(url, { perMessageDeflate: true });
    assert.equal(WS.info(socket).extensions, 'permessage-deflate; server_no_context_takeover');
    socket.destroy();
  });

  for (const answer of [
    'permessage-deflate; client_max_window_bits', 'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; constructor', 'permessage-deflate, permessage-deflate', 'permessage-deflate;', 'x-other'
  ]) {
    it(`fails for ${answer}`, async (t) => {
      const { url } = await answering(t, answer);
      assert.equal((await failure(url, { perMessageDeflate: true })).code, 'WS_ERR_HANDSHAKE_EXTENSIONS');
    });
  }

  it('fails for an answer to what it has not offered', async (t) => {
    const { url } = await answering(t, 'permessage-deflate');
    assert.equal((await failure(url, {})).code, 'WS_ERR_HANDSHAKE_EXTENSIONS');
  });
});

for (const role of ROLES) {
  /** An attached end of that role, and the bare one at the other side. */
  const attached = async (t, perMessageDeflate, more = {}) => {
    const pair = await attachedPair(t, { [role]: { perMessageDeflate, ...more } });
    const far = pair[other[role]];
    return { socket: pair[role], far, ...pair.at[role], peer: peerOf(role), next: rawFrames(far) };
  };

  describe(`what a ${role} sends`, () => {
    for (const [how, settings] of Object.entries({ 'with a context': CONTEXTS, 'without contexts': ALONE })) {
      it(`is compressed from the threshold on, ${how}, and never below it`, async (t) => {
        const { socket, next } = await attached(t, { ...settings, threshold: 100 });
        const sizes = [99, 100, 0, 1000, 99, 5000, 1, 100];
        for (const size of sizes) WS.send(socket, json(size));
        const frames = await next(sizes.length);
        assert.deepEqual(frames.map(({ rsv }) => rsv), sizes.map((size) => (size < 100 ? 0 : 4)));
        const context = [];
        for (const [at, { payload, rsv }] of frames.entries()) {
          if (rsv === 0) {
            assert.equal(payload.length, sizes[at]);
            continue;
          }
          context.push(payload);
          const text = settings === CONTEXTS ? inflated(...context) : inflated(payload);
          assert.ok(text.toString().endsWith(json(sizes[at])));
        }
        // All of the last one was there before.
        assert.equal(context.at(-1).length < 20, settings === CONTEXTS);
      });
    }

    it('refers back by no more than 256 bytes in a window of 8 bits', async (t) => {
      // The same again 100 and 700 bytes later, among bytes that match nothing.
      const [near, far] = [randomBytes(100), randomBytes(200)];
      const payload = Buffer.concat([far, near, near, randomBytes(300), far]);
      for (const level of [1, 2, 3, 4, 6, 9]) {
        for (const bits of [8, 11]) {
          const windows = { serverMaxWindowBits: bits, clientMaxWindowBits: bits };
          const { socket, next } = await attached(t, { level, threshold: 0, ...windows });
          WS.send(socket, payload, { fin: false });
          WS.send(socket, payload);
          const [first, second] = await next(2);
          // Its own output is no help to this inflater: it is taken from it 64 bytes at a time.
          const all = [first.payload, second.payload];
          const inflate = () => inflated.with({ windowBits: 8, chunkSize: 64 }, Buffer.concat(all));
          if (bits === 8) assert.ok(inflate().equals(Buffer.concat([payload, payload])), `level ${level}`);
          else assert.throws(inflate, /too far back/, `level ${level}`);
        }
      }
    });

    it('refers back by no more than 8 KiB in a context that begins with a short message', async (t) => {
      const marked = randomBytes(1000);
      const between = () => Array.from({ length: 4 }, () => randomBytes(3000));
      const messages = [marked, ...between(), marked];
      const cases = [
        [{}, messages, false],
        [{ level: 1 }, messages, true],
        [{}, [randomBytes(5000), ...messages], true],
        [{ serverMaxWindowBits: 9, clientMaxWindowBits: 9, level: 1 }, messages, false]
      ];
      for (const [settings, sent, isFound] of cases) {
        const { socket, next } = await attached(t, { ...CONTEXTS, threshold: 0, ...settings });
        for (const message of sent) WS.send(socket, message);
        const payloads = (await next(sent.length)).map(({ payload }) => payload);
        assert.deepEqual(inflated(...payloads), Buffer.concat(sent));
        assert.equal(payloads.at(-1).length < 100, isFound);
      }
    });

    it('counts the bytes of a string, not its characters', async (t) => {
      const { socket, next } = await attached(t, { threshold: 100 });
      const texts = ['x'.repeat(99), 'é'.repeat(49), 'é'.repeat(50), '世'.repeat(33), '世'.repeat(34)];
      for (const text of texts) WS.send(socket, text);
      assert.deepEqual((await next(5)).map(({ rsv }) => rsv), [0, 0, 4, 0, 4]);
    });

    it('goes out as it is with compress: false', async (t) => {
      const { socket, next } = await attached(t, true);
      const text = json(5000);
      WS.send(socket, text, { compress: false });
      WS.send(socket, text, { compress: true });
      WS.send(socket, text);
      WS.send(socket, WS.frame(text, { compress: false }));
      WS.broadcast([socket], text, { compress: false });
      const frames = await next(5);
      assert.deepEqual(frames.map(({ rsv }) => rsv), [0, 4, 4, 0, 0]);
      assert.equal(frames[0].payload.toString(), text);
      assert.equal(inflated(frames[1].payload).toString(), text);
      assert.throws(() => WS.send(socket, text, { compress: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    });

    it('is not compressed where that makes it longer, but for a context', async (t) => {
      const noise = randomBytes(3000);
      for (const [settings, rsv] of [[ALONE, 0], [CONTEXTS, 4]]) {
        const { socket, next } = await attached(t, settings);
        WS.send(socket, noise);
        assert.equal((await next(1))[0].rsv, rsv);
      }
    });

    it('may be a message in parts: RSV1 on the first alone', async (t) => {
      for (const settings of [ALONE, CONTEXTS]) {
        const { socket, next } = await attached(t, { ...settings, threshold: 10 });
        const text = json(40_000);
        WS.send(socket, text.slice(0, 20_000), { fin: false });
        WS.ping(socket, 'between');
        WS.send(socket, text.slice(20_000, 20_003), { fin: false });
        WS.send(socket, '', { fin: false });
        WS.send(socket, text.slice(20_003));
        WS.send(socket, 'short', { fin: false });
        WS.send(socket, text);
        WS.send(socket, text, { fin: false });
        WS.send(socket, '');
        const frames = await next(9);
        assert.deepEqual(frames.map(({ rsv, fin, opcode }) => [rsv, fin, opcode]), [
          [4, false, 1], [0, true, 9], [0, false, 0], [0, false, 0], [0, true, 0],
          [0, false, 1], [0, true, 0], [4, false, 1], [0, true, 0]
        ]);
        const whole = (...at) => Buffer.concat(at.map((number) => frames[number].payload));
        assert.equal(inflated(whole(0, 2, 3, 4)).toString(), text);
        assert.equal(whole(5, 6).toString(), `short${text}`);
        const both = settings === ALONE ? inflated(whole(7, 8)) : inflated(whole(0, 2, 3, 4), whole(7, 8));
        assert.ok(both.toString().endsWith(text));
      }
    });

    it('may be a Readable', async (t) => {
      const { socket, next } = await attached(t, { threshold: 10 });
      const parts = [json(50_000), json(300_000), 'end'];
      WS.send(socket, Readable.from(parts), { binary: false });
      const frames = await next(4);
      assert.deepEqual(frames.map(({ rsv, fin }) => [rsv, fin]), [[4, false], [0, false], [0, false], [0, true]]);
      assert.equal(inflated(Buffer.concat(frames.map(({ payload }) => payload))).toString(), parts.join(''));
    });

    it('may be text whose parts end inside of characters, below the threshold and above it', async (t) => {
      const { socket, next } = await attached(t, { ...ALONE, threshold: 100 });
      const bytes = Buffer.from('\u20ac'.repeat(100_000));
      const text = { binary: false, fin: false };
      for (const [first, second] of [[1, 2], [1, 200_000], [200_000, 200_001]]) {
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        for (const part of parts.slice(0, 2)) WS.send(socket, part, text);
        WS.send(socket, parts[2], { binary: false });
        const frames = await next(3);
        const sent = Buffer.concat(frames.map(({ payload }) => payload));
        assert.equal(frames[0].rsv, first < 100 ? 0 : 4);
        assert.deepEqual(first < 100 ? sent : inflated(sent), bytes);
        WS.send(socket, Readable.from(parts), { binary: false });
        const streamed = Buffer.concat((await next(4)).map(({ payload }) => payload));
        assert.deepEqual(first < 100 ? streamed : inflated(streamed), bytes);
      }
    });

    it('goes on behind a long part that was refused', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const [head, tail] = [Buffer.from([...Buffer.alloc(2000, 'a'), 0xe2]), Buffer.from([0x82, 0xac])];
      WS.send(socket, head, { binary: false, fin: false });
      const refused = await new Promise((resolve) => { WS.send(socket, 'b'.repeat(200_000), resolve); });
      assert.equal(refused.code, 'ERR_INVALID_ARG_VALUE');
      WS.send(socket, tail, { binary: false });
      const frames = await next(2);
      const sent = inflated(Buffer.concat(frames.map(({ payload }) => payload)));
      assert.deepEqual(sent, Buffer.concat([head, tail]));
      assert.throws(() => WS.send(socket, Buffer.alloc(200_000, 0xff), { binary: false }), { code: 'ERR_INVALID_ARG_VALUE' });
    });

    it('goes on behind a short part that was refused, too', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const euro = Buffer.from('\u20ac');
      const rest = Buffer.concat([euro.subarray(1), Buffer.alloc(200_000, 'a')]);
      const text = { binary: false, compress: false };
      WS.send(socket, euro.subarray(0, 1), { ...text, fin: false });
      assert.throws(() => WS.send(socket, Buffer.of(0xff), text), { code: 'ERR_INVALID_ARG_VALUE' });
      WS.send(socket, rest, { binary: false });
      const parts = await next(2);
      assert.ok(Buffer.concat(parts.map(({ payload }) => payload)).equals(Buffer.concat([euro.subarray(0, 1), rest])));
    });

    it('may end with a frame', async (t) => {
      for (const length of [10, 200_000]) {
        const { socket, next } = await attached(t, ALONE);
        WS.send(socket, 'a', { fin: false });
        WS.send(socket, WS.frame('b'.repeat(length)));
        const [first, last] = await next(2);
        assert.deepEqual([first.payload.toString(), first.fin, last.opcode, last.fin], ['a', false, 0, true]);
        assert.equal(last.payload.toString(), 'b'.repeat(length));
      }
    });

    it('costs only its callback where a Readable begins with what is no text', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const failed = new Promise((resolve) => {
        WS.send(socket, Readable.from([Buffer.alloc(200_000, 0xff)]), { binary: false }, resolve);
      });
      WS.send(socket, 'next');
      assert.equal((await failed).code, 'ERR_INVALID_ARG_VALUE');
      assert.equal(String((await next(1))[0].payload), 'next');
    });

    it('keeps the order of what is long and what is short', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const long = json(3 * MiB);
      const called = [];
      assert.equal(WS.send(socket, long, () => called.push('long')), false);
      WS.send(socket, 'short', () => called.push('short'));
      WS.send(socket, randomBytes(200_000), () => called.push('noise'));
      WS.send(socket, new Blob([json(200_000)]), () => called.push('blob'));
      assert.ok(WS.info(socket).bufferedAmount > 3 * MiB);
      WS.close(socket, 1000);
      const frames = await next(5);
      assert.deepEqual(frames.map(({ rsv, opcode }) => [rsv, opcode]), [[4, 1], [0, 1], [0, 2], [4, 2], [0, 8]]);
      assert.equal(inflated(frames[0].payload).toString(), long);
      assert.equal(frames[1].payload.toString(), 'short');
      assert.equal(frames[2].payload.length, 200_000);
      assert.equal(inflated(frames[3].payload).toString(), json(200_000));
      assert.deepEqual(called, ['long', 'short', 'noise', 'blob']);
    });

    it('is a copy: the program may change a long payload at once', async (t) => {
      const { socket, next } = await attached(t, true);
      const payload = Buffer.from(json(MiB));
      WS.send(socket, payload);
      payload.fill(0);
      assert.equal(inflated((await next(1))[0].payload).toString(), json(MiB));
    });

    it('fills the queue where it is long, and a drain follows', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const text = json(200_000);
      for (let round = 0; round < 3; round++) {
        const drained = once(socket, 'drain');
        let count = 1;
        while (WS.send(socket, text) && count < 100) count++;
        assert.ok(count < 5, `${count} messages`);
        await drained;
        for (const { payload } of await next(count)) assert.ok(inflated(payload).toString() === text);
      }
    });

    it('tells the callback where there is no memory for it, and can be sent later', async (t) => {
      const { socket, next } = await attached(t, ALONE);
      const text = json(200_000);
      for (const payload of [text, WS.frame(text)]) {
        const { mock } = t.mock.method(Buffer, 'allocUnsafeSlow', () => { throw new RangeError('no memory'); });
        const failed = await new Promise((resolve) => { WS.send(socket, payload, resolve); });
        mock.restore();
        assert.equal(failed.message, 'no memory');
        assert.equal(WS.info(socket).bufferedAmount, 0);
        WS.send(socket, payload);
        assert.equal(inflated((await next(1))[0].payload).toString(), text);
      }
    });

    it('is a copy of a Readable\'s chunk, too', async (t) => {
      const { socket, next } = await attached(t, { ...ALONE, level: 9 });
      const text = json(8 * MiB);
      const chunk = Buffer.from(text);
      WS.send(socket, Readable.from([chunk]));
      await until(() => WS.info(socket).bufferedAmount >= chunk.length);
      chunk.fill(0);
      const frames = await next(2);
      const sent = inflated(Buffer.concat(frames.map(({ payload }) => payload)));
      assert.ok(sent.equals(Buffer.from(text)));
    });

    it('has to be UTF-8 as text, long or short', async (t) => {
      const { socket } = await attached(t, true);
      const bad = Buffer.alloc(300_000, 0xff);
      for (const size of [2000, 300_000]) {
        assert.throws(() => WS.send(socket, bad.subarray(0, size), { binary: false }), { code: 'ERR_INVALID_ARG_VALUE' });
      }
    });

    it('is dropped, and told so, where the socket goes while it is compressed', async (t) => {
      const { socket } = await attached(t, true);
      const sent = new Promise((resolve) => { WS.send(socket, json(8 * MiB), resolve); });
      socket.destroy();
      assert.equal((await sent).code, 'ERR_SOCKET_CLOSED');
    });
  });

  describe(`what a ${role} gets`, () => {
    it('is inflated and counted, among what is not compressed', async (t) => {
      const { socket, far, inbox, peer } = await attached(t, ALONE);
      const texts = ['a', json(100), json(2047), json(2048), json(2049), json(70_000), json(130_000)];
      for (const text of texts) far.write(Buffer.concat([peer.text(deflated(text), MARKED), peer.text(text)]));
      for (const text of texts) {
        for (const { payload, isBinary } of await inbox.take(2)) {
          assert.equal(payload.toString(), text);
          assert.equal(isBinary, false);
        }
      }
      const { received, sent } = WS.info(socket).compression;
      assert.equal(received.messages, texts.length);
      assert.equal(received.plain, texts.join('').length);
      assert.equal(received.compressed, texts.reduce((sum, text) => sum + deflated(text).length, 0));
      assert.deepEqual(sent, { messages: 0, compressed: 0, plain: 0 });
    });

    it('keeps its order around a long message, control frames included', async (t) => {
      const { far, inbox, peer, next, closed } = await attached(t, ALONE);
      const long = json(16 * MiB);
      far.write(Buffer.concat([
        peer.text('before'), peer.text(deflated(long), MARKED), peer.ping('?'), peer.text(deflated('behind'), MARKED),
        peer.close(1000, 'bye')
      ]));
      assert.equal((await inbox.next()).payload.toString(), 'before');
      assert.ok((await inbox.next()).payload.toString() === long);
      assert.equal((await inbox.next()).payload.toString(), 'behind');
      assert.deepEqual((await next(2)).map(({ opcode }) => opcode), [10, 8]);
      assert.deepEqual((await closed).code, 1000);
    });

    it('is delivered although the peer has gone meanwhile', async (t) => {
      const { far, inbox, peer, closed } = await attached(t, ALONE);
      const long = json(4 * MiB);
      far.end(peer.text(deflated(long), MARKED));
      assert.ok((await inbox.next()).payload.toString() === long);
      assert.deepEqual(await closed, { code: 1006, wasClean: false, error: undefined });
    });

    it('holds nobody else up: others are served while it is unpacked', async (t) => {
      const { far, inbox, peer } = await attached(t, ALONE);
      const beside = await attached(t, ALONE);
      far.write(peer.binary(deflated(Buffer.alloc(64 * MiB)), MARKED));
      let done = false;
      const long = inbox.next().then(() => { done = true; });
      let rounds = 0;
      while (!done) {
        beside.far.write(beside.peer.text('there?'));
        await beside.inbox.next();
        rounds++;
      }
      await long;
      assert.ok(rounds > 5, `${rounds} rounds`);
    });

    it('is moved by a thread where it is long, in one frame or in many', async (t) => {
      const noise = randomBytes(3 * MiB);
      // What begins as zeros is expected to come to far more than it does.
      const messages = [noise, Buffer.concat([Buffer.alloc(MiB), noise])];
      for (const message of messages) {
        const packed = deflated(message);
        for (const size of [10_000, packed.length]) {
          const { far, inbox, peer } = await attached(t, ALONE);
          const copies = t.mock.method(Buffer.prototype, 'copy').mock;
          for (let at = 0; at < packed.length; at += size) {
            const fin = at + size >= packed.length;
            far.write(peer.frame(at === 0 ? 2 : 0, packed.subarray(at, at + size), { fin, rsv: at === 0 ? 4 : 0 }));
          }
          const { payload } = await inbox.next();
          const most = Math.max(0, ...copies.calls.map(({ result }) => result));
          copies.restore();
          assert.ok(payload.equals(message));
          assert.ok(payload.buffer.byteLength <= 2 * payload.length, 'no more than half is wasted');
          assert.ok(most <= 128 * KiB, `${most} bytes were copied at once`);
        }
      }
    });

    it('is told in parts with stream: true, long or short', async (t) => {
      const { far, inbox, peer } = await attached(t, ALONE, { stream: true });
      for (const text of ['', 'short', json(5000), json(2 * MiB)]) {
        far.write(peer.text(deflated(text), MARKED));
        const { payload } = await inbox.next();
        assert.ok(Buffer.concat(await payload.toArray()).toString() === text, `${text.length}`);
      }
    });

    it('waits for a slow reader of a stream', async (t) => {
      const { socket, far, inbox, peer } = await attached(t, ALONE, { stream: true });
      far.write(peer.binary(deflated(Buffer.alloc(32 * MiB)), MARKED));
      const { payload } = await inbox.next();
      await until(() => socket.isPaused() && payload.readableLength > 0);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      assert.ok(payload.readableLength <= MiB, `${payload.readableLength} bytes wait`);
      let length = 0;
      for await (const part of payload) length += part.length;
      assert.equal(length, 32 * MiB);
    });

    it('ends at maxPayload, as one bomb or in small parts', async (t) => {
      const bomb = deflated(Buffer.alloc(200 * MiB));
      assert.ok(bomb.length < 210_000, 'it is a bomb of 1000 to 1');
      const parts = (peer) => Array.from({ length: Math.ceil(bomb.length / 100) }, (_, at) => (
        peer.frame(at === 0 ? 2 : 0, bomb.subarray(at * 100, at * 100 + 100), { fin: false, rsv: at === 0 ? 4 : 0 })
      ));
      for (const frames of [(peer) => [peer.binary(bomb, MARKED)], parts]) {
        for (const stream of [false, true]) {
          const { socket, far, inbox, peer, closed } = await attached(t, ALONE, { maxPayload: 3 * MiB, stream });
          if (stream) inbox.next().then(({ payload }) => payload.on('error', () => {}).resume());
          far.write(Buffer.concat(frames(peer)));
          assert.equal((await closed).error.code, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
          assert.equal(WS.info(socket).closeCode, 1009);
        }
      }
    });

    it('fails with 1007 where it is corrupt, at once or in the background', async (t) => {
      const long = deflated(json(2 * MiB));
      long.fill(0xff, long.length - 2000);
      for (const payload of [Buffer.from('no deflate'), long]) {
        const { far, peer, next, closed } = await attached(t, ALONE);
        far.write(peer.binary(payload, MARKED));
        assert.equal((await closed).error.code, 'WS_ERR_INVALID_DEFLATE');
        assert.equal((await next(1))[0].payload.readUInt16BE(), 1007);
      }
    });

    it('is nobody\'s where the socket goes while it is unpacked', async (t) => {
      const { socket, far, inbox, peer, closed } = await attached(t, ALONE);
      far.write(Buffer.concat([peer.text('now'), peer.binary(deflated(Buffer.alloc(64 * MiB)), MARKED)]));
      await inbox.next();
      socket.destroy();
      assert.equal((await closed).code, 1006);
      assert.equal(inbox.left.length, 0);
    });

    it('waits for WS.resume', async (t) => {
      const { socket, far, inbox, peer } = await attached(t, ALONE, {
        handlers: { message(from, payload) {
          inbox.push(payload.length);
          WS.pause(from);
        } }
      });
      far.write(Buffer.concat([
        peer.text('first'), peer.text(deflated(json(4 * MiB)), MARKED), peer.text(deflated('last'), MARKED)
      ]));
      assert.equal(await inbox.next(), 5);
      for (const length of [4 * MiB, 4]) {
        assert.equal(inbox.left.length, 0);
        WS.resume(socket);
        assert.equal(await inbox.next(), length);
      }
    });

    it('is read by WS.receive, too: a long message comes to its callback later', async (t) => {
      const sockets = await connected(t, 'net');
      const [near, far, peer] = [sockets[role], sockets[other[role]], peerOf(role)];
      WS.attach(near, {}, { perMessageDeflate: true });
      assert.equal(WS.info(near).extensions, 'permessage-deflate');
      far.destroy();
      if (role === 'client') return;
      const socket = plain();
      WS.upgrade(socket, { ...requestHeaders(), ...OFFER }, { perMessageDeflate: true });
      const got = [];
      const chunk = Buffer.concat([peer.text(deflated(json(500)), MARKED), peer.text(deflated(json(MiB)), MARKED), peer.text('end')]);
      WS.receive(socket, chunk, (payload) => got.push(payload.length));
      assert.deepEqual(got, [500]);
      await until(() => got.length === 3);
      assert.deepEqual(got, [500, MiB, 3]);
    });
  });
}

describe('a message in parts', () => {
  it('may be text that is cut inside of a character, packed or not', async (t) => {
    const options = { perMessageDeflate: CONTEXTS };
    const pair = await attachedPair(t, { server: options, client: options });
    const plainly = { compress: false };
    const [short, long] = ['x'.repeat(2000), 'y'.repeat(200_000)];
    const messages = [
      ['', '', {}], [short, '', {}], [short, short, plainly], [short, long, {}], [short, long, plainly],
      [long, short, {}], [long, short, plainly], [long, long, {}]
    ];
    for (const [before, behind, more] of messages) {
      const bytes = Buffer.from(`${before}\u20ac${behind}`);
      const cut = before.length + 2;
      WS.send(pair.server, bytes.subarray(0, cut), { binary: false, fin: false, ...more });
      WS.send(pair.server, bytes.subarray(cut), { binary: false, ...more });
      const [{ payload }] = await pair.at.client.inbox.take(1);
      assert.equal(payload.toString(), `${before}\u20ac${behind}`);
    }
  });

  it('goes on after a last part that is no text', async (t) => {
    const options = { perMessageDeflate: CONTEXTS };
    const pair = await attachedPair(t, { server: options, client: options });
    const refused = new Promise((resolve) => {
      WS.send(pair.server, json(2000), { fin: false });
      WS.send(pair.server, Buffer.alloc(200_000, 0xff), { binary: false }, resolve);
    });
    assert.equal((await refused).code, 'ERR_INVALID_ARG_VALUE');
    WS.send(pair.server, 'the end', { compress: false });
    const [{ payload }] = await pair.at.client.inbox.take(1);
    assert.equal(payload.toString(), `${json(2000)}the end`);
  });
});

describe('both ends', () => {
  const combinations = [
    true, CONTEXTS, { ...CONTEXTS, serverMaxWindowBits: 8, clientMaxWindowBits: 9 },
    { level: 9, memLevel: 1, threshold: 0 }, { level: 0, threshold: 0 }, { level: 1, ...CONTEXTS, threshold: 0 }
  ];
  for (const settings of combinations) {
    it(`agree on ${JSON.stringify(settings)}`, { timeout: 60_000 }, async (t) => {
      const server = await serve(t, 'own', {
        message: (socket, payload, isBinary) => { WS.send(socket, payload, { binary: isBinary }); }
      }, { perMessageDeflate: settings });
      const { socket, inbox } = await attempt(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: settings });
      t.after(() => socket.destroy());
      const sizes = [0, 1, 1023, 1024, 2048, 2049, 16_384, 65_536, 131_073, 2 * MiB];
      for (const size of sizes) {
        for (const payload of [json(size), Buffer.from(json(size)), randomBytes(size)]) {
          WS.send(socket, payload);
          const back = await inbox.next();
          assert.equal(back.isBinary, typeof payload !== 'string');
          assert.ok(back.payload.equals(Buffer.from(payload)), `${size} bytes`);
        }
      }
    });
  }

  it('are counted by WS.stats', async (t) => {
    const before = WS.stats().compression;
    const { server, client, at } = await attachedPair(t, {
      server: { perMessageDeflate: ALONE }, client: { perMessageDeflate: ALONE }
    });
    WS.send(server, json(5000));
    await at.client.inbox.next();
    const { received, sent } = WS.stats().compression;
    assert.equal(sent.messages - before.sent.messages, 1);
    assert.equal(sent.plain - before.sent.plain, 5000);
    assert.equal(received.plain - before.received.plain, 5000);
    const packed = sent.compressed - before.sent.compressed;
    assert.equal(received.compressed - before.received.compressed, packed);
    const { bytesSent, compression } = WS.info(server);
    assert.deepEqual(compression.sent, { messages: 1, compressed: packed, plain: 5000 });
    assert.ok(bytesSent - packed === 4, 'and the frame\'s head');
    client.destroy();
    await at.client.closed;
    assert.equal(WS.info(client).compression.received.plain, 5000, 'known after the end');
  });
});

describe('a context of ours', () => {
  it('is given up when nobody has used it for a while', async (t) => {
    const pair = await attachedPair(t, { server: { perMessageDeflate: CONTEXTS } });
    const next = rawFrames(pair.client);
    const text = json(3000);
    const send = async () => {
      WS.send(pair.server, text);
      const [{ payload }] = await next(1);
      return payload;
    };
    const [first, second] = [await send(), await send()];
    assert.ok(second.length < first.length / 5);
    assert.ok(codec.rest() >= 1, 'connections with an extension');
    assert.ok((await send()).length < first.length / 5, 'it was used since the time before');
    codec.rest();
    codec.rest();
    assert.ok((await send()).equals(first), 'it begins anew');
    assert.ok((await send()).length < first.length / 5);
  });
});

describe('one message to many', () => {
  it('is compressed once for each parameter set', async (t) => {
    const settings = [ALONE, ALONE, { ...ALONE, serverMaxWindowBits: 9 }, CONTEXTS, CONTEXTS, false];
    const ends = [];
    for (const perMessageDeflate of settings) {
      const pair = await attachedPair(t, { server: { perMessageDeflate } });
      ends.push({ socket: pair.server, next: rawFrames(pair.client) });
    }
    const text = json(5000);
    // A context of its own, from here on.
    WS.send(ends[4].socket, text);
    const [first] = await ends[4].next(1);
    const frame = WS.frame(text);
    assert.equal(WS.broadcast(ends.map(({ socket }) => socket), frame), 6);
    const frames = await Promise.all(ends.map(async ({ next }) => (await next(1))[0]));
    assert.deepEqual(frames.map(({ rsv }) => rsv), [4, 4, 4, 4, 4, 0]);
    const payloads = frames.map(({ payload }) => payload);
    assert.ok(payloads[0].equals(payloads[1]) && payloads[0].equals(payloads[3]));
    assert.ok(!payloads[0].equals(payloads[2]), 'with a smaller window');
    for (const payload of payloads.slice(0, 4)) assert.equal(inflated(payload).toString(), text);
    assert.ok(payloads[4].length < payloads[0].length / 10, 'by its own context');
    assert.equal(inflated(first.payload, payloads[4]).toString(), text + text);
    assert.equal(payloads[5].toString(), text);

    // What follows does not refer to what was sent to all.
    WS.send(ends[3].socket, text);
    const [later] = await ends[3].next(1);
    assert.equal(inflated(payloads[3], later.payload).toString(), text + text);
    const { sent } = WS.info(ends[0].socket).compression;
    assert.deepEqual(sent, { messages: 1, compressed: payloads[0].length, plain: 5000 });
  });

  it('goes out as it is where that is shorter, or below the threshold', async (t) => {
    const pair = await attachedPair(t, { server: { perMessageDeflate: { ...ALONE, threshold: 100 } } });
    const next = rawFrames(pair.client);
    const noise = randomBytes(500);
    for (const payload of ['x'.repeat(99), noise, 'x'.repeat(100)]) WS.broadcast([pair.server], payload);
    const frames = await next(3);
    assert.deepEqual(frames.map(({ rsv }) => rsv), [0, 0, 4]);
    assert.ok(frames[1].payload.equals(noise));
  });

  it('is accepted once where it is long and below the threshold, and may begin a message', async (t) => {
    const options = { perMessageDeflate: { ...ALONE, threshold: MiB } };
    const pair = await attachedPair(t, { server: options, client: options });
    const before = WS.info(pair.server).bytesSent;
    const frame = WS.frame(json(200_000), { fin: false });
    WS.send(pair.server, frame);
    WS.send(pair.server, frame);
    WS.send(pair.server, 'the end');
    const [{ payload }] = await pair.at.client.inbox.take(1);
    assert.equal(payload.toString(), `${json(200_000)}${json(200_000)}the end`);
    assert.equal(WS.info(pair.server).bytesSent - before, payload.length + 2 * 10 + 2);
  });

  it('is compressed for each client, which has to mask it', async (t) => {
    const pair = await attachedPair(t, { client: { perMessageDeflate: ALONE } });
    const next = rawFrames(pair.server);
    WS.broadcast([pair.client], json(5000));
    const [{ payload, masked, rsv }] = await next(1);
    assert.ok(masked && rsv === 4);
    assert.equal(inflated(payload).toString(), json(5000));
  });

  it('waits behind a long one', async (t) => {
    const options = { perMessageDeflate: CONTEXTS };
    const pair = await attachedPair(t, { server: options, client: options });
    WS.send(pair.server, json(MiB));
    WS.broadcast([pair.server], json(2000));
    WS.broadcast([pair.server], json(2 * MiB));
    WS.send(pair.server, 'end');
    const lengths = (await pair.at.client.inbox.take(4)).map(({ payload }) => payload.length);
    assert.deepEqual(lengths, [MiB, 2000, 2 * MiB, 3]);
  });
});

describe('the settings', () => {
  const socket = plain();
  const upgrade = (perMessageDeflate) => () => WS.upgrade(socket, requestHeaders(), { perMessageDeflate });

  it('are checked, and none is coerced', () => {
    assert.throws(upgrade(1), { code: 'ERR_INVALID_ARG_TYPE', message: /"options.perMessageDeflate"/ });
    assert.throws(upgrade(null), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(upgrade({ levle: 1 }), { code: 'ERR_INVALID_ARG_VALUE', message: /"level"/ });
    assert.throws(upgrade({ level: '1' }), { code: 'ERR_INVALID_ARG_TYPE', message: /"options.perMessageDeflate.level"/ });
    const ranges = {
      level: [-1, 10], memLevel: [0, 10], threshold: [-1, 2 ** 53],
      serverMaxWindowBits: [7, 16], clientMaxWindowBits: [7, 16, 8.5]
    };
    for (const [name, values] of Object.entries(ranges)) {
      for (const value of values) assert.throws(upgrade({ [name]: value }), { code: 'ERR_OUT_OF_RANGE' }, `${name} ${value}`);
    }
    for (const name of ['serverNoContextTakeover', 'clientNoContextTakeover']) {
      assert.throws(upgrade({ [name]: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.equal(socket.writes.length, 0);
  });
});

describe('the background', () => {
  it('tells every send whose connection ends before its turn, however many they are', async () => {
    const frame = WS.frame(Buffer.alloc(130 * KiB));
    const sockets = Array.from({ length: 4000 }, () => {
      const socket = as('client', new Duplex({ read() {}, write: (chunk, encoding, callback) => callback() }));
      WS.attach(socket, {}, { perMessageDeflate: CONTEXTS });
      return socket;
    });
    const told = sockets.map((socket) => new Promise((resolve) => { WS.send(socket, frame, resolve); }));
    await new Promise(setImmediate);
    for (const socket of sockets) socket.destroy();
    const errors = await Promise.all(told);
    const codes = new Set(errors.map((error) => error?.code ?? 'none'));
    assert.deepEqual([...codes].filter((code) => code !== 'none'), ['ERR_SOCKET_CLOSED']);
  });

  it('does not grow the process by bombs', { timeout: 60_000 }, async () => {
    const { rss } = await grownBy('bombs');
    assert.ok(rss < 16 * MiB, `${rss} bytes`);
  });
});
