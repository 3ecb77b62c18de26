'use strict';

// connect to a server of python's `websockets`, where python and the package can be had.

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, before, describe, it } = require('node:test');
const { WS } = require('../index.js');
const { selfSigned } = require('./support/certificate.js');
const { Program } = require('./support/child.js');
const { attempt, failure } = require('./support/clients.js');
const { findPython } = require('./support/python.js');
const { HOST } = require('./support/sockets.js');

const folder = mkdtempSync(join(tmpdir(), 'ws13-'));
const identity = selfSigned();

// Echoes; "close me" is answered with a close. Ends with its standard input.
const SERVER = `
import asyncio, http, ssl, sys
from websockets.asyncio.server import serve, unix_serve

async def echo(peer):
    async for message in peer:
        if message == "close me":
            await peer.close(4001, "as you wish")
        else:
            await peer.send(message)

def admit(peer, request):
    if request.path == "/forbidden":
        return peer.respond(http.HTTPStatus.FORBIDDEN, "not you")

async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    common = dict(process_request=admit, subprotocols=["chat"], max_size=None, compression=None)
    plain = await serve(echo, "${HOST}", 0, **common)
    secure = await serve(echo, "${HOST}", 0, ssl=context, **common)
    await unix_serve(echo, "echo.sock", **common)
    ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
    print("listening", *ports, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
`;

const python = findPython();

describe('connect to python websockets', { skip: python === null && 'python websockets cannot be installed' }, () => {
  let server, urls;

  before(async () => {
    for (const name of ['cert', 'key']) writeFileSync(join(folder, `${name}.pem`), identity[name]);
    server = new Program(python, ['-c', SERVER], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    const [, plain, secure] = (await server.line(/^listening/)).split(' ');
    urls = {
      TCP: `ws://${HOST}:${plain}/`, TLS: `wss://${HOST}:${secure}/`, unix: `ws+unix://${join(folder, 'echo.sock')}:/`
    };
  });

  after(() => server.stop());

  const options = { protocols: ['none', 'chat'], tls: { ca: identity.cert, servername: 'localhost' } };

  for (const kind of ['TCP', 'TLS', 'unix']) {
    it(`over ${kind}`, async () => {
      const { socket, inbox, closed, error } = await attempt(urls[kind], options);
      assert.equal(error, undefined);
      assert.equal(WS.info(socket).protocol, 'chat');
      for (const payload of [Buffer.alloc(0), Buffer.alloc(70_000, 7), Buffer.alloc(1 << 20, 'ab')]) {
        WS.send(socket, payload);
        assert.ok((await inbox.next()).payload.equals(payload));
      }
      WS.send(socket, 'жук', { fin: false });
      WS.send(socket, ' и птица');
      assert.deepEqual(await inbox.next(), { payload: Buffer.from('жук и птица'), isBinary: false });
      WS.send(socket, 'close me');
      assert.deepEqual(await closed, { code: 4001, reason: 'as you wish', wasClean: true });
    });
  }

  it('and is told why it is refused', async () => {
    const error = await failure(`${urls.TCP}forbidden`);
    assert.equal(error.status, 403);
    assert.equal(error.body.toString(), 'not you');
  });
});

after(() => rmSync(folder, { recursive: true, force: true }));
