'use strict';

// Every example in a process of its own, with `ws` as its peer where it does not bring one along.
// Those of the four calls, server.mjs and client.mjs, are run by seed.test.js.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const {
  copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync
} = require('node:fs');
const http = require('node:http');
const { once } = require('node:events');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const test = require('node:test');
const { WebSocket, WebSocketServer } = require('ws');
const { selfSigned } = require('./support/certificate.js');
const { Program } = require('./support/child.js');
const { Inbox } = require('./support/inbox.js');

const ROOT = join(__dirname, '..');
const EXAMPLES = join(ROOT, 'examples');
const HOST = '127.0.0.1';
const timeout = 30_000;
/** Windows ends a process at once, whatever signal it is sent. */
const signals = { timeout, skip: process.platform === 'win32' && 'needs signals' };

test('every example is tested', () => {
  const tests = ['examples.test.js', 'seed.test.js'].map((name) => readFileSync(join(__dirname, name), 'utf8'));
  const examples = readdirSync(EXAMPLES).filter((name) => name !== 'handshake.mjs');
  for (const name of examples) {
    assert.ok(tests.some((source) => source.includes(`'${name}'`) || source.includes(`examples/${name}'`)), name);
  }
});

test('express: pages and WebSockets on one port', { timeout }, async (t) => {
  const { port } = await serve(t, 'express.mjs');
  assert.match(await page(port, '/'), /\/ws/);
  const client = await open(t, `ws://${HOST}:${port}/ws?x=1`);
  assert.deepEqual(JSON.parse(await page(port, '/connections')), { count: 1 });
  for (const [payload, isBinary] of [['hello \u20ac', false], [Buffer.from([0, 255]), true]]) {
    client.send(payload);
    assert.deepEqual(await client.inbox.next(), [Buffer.from(payload), isBinary]);
  }
  client.close(1000);
  assert.equal(await client.closed, 1000);
});

test('express: other paths have no WebSocket, and do no harm', { timeout }, async (t) => {
  const { port, program } = await serve(t, 'express.mjs');
  for (const path of ['/', '/wss', '/ws/', '//', '/%']) {
    assert.equal(await refusal(t, `ws://${HOST}:${port}`, path), 404, path);
  }
  assert.deepEqual(JSON.parse(await page(port, '/connections')), { count: 0 });
  assert.equal(program.ended, undefined, program.output);
});

test('tls: echoes over wss:', { timeout }, async (t) => {
  const { cert, port } = await serveTls(t);
  const client = await open(t, `wss://localhost:${port}/`, { ca: cert });
  assert.match(String((await client.inbox.next())[0]), /^Hello over TLSv1\.[23]\.$/);
  client.send('hello');
  assert.deepEqual(await client.inbox.next(), [Buffer.from('hello'), false]);
  client.close(1000);
  assert.equal(await client.closed, 1000);
});

test('tls: a renewed certificate is for new connections, the old ones stay', signals, async (t) => {
  const { cert, folder, port, program } = await serveTls(t);
  const early = await open(t, `wss://localhost:${port}/`, { ca: cert });
  await early.inbox.next();
  writeFileSync(join(folder, 'certificate.pem'), 'no certificate');
  program.child.kill('SIGHUP');
  await program.line(/^The old certificate stays/);
  const renewed = writeIdentity(folder);
  program.child.kill('SIGHUP');
  await program.line(/^Certificate renewed\.$/);
  const late = await open(t, `wss://localhost:${port}/`, { ca: renewed });
  assert.match(String((await late.inbox.next())[0]), /^Hello/);
  early.send('still here');
  assert.deepEqual(await early.inbox.next(), [Buffer.from('still here'), false]);
});

test('tls: without a certificate it tells its usage', { timeout }, async (t) => {
  const program = start(t, 'tls.mjs');
  assert.equal((await program.exited).code, 2);
  assert.match(program.output, /^Usage: /);
});

