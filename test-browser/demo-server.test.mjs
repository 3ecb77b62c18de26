// demo/server.js without a browser: files, who may connect, and clients that behave badly.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import * as wire from '../demo/public/frame.js';
import { makeFrame, pattern } from './support/frames.mjs';
import { Program } from './support/program.mjs';
import { RawClient } from './support/raw-client.mjs';

const require = createRequire(import.meta.url);
const { Member } = require('../demo/member.js');
const { start } = require('../demo/server.js');

const { payloadOf } = wire;
const [TEXT, BINARY, PONG] = [0x81, 0x82, 0x8a];
const limits = { timeout: 20_000 };
const TAB = '0123456789abcdef0123456789abcdef';
const MIB = 1024 * 1024;

const ascii = (text) => Uint8Array.from(Buffer.from(text));
const words = (frame) => Buffer.from(payloadOf(frame)).toString();

for (const [path, type] of [
  ['/', 'text/html; charset=utf-8'],
  ['/index.html?x=1', 'text/html; charset=utf-8'],
  ['/style.css', 'text/css; charset=utf-8'],
  ['/app.js', 'text/javascript; charset=utf-8'],
  ['/frame.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'image/svg+xml']
]) {
  test(`GET ${path}`, async (t) => {
    const demo = await startDemo(t);
    const { status, headers, body } = await request(demo, { path });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], type);
    assert.equal(Number(headers['content-length']), body.length);
    assert.match(headers['content-security-policy'], /default-src 'none'/);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  });
}

test('every file that the page asks for is served', async (t) => {
  const demo = await startDemo(t);
  const todo = ['/'];
  const seen = new Set(todo);
  while (todo.length > 0) {
    const { status, body } = await request(demo, { path: todo[0] });
    assert.equal(status, 200, todo[0]);
    todo.shift();
    for (const [, reference, module] of body.toString().matchAll(/(?:src|href)="([^"]+)"|from '\.([^']+)'/g)) {
      const path = reference ?? module;
      if (!seen.has(path)) todo.push(path);
      seen.add(path);
    }
  }
  assert.ok(seen.has('/frame.js'));
});

for (const path of [
  '/server.js', '/package.json', '/../server.js', '/..%2fserver.js', '/%2e%2e/server.js', '//index.html', '/constructor', '*'
]) {
  test(`GET ${path} is 404`, async (t) => {
    const demo = await startDemo(t);
    assert.equal((await request(demo, { path })).status, 404);
  });
}

test('HEAD has no body, POST is 405', async (t) => {
  const demo = await startDemo(t);
  const head = await request(demo, { method: 'HEAD', path: '/app.js' });
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.notEqual(head.headers['content-length'], '0');
  const post = await request(demo, { method: 'POST', path: '/' });
  assert.equal(post.status, 405);
  assert.equal(post.headers.allow, 'GET, HEAD');
});

test("the article's client: no Host, path /, and an echo", async (t) => {
  const demo = await startDemo(t);
  const client = new RawClient(t, demo.port);
  assert.equal(await client.status(), 'HTTP/1.1 101 WebSocket Protocol Handshake');
  assert.match(client.response, /^Sec-WebSocket-Protocol: me-want-cookies$/m);
  client.send(TEXT, ascii('Hello'));
  client.send(BINARY, pattern(70_000));
  await client.until(() => client.frames.length === 2);
  assert.deepEqual(client.frames.map(({ opcode, masked }) => [opcode, masked]), [[1, false], [2, false]]);
  assert.equal(words(client.frames[0]), 'Hello');
  assert.deepEqual(payloadOf(client.frames[1]), pattern(70_000));
});

test('frames in the packet of the handshake are not lost', async (t) => {
  const demo = await startDemo(t);
  const frames = ['one', 'two'].map((text) => makeFrame(TEXT, ascii(text), true));
  const client = new RawClient(t, demo.port, { frames });
  await client.until(() => client.frames.length === 2);
  assert.deepEqual(client.frames.map(words), ['one', 'two']);
});

test('what one says, all hear', async (t) => {
  const demo = await startDemo(t);
  const clients = [1, 2, 3].map(() => new RawClient(t, demo.port));
  await Promise.all(clients.map((client) => client.status()));
  clients[0].send(TEXT, ascii('from the first'));
  await Promise.all(clients.map((client) => client.until(() => client.frames.length === 1)));
  assert.deepEqual(clients.map(({ frames }) => words(frames[0])), new Array(3).fill('from the first'));
});

