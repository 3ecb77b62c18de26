'use strict';

// Scenarios 1, 2 and 9 with the article's own programs, only their import line changed, and with
// the examples of this repository, which make the same calls in the same order.
// The article's programs are no part of the repository, and their port is fixed.

const test = require('node:test');
const assert = require('node:assert/strict');
const { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { once } = require('node:events');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { peerOf } = require('./support/frames.js');
const { accepting } = require('./support/clients.js');
const { openAsClient, readHead } = require('./support/handshake.js');
const { HOST, connect, listen } = require('./support/sockets.js');
const { frames } = require('./support/inbox.js');
const { Program } = require('./support/child.js');

const ROOT = join(__dirname, '..');
const SEED = join(ROOT, '../shared/seed');
const SEED_PORT = 12345;
const skip = existsSync(SEED) ? false : 'the article\'s programs (../shared/seed) are not here';

const PROTOCOL = { 'sec-websocket-protocol': 'me-want-cookies' };
const UPGRADED = /^WS\.upgrade\(\) successful\.$/;
const RECEIVED =
  /^Received request {2}<Buffer 22 7b 5c 22 66 6f 6f 5c 22 3a 5c 22 62 61 72 5c 22 7d 22>$/;

/** How the article's programs come to their `WS`, and the name of the file that results. */
const VARIANTS = {
  article: (source) => [source, '.mjs'],
  import: (source) => [withOneLineChanged(source, './WS.mjs', 'ws13-native'), '.mjs'],
  require: (source) => [asCommonJs(withOneLineChanged(source, './WS.mjs', 'ws13-native')), '.cjs']
};

function withOneLineChanged(source, from, to) {
  assert.equal(source.split(`'${from}'`).length, 2, 'one line imports WS');
  return source.replace(`'${from}'`, `'${to}'`);
}

function asCommonJs(source) {
  return source.replace(/^import (.+) from ('[^']+');$/gm, 'const $1 = require($2);');
}

/** A folder with the article's programs in `variant`, where 'ws13-native' is this checkout. */
function seedFolder(t, variant) {
  const folder = mkdtempSync(join(tmpdir(), 'seed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/ws13-native'), 'junction');
  if (variant === 'article') cpSync(join(SEED, 'WS.mjs'), join(folder, 'WS.mjs'));
  const paths = {};
  for (const name of ['server', 'client']) {
    const [source, extension] = VARIANTS[variant](readFileSync(join(SEED, `${name}.mjs`), 'utf8'));
    paths[name] = join(folder, name + extension);
    writeFileSync(paths[name], source);
  }
  return paths;
}

function start(t, file, args = [], env = {}) {
  const program = new Program(process.execPath, [file, ...args], { env: { ...process.env, ...env } });
  t.after(() => program.stop());
  return program;
}

/** The article's server, and a connection that it has accepted. */
async function startSeedServer(t, variant) {
  for (let tries = 0; tries < 10; tries++) {
    await portIsFree();
    const program = start(t, seedFolder(t, variant).server);
    const socket = await reach(program);
    // It ends in silence where somebody else has taken the port in the meantime.
    if (socket !== null) return { program, socket };
  }
  return assert.fail(`port ${SEED_PORT} is in use`);
}

/** It prints nothing when it listens, so it is asked until it answers; null if it has ended. */
async function reach(program) {
  while (program.ended === undefined) {
    try {
      const socket = await connect(SEED_PORT, { host: 'localhost' });
      await Promise.all([openAsClient(socket, PROTOCOL), program.line(UPGRADED)]);
      return socket;
    } catch (error) {
      await pause();
      if (error.code !== 'ECONNREFUSED' && program.ended === undefined) throw error;
    }
  }
  return null;
}

/** Others may use the same port in their tests; nothing tells when they are done. */
async function portIsFree() {
  for (let tries = 0; ; tries++) {
    const probe = net.createServer().listen(SEED_PORT);
    try {
      await once(probe, 'listening');
      probe.close();
      return once(probe, 'close');
    } catch (error) {
      if (error.code !== 'EADDRINUSE' || tries > 300) throw error;
      await pause();
    }
  }
}

function pause() {
  return new Promise((resolve) => { setTimeout(resolve, 100); });
}

/** A hundred pings by hand; each has its pong. */
async function assertAnswered(socket, role) {
  const inbox = frames(socket);
  const names = Array.from({ length: 100 }, (_, at) => `ping ${at}`);
  for (const name of names) socket.write(peerOf(role).ping(name));
  assert.deepEqual(await inbox.take(100), names.map((name) => ({ pong: Buffer.from(name).toString('hex') })));
}

for (const [scenario, serverVariant, clientVariant] of [
  ['scenario 1', 'import', 'import'], ['scenario 1', 'require', 'require'],
  ['scenario 2', 'import', 'article'], ['scenario 2', 'article', 'import']
]) {
  test(`${scenario}: the article's server (${serverVariant}) and client (${clientVariant})`, { skip }, async (t) => {
    const { program: server, socket } = await startSeedServer(t, serverVariant);
    const client = start(t, seedFolder(t, clientVariant).client);
    await server.line(RECEIVED);
    socket.destroy();
    // Both stay up: the server takes another connection, the client has not gone meanwhile.
    const another = await connect(SEED_PORT, { host: 'localhost' });
    await openAsClient(another, PROTOCOL);
    another.destroy();
    assert.equal(server.ended, undefined, server.output);
    assert.equal(client.ended, undefined, client.output);
  });
}

test('scenario 9: a hundred pings through the article\'s server', { skip }, async (t) => {
  const { program, socket } = await startSeedServer(t, 'import');
  await assertAnswered(socket, 'server');
  assert.equal(program.ended, undefined, program.output);
  socket.destroy();
});

test('scenario 9: a hundred pings through the article\'s client', { skip }, async (t) => {
  await portIsFree();
  const listener = net.createServer().listen(SEED_PORT);
  const client = start(t, seedFolder(t, 'import').client);
  const [socket] = await once(listener, 'connection');
  socket.on('error', () => {});
  t.after(() => { socket.destroy(); listener.close(); });
  await acceptByHand(socket);
  // Its first message tells that it is ready: what comes in one chunk with the 101 it does not see.
  await once(socket, 'data');
  await assertAnswered(socket, 'client');
  assert.equal(client.ended, undefined, client.output);
});

async function acceptByHand(socket) {
  socket.write(accepting(await readHead(socket), 'Sec-WebSocket-Protocol: me-want-cookies'));
}

test('scenario 1: the examples\' server and client', async (t) => {
  const server = start(t, join(ROOT, 'examples/server.mjs'), [], { PORT: '0' });
  const [port] = /\d+/.exec(await server.line(/^Listening on port \d+\.$/));
  const client = start(t, join(ROOT, 'examples/client.mjs'), [HOST, port]);
  await server.line(UPGRADED);
  await server.line(RECEIVED);
  const socket = await connect(Number(port));
  await openAsClient(socket, PROTOCOL);
  await assertAnswered(socket, 'server');
  assert.equal(server.ended, undefined, server.output);
  assert.equal(client.ended, undefined, client.output);
  socket.destroy();
});

test('scenario 9: a hundred pings through the examples\' client', async (t) => {
  const listener = net.createServer();
  const port = await listen(listener);
  const client = start(t, join(ROOT, 'examples/client.mjs'), [HOST, port]);
  const [socket] = await once(listener, 'connection');
  socket.on('error', () => {});
  t.after(() => { socket.destroy(); listener.close(); });
  await acceptByHand(socket);
  const message = frames(socket);
  assert.deepEqual(await message.next(), { text: JSON.stringify('{"foo":"bar"}') });
  await assertAnswered(socket, 'client');
  assert.equal(client.ended, undefined, client.output);
});