test('chat: all hear who comes, what is said, and who goes', { timeout }, async (t) => {
  const { port } = await serve(t, 'chat.mjs');
  const ada = await open(t, `ws://${HOST}:${port}/?name=Ada`);
  assert.deepEqual(await event(ada), { type: 'join', name: 'Ada', names: ['Ada'] });
  const joel = await open(t, `ws://${HOST}:${port}/?name=Jo%C3%ABl`);
  const joined = { type: 'join', name: 'Jo\u00ebl', names: ['Ada', 'Jo\u00ebl'] };
  assert.deepEqual(await event(ada), joined);
  assert.deepEqual(await event(joel), joined);
  joel.send('good morning \u2600');
  for (const one of [ada, joel]) {
    assert.deepEqual(await event(one), { type: 'say', name: 'Jo\u00ebl', text: 'good morning \u2600' });
  }
  joel.terminate();
  assert.deepEqual(await event(ada), { type: 'leave', name: 'Jo\u00ebl' });
  const again = await open(t, `ws://${HOST}:${port}/?name=Jo%C3%ABl`);
  assert.deepEqual(await event(again), joined, 'the name is free again');
});

test('chat: names, origins and paths that are not taken', { timeout }, async (t) => {
  const { port } = await serve(t, 'chat.mjs', [], {
    env: { ORIGINS: 'https://a.example,https://b.example' }
  });
  const url = `ws://${HOST}:${port}`;
  const ada = await open(t, url, { origin: 'https://b.example' }, '/?name=Ada');
  await event(ada);
  assert.equal(await refusal(t, url, '/?name=Ada'), 409);
  for (const path of ['/', '/?name=', '/?name=a%20b', `/?name=${'a'.repeat(21)}`, '/?name=%ff']) {
    assert.equal(await refusal(t, url, path), 400, path);
  }
  assert.equal(await refusal(t, url, '/chat?name=Eve'), 404);
  assert.equal(await refusal(t, url, '/?name=Eve', { origin: 'https://a.example.org' }), 403);
  ada.send('alone');
  assert.deepEqual(await event(ada), { type: 'say', name: 'Ada', text: 'alone' }, 'nobody has joined');
});

test('chat: no binary, no long speeches, no floods', { timeout }, async (t) => {
  const { port } = await serve(t, 'chat.mjs');
  const join = (name) => open(t, `ws://${HOST}:${port}/?name=${name}`);
  const [binary, long, flood] = [await join('binary'), await join('long'), await join('flood')];
  binary.send(Buffer.from('bytes'));
  assert.equal(await binary.closed, 1003);
  long.send('x'.repeat(4097));
  assert.equal(await long.closed, 1009);
  for (let count = 0; count < 100; count++) flood.send('again');
  assert.equal(await flood.closed, 1008);
});

test('reconnect: it begins before the server does, and comes back after every loss', { timeout }, async (t) => {
  const port = await freePort();
  const program = start(t, 'reconnect.mjs', [`ws://${HOST}:${port}/`]);
  await program.line(/^Next try in \d+ ms\.$/);
  const server = new WebSocketServer({ port, host: HOST });
  t.after(() => server.close());
  for (const farewell of [(socket) => socket.terminate(), (socket) => socket.close(1001)]) {
    const [socket] = await once(server, 'connection');
    assert.equal(String((await once(socket, 'message'))[0]), 'hello');
    farewell(socket);
  }
  const [socket] = await once(server, 'connection');
  socket.send('welcome back');
  await program.line(/^Received: welcome back$/);
  socket.close(1000, 'that is all');
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  const ends = program.output.split('\n').filter((line) => line.startsWith('Closed'));
  assert.deepEqual(ends, ['Closed with 1006', 'Closed with 1001', 'Closed with 1000 that is all']);
});