for (const [origin, host, expected] of [
  [null, null, 101],
  ['http://localhost:1', 'localhost:1', 101],
  ['http://LOCALHOST:1', 'localhost:1', 101],
  ['http://elsewhere.example', 'localhost:1', 403],
  ['http://localhost:2', 'localhost:1', 403],
  ['http://localhost:1.elsewhere.example', 'localhost:1', 403],
  ['null', 'localhost:1', 403],
  ['http://localhost:1', null, 403]
]) {
  test(`Origin ${origin}, Host ${host}: ${expected}`, async (t) => {
    const demo = await startDemo(t);
    const headers = [...(origin === null ? [] : [`Origin: ${origin}`]), ...(host === null ? [] : [`Host: ${host}`])];
    const client = new RawClient(t, demo.port, { headers });
    assert.match(await client.status(), new RegExp(`^HTTP/1\\.1 ${expected} `));
  });
}

test('a handshake without a key is 400, and the connection ends', limits, async (t) => {
  const demo = await startDemo(t);
  const socket = net.connect(demo.port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const chunks = await socket.toArray();
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /);
});

test('a viewer sees the frames of its own tab, both ways, as they were', async (t) => {
  const demo = await startDemo(t);
  const viewer = await openViewer(t, demo);
  const member = new RawClient(t, demo.port, { path: `/?tab=${TAB}` });
  const stranger = new RawClient(t, demo.port);
  await Promise.all([member.status(), stranger.status()]);
  member.send(TEXT, ascii('mine'));
  await viewer.client.until(() => viewer.frames().length === 2);
  stranger.send(TEXT, ascii('yours'));
  await viewer.client.until(() => viewer.frames().length === 3);
  assert.deepEqual(viewer.frames(), [
    ['in', Buffer.from(makeFrame(TEXT, ascii('mine'), true)).toString('hex')],
    ['out', Buffer.from(makeFrame(TEXT, ascii('mine'))).toString('hex')],
    ['out', Buffer.from(makeFrame(TEXT, ascii('yours'))).toString('hex')]
  ]);
});

test('a viewer without the id of a tab is no viewer', async (t) => {
  const demo = await startDemo(t);
  for (const path of ['/', '/?tab=', '/?tab=ABC', `/?tab=${TAB}0`]) {
    const client = new RawClient(t, demo.port, { path, protocol: 'me-want-frames' });
    await client.status();
    assert.doesNotMatch(client.response, /me-want-frames/);
  }
});

test('a viewer asks for a ping, and is told the round trip', async (t) => {
  const demo = await startDemo(t);
  const viewer = await openViewer(t, demo);
  const member = new RawClient(t, demo.port, { path: `/?tab=${TAB}` });
  await member.status();
  viewer.ask({ type: 'ping' });
  await member.until(() => member.frames.length === 1);
  assert.equal(member.frames[0].opcode, 9);
  // Of three pongs the second is the answer; the others are only shown.
  const answer = payloadOf(member.frames[0]);
  for (const [index, payload] of [ascii('other'), answer, answer].entries()) {
    member.send(PONG, payload);
    await viewer.client.until(() => viewer.frames().length === 2 + index);
  }
  const messages = viewer.messages();
  assert.deepEqual(messages.map(({ type }) => type), ['frames', 'frames', 'frames', 'pong', 'frames']);
  assert.ok(messages[3].milliseconds > 0);
});

test('a viewer asks for a close; a code that may not be sent is refused', async (t) => {
  const demo = await startDemo(t);
  const viewer = await openViewer(t, demo);
  const member = new RawClient(t, demo.port, { path: `/?tab=${TAB}` });
  await member.status();
  viewer.ask({ type: 'close', code: 1006, reason: '' });
  await viewer.client.until(() => viewer.messages().length === 1);
  assert.equal(viewer.messages()[0].type, 'refused');
  viewer.ask({ type: 'close', code: 1011, reason: 'on request' });
  await member.until(() => member.frames.length === 1);
  assert.equal(member.frames[0].opcode, 8);
  assert.equal(Buffer.from(payloadOf(member.frames[0])).readUInt16BE(0), 1011);
});

