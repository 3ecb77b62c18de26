'use strict';

// Compressed messages with the libraries that others use, in both roles; what is compressed indeed is
// counted by the bytes on the wire.

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { describe, it } = require('node:test');
const undici = require('undici');
const ws = require('ws');
const { WS } = require('../index.js');
const { Program } = require('./support/child.js');
const { attempt } = require('./support/clients.js');
const { json } = require('./support/deflate.js');
const { serve } = require('./support/listening.js');
const { findPython } = require('./support/python.js');
const { HOST, listen } = require('./support/sockets.js');

const TEXTS = ['', 'short', json(1023), json(1024), json(5000), json(70_000), json(1 << 20), json(5000), 'end'];
const PLAIN = TEXTS.join('').length;

const SETTINGS = {
  'the defaults': {},
  'contexts': { serverNoContextTakeover: false, clientNoContextTakeover: false },
  'no contexts': { serverNoContextTakeover: true, clientNoContextTakeover: true },
  'small windows': { serverMaxWindowBits: 9, clientMaxWindowBits: 10, serverNoContextTakeover: false }
};

/** A server of ours that gives back all messages, and tells of the connections that have ended. */
async function echoes(t, perMessageDeflate) {
  const ended = [];
  const server = await serve(t, 'own', {
    message: (socket, payload, isBinary) => { WS.send(socket, payload, { binary: isBinary }); },
    close: (socket) => { ended.push(WS.info(socket)); }
  }, { perMessageDeflate });
  return { url: `ws://${HOST}:${server.address().port}/`, server, ended };
}

function assertCompressed({ bytesReceived, bytesSent, compression: { received, sent } }) {
  for (const [bytes, volume] of [[bytesReceived, received], [bytesSent, sent]]) {
    assert.ok(bytes < PLAIN / 2, `${bytes} bytes on the wire for ${PLAIN}`);
    assert.ok(volume.messages >= 5 && volume.compressed < volume.plain / 2 && volume.compressed < bytes);
  }
}

/** Has a client of ours get all texts back from a server of another's. */
async function converse(url, perMessageDeflate) {
  const { socket, inbox } = await attempt(url, { perMessageDeflate });
  for (const text of TEXTS) {
    WS.send(socket, text);
    assert.ok((await inbox.next()).payload.toString() === text);
  }
  assertCompressed(WS.info(socket));
  WS.close(socket, 1000);
  await once(socket, 'close');
}

for (const [name, settings] of Object.entries(SETTINGS)) {
  describe(`with ${name}`, () => {
    it('a client of ws', async (t) => {
      const { url, server, ended } = await echoes(t, settings);
      const client = new ws.WebSocket(url, { perMessageDeflate: true });
      await once(client, 'open');
      for (const text of TEXTS) {
        client.send(text);
        const [payload, isBinary] = await once(client, 'message');
        assert.ok(payload.toString() === text && !isBinary);
      }
      client.close(1000);
      await once(client, 'close');
      await WS.shutdown(server);
      assertCompressed(ended[0]);
    });

    it('a server of ws', async (t) => {
      const server = new ws.WebSocketServer({ host: HOST, port: 0, perMessageDeflate: { threshold: 1024 } });
      t.after(() => server.close());
      server.on('connection', (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })));
      await once(server, 'listening');
      const url = `ws://${HOST}:${server.address().port}/`;
      await converse(url, settings);
    });
  });
}

it('the client of undici, which is Node\'s own WebSocket', async (t) => {
  for (const settings of Object.values(SETTINGS)) {
    const { url, server, ended } = await echoes(t, settings);
    const client = new undici.WebSocket(url);
    await new Promise((resolve) => { client.addEventListener('open', resolve); });
    assert.match(client.extensions, /permessage-deflate/);
    for (const text of TEXTS) {
      const back = new Promise((resolve) => { client.addEventListener('message', resolve, { once: true }); });
      client.send(text);
      assert.ok((await back).data === text);
    }
    client.close(1000);
    await new Promise((resolve) => { client.addEventListener('close', resolve); });
    await WS.shutdown(server);
    // It compresses nothing itself.
    const { bytesSent, compression: { sent } } = ended[0];
    assert.ok(sent.messages >= 5 && bytesSent < PLAIN / 2);
  }
});

// Talks to the server of its argument, or is a server: echoes of compressed messages.
const PYTHON = `
import asyncio, sys
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

def client_extension():
    return [ClientPerMessageDeflateFactory(client_max_window_bits=True)]

def server_extension(**settings):
    return [ServerPerMessageDeflateFactory(**settings)]

async def visit(url):
    async with connect(url, compression=None, extensions=client_extension(), max_size=None, proxy=None) as peer:
        assert peer.protocol.extensions, "no extension"
        async for message in peer:
            await peer.send(message)
    print("closed", peer.close_code)

async def host():
    async def echo(peer):
        async for message in peer:
            await peer.send(message)
    settings = [{}, dict(server_no_context_takeover=True, client_no_context_takeover=True), dict(server_max_window_bits=9, client_max_window_bits=9)]
    servers = [await serve(echo, "${HOST}", 0, compression=None, extensions=server_extension(**one), max_size=None) for one in settings]
    print("listening", *[server.sockets[0].getsockname()[1] for server in servers], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(visit(sys.argv[1]) if len(sys.argv) > 1 else host())
`;

const python = findPython();

describe('python websockets', { skip: python === null && 'python websockets cannot be installed' }, () => {
  for (const [name, settings] of Object.entries(SETTINGS)) {
    it(`as a client, with ${name}`, { timeout: 60_000 }, async (t) => {
      const server = await serve(t, 'own', {
        async open(socket) {
          for (const text of TEXTS) WS.send(socket, text);
        },
        message(socket, payload) {
          got.push(payload.toString());
          if (got.length === TEXTS.length) WS.close(socket, 1000);
        },
        close: (socket) => { ended.push(WS.info(socket)); }
      }, { perMessageDeflate: settings });
      const [got, ended] = [[], []];
      const client = new Program(python, ['-c', PYTHON, `ws://${HOST}:${server.address().port}/`]);
      t.after(() => client.stop());
      const { code } = await client.exited;
      assert.equal(code, 0, client.output);
      assert.equal(client.output, 'closed 1000');
      assert.ok(got.every((text, at) => text === TEXTS[at]));
      await WS.shutdown(server);
      assertCompressed(ended[0]);
    });
  }

  it('as a server', { timeout: 60_000 }, async (t) => {
    const server = new Program(python, ['-c', PYTHON], { stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => server.stop());
    const [, ...ports] = (await server.line(/^listening/)).split(' ');
    for (const port of ports) {
      await converse(`ws://${HOST}:${port}/`, true);
    }
  });
});

it('a server of http, with handshakes by hand', async (t) => {
  const server = http.createServer();
  const port = await listen(server);
  t.after(() => server.close());
  let info;
  server.on('upgrade', (request, socket, head) => {
    WS.upgrade(socket, request.headers, { perMessageDeflate: true });
    const take = (chunk) => WS.receive(socket, chunk, (payload) => WS.send(socket, payload, { binary: false }));
    take(head);
    socket.on('data', take).on('close', () => { info = WS.info(socket); });
  });
  const client = new ws.WebSocket(`ws://${HOST}:${port}/`);
  await once(client, 'open');
  for (const text of TEXTS) {
    client.send(text);
    assert.ok((await once(client, 'message'))[0].toString() === text);
  }
  client.close();
  await once(client, 'close');
  while (info === undefined) await new Promise(setImmediate);
  assertCompressed(info);
});