test('reconnect: told to stop, it says goodbye', signals, async (t) => {
  const server = await listening(t, new WebSocketServer({ port: 0, host: HOST }));
  const program = start(t, 'reconnect.mjs', [`ws://${HOST}:${server.address().port}/`]);
  const [socket] = await once(server, 'connection');
  const closed = once(socket, 'close');
  await program.line(/^Connected\.$/);
  program.child.kill('SIGTERM');
  assert.equal((await closed)[0], 1000);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test('reconnect: told to stop while nobody answers, it stops', signals, async (t) => {
  const silent = await listening(t, http.createServer().listen(0, HOST));
  silent.on('upgrade', (_request, socket) => socket.resume());
  const program = start(t, 'reconnect.mjs', [`ws://${HOST}:${silent.address().port}/`]);
  await once(silent, 'upgrade');
  program.child.kill('SIGINT');
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  assert.match(program.output, /closed before the answer$/, 'and does not wait for a timeout');
});

test('reconnect: it gives up where the answer stays no, and not before', { timeout }, async (t) => {
  const answers = [503, 429, 403];
  const server = await listening(t, http.createServer().listen(0, HOST));
  server.on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 ${answers.shift()} No\r\nContent-Length: 0\r\n\r\n`);
  });
  const program = start(t, 'reconnect.mjs', [`ws://${HOST}:${server.address().port}/`]);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  assert.deepEqual(answers, []);
});

test('upload: a file arrives as it is, and so does an empty one', { timeout }, async (t) => {
  const { folder, store, port, program } = await serveUploads(t);
  const file = join(folder, 'file');
  for (const bytes of [randomBytes(5_000_011), Buffer.alloc(0)]) {
    writeFileSync(file, bytes);
    const client = start(t, 'upload.mjs', ['from', file, `ws://${HOST}:${port}/`]);
    const [, name] = /^Stored as (\S+)\.$/.exec(await client.line(/^Stored as/));
    assert.deepEqual(await client.exited, { code: 0, signal: null });
    assert.ok(readFileSync(join(store, name)).equals(bytes));
    await program.line(new RegExp(`^Stored ${name}`));
  }
  assert.equal(readdirSync(store).length, 2);
});

test('upload: past the limit nothing is kept, and the client is told', { timeout }, async (t) => {
  const { folder, store, port, program } = await serveUploads(t, { MAX_BYTES: '1000000' });
  const file = join(folder, 'file');
  writeFileSync(file, randomBytes(1_000_001));
  const client = start(t, 'upload.mjs', ['from', file, `ws://${HOST}:${port}/`]);
  assert.deepEqual(await client.exited, { code: 1, signal: null });
  assert.match(client.output, /closed with 1009/);
  await program.line(/^Not stored: /);
  writeFileSync(file, randomBytes(1_000_000));
  const second = start(t, 'upload.mjs', ['from', file, `ws://${HOST}:${port}/`]);
  assert.deepEqual(await second.exited, { code: 0, signal: null }, second.output);
  assert.equal(readdirSync(store).length, 1, 'of the first nothing is left');
});

test('upload: what is cut off is not kept', { timeout }, async (t) => {
  const { store, port, program } = await serveUploads(t);
  const client = await open(t, `ws://${HOST}:${port}/`);
  client.send(randomBytes(100_000), { fin: false });
  client.ping();
  await once(client, 'pong');
  client.terminate();
  await program.line(/^Not stored: /);
  const next = await open(t, `ws://${HOST}:${port}/`);
  next.send('short');
  const [name] = await next.inbox.next();
  assert.deepEqual(readdirSync(store), [String(name)]);
});

test('upload: a folder or file that is not there', { timeout }, async (t) => {
  const { folder, store, port } = await serveUploads(t);
  const missing = start(t, 'upload.mjs', ['from', join(folder, 'missing'), `ws://${HOST}:${port}/`]);
  assert.equal((await missing.exited).code, 1);
  assert.match(missing.output, /ENOENT/);
  rmSync(store, { recursive: true });
  const client = await open(t, `ws://${HOST}:${port}/`);
  client.send('anything');
  assert.equal(await client.closed, 1011);
});

test('graceful: SIGTERM closes all with 1001 and exits with 0; the port is free', signals, async (t) => {
  const first = await serve(t, 'graceful.mjs');
  const url = `ws://${HOST}:${first.port}/`;
  const clients = [await open(t, url), await open(t, url)];
  first.program.child.kill('SIGTERM');
  assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [1001, 1001]);
  assert.deepEqual(await first.program.exited, { code: 0, signal: null });
  const second = await serve(t, 'graceful.mjs', [], { env: { PORT: String(first.port) } });
  assert.equal(second.port, first.port);
  assert.equal(await pidOf(await open(t, url)), second.program.child.pid);
});

test('graceful: SIGUSR2 hands the port to a new process', signals, async (t) => {
  const { port, program } = await serve(t, 'graceful.mjs', [], { detached: true });
  const url = `ws://${HOST}:${port}/`;
  const client = await open(t, url);
  const exited = once(program.child, 'exit');
  program.child.kill('SIGUSR2');
  assert.equal(await client.closed, 1001);
  const successor = await open(t, url);
  const pid = await pidOf(successor);
  assert.notEqual(pid, program.child.pid);
  assert.deepEqual(await exited, [0, null]);
  successor.send('hello');
  assert.deepEqual(await successor.inbox.next(), [Buffer.from('hello'), false]);
  process.kill(pid, 'SIGTERM');
  assert.equal(await successor.closed, 1001);
  // Its output is the one that the first process had: this is the end of both.
  await program.exited;
  assert.match(program.output, new RegExp(`^Process ${pid} is done\\.$`, 'm'));
});

test('graceful: a successor that fails changes nothing, and the next one takes over', signals, async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/ws13-native'));
  const file = join(folder, 'graceful.mjs');
  copyFileSync(join(EXAMPLES, 'graceful.mjs'), file);
  const { port, program } = await serve(t, file, [], { detached: true });
  const url = `ws://${HOST}:${port}/`;
  const client = await open(t, url);
  writeFileSync(file, 'process.exit(3);');
  program.child.kill('SIGUSR2');
  await program.line(/^The successor exited with 3\./);
  assert.equal(await pidOf(client), program.child.pid);
  assert.equal(await pidOf(await open(t, url)), program.child.pid);
  copyFileSync(join(EXAMPLES, 'graceful.mjs'), file);
  program.child.kill('SIGUSR2');
  assert.equal(await client.closed, 1001);
  const pid = await pidOf(await open(t, url));
  assert.notEqual(pid, program.child.pid);
  process.kill(pid, 'SIGTERM');
  await program.exited;
});