for (const nonsense of ['{', '[]', 'null', '{"type":"constructor"}', `"${'x'.repeat(2000)}"`]) {
  test(`a viewer that asks ${nonsense.slice(0, 25)} is closed`, async (t) => {
    const demo = await startDemo(t);
    const viewer = await openViewer(t, demo);
    viewer.client.send(TEXT, ascii(nonsense));
    await viewer.client.until(() => viewer.client.frames.length === 1);
    const [{ opcode }] = viewer.client.frames;
    assert.equal(opcode, 8);
    assert.equal(Buffer.from(payloadOf(viewer.client.frames[0])).readUInt16BE(0), 1008);
  });
}

test('a viewer that does not read costs a bounded amount, and learns what it missed', async (t) => {
  const demo = await startDemo(t);
  const viewer = await openViewer(t, demo);
  const [viewerSocket] = demo.sockets;
  // As a page that hangs.
  viewer.client.socket.pause();
  const member = new RawClient(t, demo.port, { path: `/?tab=${TAB}` });
  await member.status();

  // Each round goes in and comes back: 200 frames for the viewer, of some 600 bytes.
  let sent = 0;
  const isFull = () => viewerSocket.writableLength > MIB;
  for (let afterFull = 0; afterFull < 50; afterFull += isFull() ? 1 : 0) {
    assert.ok(sent < 100_000, 'the viewer should not take everything');
    member.socket.write(Buffer.concat(new Array(100).fill(makeFrame(BINARY, pattern(256), true))));
    sent += 100;
    await member.until(() => member.frames.length === sent);
    // The last chunk that is let through may be a big one.
    assert.ok(viewerSocket.writableLength < 2 * MIB, `${viewerSocket.writableLength} bytes wait`);
  }

  viewer.client.socket.resume();
  await viewer.client.until(() => viewer.missed() > 0 && viewer.frames().length + viewer.missed() === 2 * sent);
});

test('a member that does not read its echo is not read either', limits, async () => {
  const { socket, waiting } = stuckMember();
  socket.push(makeFrame(BINARY, pattern(2000), true));
  await once(socket, 'pause');
  assert.equal(socket.writableLength, 2004);
  waiting.shift()();
  await once(socket, 'resume');
});

test('a member that never reads is dropped', () => {
  const { socket, member } = stuckMember();
  member.hear(Buffer.alloc(64 * MIB), true);
  assert.equal(socket.destroyed, false);
  member.hear(Buffer.alloc(1), true);
  assert.equal(socket.destroyed, true);
});

test('a flood of tiny frames is shown in part, and the rest is counted', async (t) => {
  const demo = await startDemo(t);
  const viewer = await openViewer(t, demo);
  const member = new RawClient(t, demo.port, { path: `/?tab=${TAB}` });
  await member.status();
  member.socket.write(Buffer.concat(new Array(1000).fill(makeFrame(TEXT, ascii('x'), true))));
  await viewer.client.until(() => viewer.frames().length + viewer.missed() === 2000);
  assert.ok(viewer.missed() >= 1000, 'more than 200 came in one chunk');
});

test('stopping does not wait for a chat that does not answer, nor for a viewer', limits, async (t) => {
  const demo = await startDemo(t);
  const clients = [];
  for (const protocol of ['me-want-cookies', 'me-want-frames']) {
    clients.push(new RawClient(t, demo.port, { path: `/?tab=${TAB}`, protocol, silent: true }));
    await clients.at(-1).status();
  }
  const gone = demo.sockets.map((socket) => once(socket, 'close'));
  await Promise.all([demo.close(), ...gone]);
  for (const client of clients) assert.equal(client.frames.at(-1).opcode, 8);
});

test('a taken port: a clear message and exit code 1', limits, async (t) => {
  const demo = await startDemo(t);
  const second = new Program(t, ['demo/server.js'], { PORT: String(demo.port) });
  assert.deepEqual(await second.exit, [1, null]);
  assert.equal(second.stdout, '');
  assert.match(second.stderr, new RegExp(`^Port ${demo.port} is taken .*PORT=${demo.port + 1}\\.\\n$`));
});

