// examples/: what the article's printed server and client get wrong, and these get right.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { FrameReader, payloadOf } from '../demo/public/frame.js';
import { parseHead } from '../examples/handshake.mjs';
import { makeFrame } from './support/frames.mjs';
import { Program } from './support/program.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const REQUEST = [
  'GET / HTTP/1.1',
  'connection: keep-alive, UPGRADE',
  'UPGRADE: WebSocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: first, me-want-cookies',
  'Sec-WebSocket-Version: 13'
];
const HELLO = makeFrame(0x81, Uint8Array.from(Buffer.from('Hello')), true);
const PRINTED = 'WS.upgrade() successful.\nReceived request  <Buffer 48 65 6c 6c 6f>\n';

const limits = { timeout: 20_000 };

test('server: lists and any case in the headers, and a frame in the same packet', limits, async (t) => {
  const server = await startServer(t);
  const socket = connect(t, server.port);
  socket.write(Buffer.concat([head(REQUEST), HELLO]));
  await server.program.printed(/Received request/);
  assert.equal(server.printed(), PRINTED);
});

test('server: a handshake and a frame byte by byte', limits, async (t) => {
  const server = await startServer(t);
  const socket = connect(t, server.port);
  for (const byte of Buffer.concat([head(REQUEST), HELLO])) {
    // Each write in a packet of its own.
    await new Promise((resolve) => { socket.write(Buffer.of(byte), resolve); });
  }
  await server.program.printed(/Received request/);
  assert.equal(server.printed(), PRINTED);
});

for (const [title, lines] of [
  ['no WebSocket', ['GET / HTTP/1.1', 'Host: localhost']],
  ['another subprotocol', REQUEST.map((line) => line.replace('me-want-cookies', 'me-want-cake'))],
  ['POST', REQUEST.with(0, 'POST / HTTP/1.1')],
  ['"NotUpgrade" in Connection', REQUEST.with(1, 'Connection: NotUpgrade')],
  ['a head without an end', [`GET /${'x'.repeat(10_000)}`]]
]) {
  test(`server: ${title} is 400, and the server goes on`, limits, async (t) => {
    const server = await startServer(t);
    const refused = connect(t, server.port);
    refused.write(head(lines));
    assert.match(Buffer.concat(await refused.toArray()).toString(), /^HTTP\/1\.1 400 /);
    const accepted = connect(t, server.port);
    accepted.write(Buffer.concat([head(REQUEST), HELLO]));
    await server.program.printed(/Received request/);
    assert.equal(server.printed(), PRINTED);
  });
}

test('server: a key that is missing', limits, async (t) => {
  const server = await startServer(t);
  const socket = connect(t, server.port);
  socket.write(head(REQUEST.filter((line) => !line.includes('Key'))));
  assert.match(Buffer.concat(await socket.toArray()).toString(), /^HTTP\/1\.1 400 /);
  await server.program.until(() => server.program.stderr === 'WS.upgrade() unsuccessful.\n');
});

test('server: a peer that resets', limits, async (t) => {
  const server = await startServer(t);
  const socket = connect(t, server.port);
  socket.write(head(REQUEST));
  await server.program.printed(/successful/);
  socket.resetAndDestroy();
  await server.program.until(() => /^Connection lost: /.test(server.program.stderr));
  assert.ok(server.program.isRunning());
});

test('client: a response byte by byte, and a frame in its last packet', limits, async (t) => {
  const { port, arrived } = await startListener(t);
  const client = new Program(t, ['examples/client.mjs', '127.0.0.1', String(port), 'Hello']);
  const { socket, request, firstFrame } = await arrived;
  assert.equal(request.start, 'GET / HTTP/1.1');
  assert.equal(request.headers.host, `127.0.0.1:${port}`);

  const response = head(responseTo(request));
  for (const byte of response.subarray(0, -1)) {
    await new Promise((resolve) => { socket.write(Buffer.of(byte), resolve); });
  }
  socket.write(Buffer.concat([response.subarray(-1), makeFrame(0x81, Uint8Array.of(0x68, 0x69))]));
  await client.printed(/^Received response {2}<Buffer 68 69>\nhi\n$/);

  const frame = await firstFrame;
  assert.equal(frame.masked, true);
  assert.equal(Buffer.from(payloadOf(frame)).toString(), 'Hello');
  socket.end(makeFrame(0x88, Uint8Array.of(3, 232)));
  assert.deepEqual(await client.exit, [0, null]);
});

for (const [title, change] of [
  ['a refusal', () => ['HTTP/1.1 403 Forbidden']],
  ['a wrong accept value', (lines) => lines.map((line) => line.replace(/(Accept: ).*/, '$1abc='))],
  ['a subprotocol that was not asked for', (lines) => lines.map((line) => line.replace('me-want-cookies', 'other'))]
]) {
  test(`client: ${title} is the end`, limits, async (t) => {
    const { port, arrived } = await startListener(t);
    const client = new Program(t, ['examples/client.mjs', '127.0.0.1', String(port)]);
    const { socket, request } = await arrived;
    socket.write(head(change(responseTo(request))));
    assert.deepEqual(await client.exit, [1, null]);
    assert.match(client.stderr, /^The server refused: HTTP\/1\.1 /);
  });
}

test('headers that are called as Object.prototype has it', () => {
  const { start, headers } = parseHead('GET / HTTP/1.1\r\n__proto__: a\r\nconstructor: b\r\nno colon\r\nX: 1\r\nx: 2');
  assert.equal(start, 'GET / HTTP/1.1');
  assert.deepEqual(Object.entries(headers), [['__proto__', 'a'], ['constructor', 'b'], ['x', '1, 2']]);
});

async function startServer(t) {
  const program = new Program(t, ['examples/server.mjs'], { PORT: '0' });
  const [listening, port] = await program.printed(/^Listening on port (\d+)\.\n/);
  return { program, port, printed: () => program.stdout.slice(listening.length) };
}

/** A net server for one client; `arrived` has its socket, its request, and `firstFrame` to come. */
async function startListener(t) {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const arrived = once(server, 'connection').then(async ([socket]) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    socket.setNoDelay(true);
    const [chunk] = await once(socket, 'data');
    return { socket, request: parseHead(chunk.toString()), firstFrame: firstFrameOf(socket) };
  });
  return { port: server.address().port, arrived };
}

function connect(t, port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

function responseTo({ headers }) {
  const accept = createHash('sha1').update(headers['sec-websocket-key'] + GUID).digest('base64');
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    'Sec-WebSocket-Protocol: me-want-cookies'
  ];
}

function firstFrameOf(socket) {
  const reader = new FrameReader(1000);
  return new Promise((resolve) => {
    socket.on('data', (chunk) => {
      const [frame] = reader.push(chunk);
      if (frame !== undefined) resolve(frame);
    });
  });
}

function head(lines) {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}