/** Runs an example; it is killed when the test is over, and with `detached` all that it has started. */
function start(t, name, args = [], { env, detached = false } = {}) {
  const program = new Program(process.execPath, [resolve(EXAMPLES, name), ...args], {
    env: { ...process.env, ...env }, detached
  });
  t.after(() => {
    if (detached && program.ended === undefined) process.kill(-program.child.pid, 'SIGKILL');
    return program.stop();
  });
  return program;
}

/** Runs one that listens, on a port that is free. */
async function serve(t, name, args = [], { env, detached } = {}) {
  const program = start(t, name, args, { env: { PORT: '0', ...env }, detached });
  const [port] = /\d+/.exec(await program.line(/^Listening on port \d+\.$/));
  return { program, port: Number(port) };
}

async function serveTls(t) {
  const folder = temporaryFolder(t);
  const cert = writeIdentity(folder);
  return { cert, folder, ...await serve(t, 'tls.mjs', [join(folder, 'certificate.pem'), join(folder, 'key.pem')]) };
}

/** Gives the certificate. */
function writeIdentity(folder) {
  const { cert, key } = selfSigned();
  writeFileSync(join(folder, 'certificate.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  return cert;
}

async function serveUploads(t, env) {
  const folder = temporaryFolder(t);
  const store = join(folder, 'store');
  mkdirSync(store);
  return { folder, store, ...await serve(t, 'upload.mjs', ['to', store], { env }) };
}

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ws13-examples-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A client of `ws` that is open: its `inbox` has `[payload, isBinary]`, `closed` becomes the code. */
async function open(t, url, options = {}, path = '') {
  const client = dial(t, url + path, options);
  client.inbox = new Inbox();
  client.on('message', (payload, isBinary) => client.inbox.push([payload, isBinary]));
  client.closed = new Promise((resolve) => { client.on('close', resolve); });
  client.closed.then((code) => client.inbox.close(`closed with ${code}`));
  await once(client, 'open');
  client.on('error', () => {});
  return client;
}

/** The status that a handshake is refused with. */
async function refusal(t, url, path, options) {
  // Set behind the back of `ws`, which would tidy it, as `new URL` does.
  const client = dial(t, url, { ...options, finishRequest: (request) => { request.path = path; request.end(); } });
  const [, response] = await once(client, 'unexpected-response');
  response.resume();
  return response.statusCode;
}

function dial(t, url, options) {
  const client = new WebSocket(url, options);
  t.after(() => { client.on('error', () => {}).terminate(); });
  return client;
}

async function event(client) {
  return JSON.parse((await client.inbox.next())[0]);
}

/** Who has greeted this client. */
async function pidOf(client) {
  const [greeting] = await client.inbox.next();
  return Number(/^Process (\d+)$/.exec(greeting)[1]);
}

async function page(port, path) {
  const [response] = await once(http.get({ port, path, host: HOST, agent: false }), 'response');
  assert.equal(response.statusCode, 200);
  return Buffer.concat(await response.toArray()).toString();
}

/** The server, once it listens, and until the test is over. */
async function listening(t, server) {
  await once(server, 'listening');
  t.after(() => server.close());
  return server;
}

/** A port where nobody listens; the system gives it to nobody else so soon. */
async function freePort() {
  const server = http.createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}