test('a PORT that is none: a clear message and exit code 1', limits, async (t) => {
  for (const port of ['http', '65536', '-1', '1.5']) {
    const program = new Program(t, ['demo/server.js'], { PORT: port });
    assert.deepEqual(await program.exit, [1, null]);
    assert.match(program.stderr, /^PORT is to be a number from 0 to 65535/);
  }
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal}: 1001 to everybody, also to those who do not answer, and exit code 0`, {
    ...limits,
    skip: process.platform === 'win32' ? 'Windows has no signals' : false
  }, async (t) => {
    const program = new Program(t, ['demo/server.js'], { PORT: '0' });
    const [, port] = await program.printed(/http:\/\/localhost:(\d+)\//);
    assert.match(program.stdout, new RegExp(`node examples/client\\.mjs localhost ${port}`));
    const polite = new RawClient(t, port, { path: `/?tab=${TAB}` });
    const viewer = new RawClient(t, port, { path: `/?tab=${TAB}`, protocol: 'me-want-frames' });
    const silent = new RawClient(t, port, { silent: true });
    const idle = net.connect(port, '127.0.0.1');
    t.after(() => idle.destroy());
    idle.on('error', () => {});
    await Promise.all([polite.status(), viewer.status(), silent.status(), once(idle, 'connect')]);

    program.kill(signal);
    await Promise.all([polite, silent].map((client) => client.until(() => client.frames.length === 1)));
    for (const { frames: [frame] } of [polite, silent]) {
      assert.equal(frame.opcode, 8);
      assert.equal(Buffer.from(payloadOf(frame)).readUInt16BE(0), 1001);
    }
    await viewer.until(() => viewer.frames.at(-1)?.opcode === 8);
    assert.deepEqual(await program.exit, [0, null]);
    assert.equal(program.stderr, '');
  });
}

test('examples/client.mjs chats with the demo', limits, async (t) => {
  const demo = await startDemo(t);
  const other = new RawClient(t, demo.port);
  await other.status();
  const client = new Program(t, ['examples/client.mjs', '127.0.0.1', String(demo.port), 'Grüße']);
  await client.printed(/^Received response {2}<Buffer 47 72 c3 bc c3 9f 65>\nGrüße\n/);
  await other.until(() => other.frames.length === 1);
  assert.equal(words(other.frames[0]), 'Grüße');
  other.send(BINARY, Uint8Array.of(0xff, 0));
  await client.printed(/^Received response {2}<Buffer ff 00>\n/m);
  await demo.close();
  assert.deepEqual(await client.exit, [0, null]);
  assert.match(client.stdout, /Connection closed\.\n$/);
});

test('examples/client.mjs where nobody listens', limits, async (t) => {
  const demo = await startDemo(t);
  await demo.close();
  const client = new Program(t, ['examples/client.mjs', '127.0.0.1', String(demo.port)]);
  assert.deepEqual(await client.exit, [1, null]);
  assert.match(client.stderr, /ECONNREFUSED/);
});

/** A demo of its own for each test; `sockets` holds the server's ends in the order of arrival. */
async function startDemo(t) {
  const demo = await start({ port: 0 });
  const sockets = [];
  demo.server.on('connection', (socket) => sockets.push(socket));
  let closed = null;
  const close = () => {
    closed ??= demo.close();
    return closed;
  };
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return close();
  });
  return { ...demo, close, sockets, port: demo.server.address().port };
}

async function request({ port }, { path, method = 'GET' }) {
  const outgoing = http.request({ port, host: '127.0.0.1', path, method, agent: false });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode, headers: response.headers, body };
}

async function openViewer(t, { port }) {
  const client = new RawClient(t, port, { path: `/?tab=${TAB}`, protocol: 'me-want-frames' });
  await client.status();
  assert.match(client.response, /^Sec-WebSocket-Protocol: me-want-frames$/m);
  const messages = () => client.frames.filter(({ opcode }) => opcode === 1).map((frame) => JSON.parse(words(frame)));
  return {
    client,
    messages,
    frames: () => messages()
      .filter(({ type }) => type === 'frames')
      .flatMap(({ direction, frames }) => frames.map((hex) => [direction, hex])),
    missed: () => messages().reduce((sum, { type, count }) => sum + (type === 'missed' ? count : 0), 0),
    ask: (question) => client.send(TEXT, ascii(JSON.stringify(question)))
  };
}

/** A member whose socket takes a write and is `waiting` to be told that it is done. */
function stuckMember() {
  const waiting = [];
  const socket = new Duplex({
    writableHighWaterMark: 1000,
    read() {},
    write(chunk, encoding, done) {
      waiting.push(done);
    }
  });
  socket._is_server = true;
  socket._is_client = false;
  const member = new Member(socket, wire, {
    say: (payload, isBinary) => member.hear(payload, isBinary),
    viewer: () => undefined
  });
  return { socket, waiting, member };
}
