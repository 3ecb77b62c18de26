'use strict';

// Processes and threads whose sockets the reactor reads: when they end by themselves, and how they are
// stopped.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { test } = require('node:test');
const { WS } = require('..');
const { run } = require('./support/child.js');
const { recorder, serve } = require('./support/listening.js');
const { skip } = require('./support/reactor.js');

const options = { skip, timeout: 60_000 };

/** A server, what it hears, and a child that connects to it. */
async function served(t, name) {
  const { handlers, inbox } = recorder({ pong: () => inbox.push(['pong']) });
  const server = await serve(t, 'own', handlers);
  const ended = run('reactor', [name, server.address().port]);
  return { inbox, ended };
}

for (const name of ['client', 'refAgain']) {
  test(`a client alone keeps its process alive: ${name}`, options, async (t) => {
    const { inbox, ended } = await served(t, name);
    const [, socket] = await inbox.next();
    // It is idle again and again: there is nothing that it waits for but us.
    for (const text of ['one', 'two', 'bye']) {
      for (let round = 0; round < 20; round++) {
        WS.ping(socket);
        assert.equal((await inbox.next())[0], 'pong');
      }
      WS.send(socket, text);
    }
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(stdout, 'reactor one\nreactor two\nreactor bye\n');
  });
}

test('a client that is unref\'d does not', options, async (t) => {
  const { inbox, ended } = await served(t, 'unref');
  assert.equal((await inbox.next())[0], 'open');
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stderr, stdout], [0, '', 'reactor\n']);
  assert.equal((await inbox.next())[0], 'close');
});

test('process.exit in a handler', options, async () => {
  const { code, signal, stderr } = await run('reactor', ['exit']);
  assert.deepEqual([code, signal, stderr], [7, null, '']);
});

test('a throw in a handler that nobody takes', options, async () => {
  const { code, signal, stderr } = await run('reactor', ['uncaught']);
  assert.deepEqual([code, signal], [1, null]);
  assert.match(stderr, /Error: in mid-traffic/);
});

for (const [how, rounds] of [['terminate', 15], ['exit', 5]]) {
  test(`worker threads that end in mid-traffic: ${how}`, options, async () => {
    const { code, signal, stdout, stderr } = await run('reactor', ['workers', how, rounds]);
    assert.equal(stderr, '');
    assert.deepEqual([code, signal, stdout], [0, null, 'done\n']);
  });
}

test('the workers of a cluster', options, async () => {
  const { code, stdout, stderr } = await run('reactor', ['cluster']);
  assert.equal(stderr, '');
  assert.deepEqual([code, stdout], [0, '1 reactor,2 reactor\n']);
});

test('a process without a descriptor to spare', options, async () => {
  const file = join(__dirname, 'children/reactor.js');
  const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, file, 'descriptors']);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.equal(output, 'stream a\nreactor a\n');
});

test('a process whose loop does not take the reactor', options, async () => {
  const { code, stdout, stderr } = await run('reactor', ['refused']);
  assert.equal(stderr, '');
  assert.deepEqual([code, stdout], [0, 'stream a\nstream a\nstream a\nasked 1\n']);
});
