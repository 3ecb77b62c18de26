'use strict';

const assert = require('node:assert/strict');
const { PassThrough } = require('node:stream');
const { describe, test } = require('node:test');
const { attach } = require('../lib/attach.js');
const { info } = require('../lib/info.js');
const { messages } = require('../lib/messages.js');
const { close } = require('../lib/close.js');
const { send } = require('../lib/send.js');
const { attachedPair, keeper, until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { frames } = require('./support/inbox.js');
const { KINDS, closed, connected } = require('./support/sockets.js');

const MiB = 1024 * 1024;

for (const kind of KINDS) {
  test(`iterates over all messages, in order, to the clean end: ${kind}`, async (t) => {
    const { server, client } = await connected(t, kind);
    attach(client, {});
    const got = [];
    const loop = (async () => {
      for await (const { payload, isBinary } of messages(server)) got.push(isBinary ? payload : payload.toString());
    })();
    for (let i = 0; i < 500; i++) send(client, `${i}`);
    send(client, Buffer.from('last'));
    close(client, 1000);
    await loop;
    assert.deepEqual(got, [...Array.from({ length: 500 }, (_, i) => `${i}`), Buffer.from('last')]);
  });
}

describe('a slow consumer', () => {
  test('stops the peer, and loses nothing', async (t) => {
    const { server, client } = await connected(t, 'net');
    const iterator = messages(server);
    const count = 480;
    for (let i = 0; i < count; i++) send(client, Buffer.alloc(100 * 1024, i));
    await until(() => server.isPaused());
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.ok(info(server).bytesReceived < MiB, `${info(server).bytesReceived} bytes were read`);
    assert.ok(info(client).bufferedAmount > 16 * MiB);
    for (let i = 0; i < count; i++) {
      const { value } = await iterator.next();
      assert.equal(value.payload.length, 100 * 1024);
      assert.equal(value.payload[0], i & 0xff);
    }
  });

  test('gets what came before the end, however late', async (t) => {
    const { server, client } = await connected(t, 'net');
    attach(client, {});
    const iterator = messages(server);
    send(client, 'one');
    send(client, 'two');
    close(client, 1000);
    await new Promise((resolve) => { server.on('close', resolve); });
    assert.equal((await iterator.next()).value.payload.toString(), 'one');
    assert.equal((await iterator.next()).value.payload.toString(), 'two');
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });
});

describe('the end', () => {
  test('of a connection that is lost is an error, behind the messages', async (t) => {
    const { server, client } = await connected(t, 'net');
    const iterator = messages(server);
    send(client, 'one');
    client.end();
    assert.equal((await iterator.next()).value.payload.toString(), 'one');
    await assert.rejects(iterator.next(), { code: 'ERR_WS13_ABNORMAL_CLOSURE' });
    assert.equal((await iterator.next()).done, true);
  });

  test('by a violation is its error', async (t) => {
    const { server, client } = await connected(t, 'net');
    const iterator = messages(server);
    client.write(Buffer.concat([peerOf('server').text('one'), peerOf('server').more('two')]));
    assert.equal((await iterator.next()).value.payload.toString(), 'one');
    await assert.rejects(iterator.next(), { code: 'WS_ERR_UNEXPECTED_CONTINUATION', closeCode: 1002 });
  });

  test('reaches every call that waits: the first gets the error', async (t) => {
    const { server, client } = await connected(t, 'net');
    const iterator = messages(server);
    const calls = [iterator.next(), iterator.next(), iterator.next()];
    send(client, 'one');
    client.end();
    const outcomes = await Promise.allSettled(calls);
    assert.equal(outcomes[0].value.value.payload.toString(), 'one');
    assert.equal(outcomes[1].reason.code, 'ERR_WS13_ABNORMAL_CLOSURE');
    assert.deepEqual(outcomes[2].value, { done: true, value: undefined });
  });

  test('by leaving the loop closes the connection with 1000', async (t) => {
    const { server, client } = await connected(t, 'net');
    const wire = frames(client);
    for (let i = 0; i < 100; i++) send(client, Buffer.alloc(10_000));
    for await (const { payload } of messages(server)) {
      assert.equal(payload.length, 10_000);
      break;
    }
    assert.deepEqual(await wire.next(), { close: 1000, reason: '' });
    client.write(peerOf('server').close(1000));
    await new Promise((resolve) => { server.on('close', resolve); });
    assert.equal(info(server).closeCode, 1000);
  });

  test('of a socket that was destroyed before anybody attached it', { timeout: 10_000 }, async () => {
    const socket = new PassThrough();
    const gone = closed(socket);
    socket.destroy();
    await assert.rejects(messages(socket).next(), { code: 'ERR_WS13_ABNORMAL_CLOSURE' });
    await gone;
    const iterator = messages(socket);
    await assert.rejects(iterator.next(), { code: 'ERR_WS13_ABNORMAL_CLOSURE' });
    assert.deepEqual(await iterator.return(), { done: true, value: undefined });
  });

  test('of a socket that is closed already', async (t) => {
    const { server } = await connected(t, 'net');
    const gone = new Promise((resolve) => { server.on('close', resolve); });
    server.destroy();
    await gone;
    await assert.rejects(messages(server).next(), { code: 'ERR_WS13_ABNORMAL_CLOSURE' });
  });
});

test('an attached socket gives its messages to the iterator, the rest to its handlers', async (t) => {
  const { server, client, at } = await attachedPair(t, { server: { text: 'string' }, client: {} });
  const iterator = messages(server);
  send(client, 'one');
  assert.deepEqual((await iterator.next()).value, { payload: 'one', isBinary: false });
  close(client, 1000);
  assert.equal((await iterator.next()).done, true);
  assert.equal((await at.server.closed).code, 1000);
  assert.deepEqual(at.server.inbox.left, []);
  assert.throws(() => messages(server), { code: 'ERR_INVALID_STATE' });
});

test('with `stream: true` the payloads are streams', async (t) => {
  const { server, client } = await connected(t, 'net');
  const iterator = messages(server, { stream: true });
  send(client, 'ab', { fin: false });
  const { value: { payload } } = await iterator.next();
  send(client, 'cd');
  assert.equal(Buffer.concat(await payload.toArray()).toString(), 'abcd');
});

test('the options are those of attach', async (t) => {
  const { server } = await connected(t, 'net');
  assert.throws(() => messages(server, { maxPayload: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => messages(server, { binary: true }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => messages({}), { code: 'ERR_INVALID_ARG_TYPE' });
  const kept = keeper();
  attach(server, kept.handlers);
  assert.throws(() => messages(server, { text: 'string' }), {
    code: 'ERR_INVALID_ARG_VALUE', message: /"options\.text" .* attached already/
  });
});
