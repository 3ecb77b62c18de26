'use strict';

// listen with a client of python's `websockets`, where python and the package can be had.

const assert = require('node:assert/strict');
const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, describe, it } = require('node:test');
const { WS } = require('../index.js');
const { selfSigned } = require('./support/certificate.js');
const { Program } = require('./support/child.js');
const { findPython } = require('./support/python.js');
const { HOST } = require('./support/sockets.js');

const folder = mkdtempSync(join(tmpdir(), 'ws13-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const identity = selfSigned();
writeFileSync(join(folder, 'cert.pem'), identity.cert);

// Talks to the server of its arguments `kind where`, and prints what it has seen.
const CLIENT = `
import asyncio, ssl, sys
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

kind, where = sys.argv[1:]
common = dict(compression=None, max_size=None, proxy=None)

def dial(path, **more):
    if kind == "unix":
        return unix_connect(where, uri="ws://localhost" + path, compression=None, max_size=None, **more)
    if kind == "TLS":
        context = ssl.create_default_context(cafile="cert.pem")
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        return connect(f"wss://${HOST}:{where}{path}", ssl=context, server_hostname="localhost", **common, **more)
    return connect(f"ws://${HOST}:{where}{path}", **common, **more)

async def main():
    async with dial("/", subprotocols=["none", "chat"]) as peer:
        print("protocol", peer.subprotocol)
        for payload in ["", "жук и птица", b"", bytes(70_000), b"ab" * (1 << 19)]:
            await peer.send(payload)
            assert await peer.recv() == payload
        await peer.send(["жук", " и ", "птица"])
        assert await peer.recv() == "жук и птица"
        await (await peer.ping(b"p" * 125))
        print("echoed")
        await peer.close(4000, "enough")
        print("closed", peer.close_code)
    async with dial("/") as peer:
        await peer.send("close me")
        try:
            await peer.recv()
        except ConnectionClosed as closed:
            print("closed", closed.rcvd.code, closed.rcvd.reason, closed.rcvd_then_sent)
    try:
        async with dial("/forbidden"):
            print("open")
    except InvalidStatus as refusal:
        print("refused", refusal.response.status_code)

asyncio.run(asyncio.wait_for(main(), 30))
`;

const SAID = [
  'protocol chat', 'echoed', 'closed 4000', 'closed 4001 as you wish True', 'refused 403'
];

const python = findPython();

const PLACES = {
  TCP: { server: () => net.createServer(), where: { port: 0, host: HOST } },
  TLS: { server: () => tls.createServer(identity), where: { port: 0, host: HOST } },
  unix: { server: () => net.createServer(), where: { path: join(folder, 'listen.sock') } }
};

describe('listen with python websockets', { skip: python === null && 'python websockets cannot be installed' }, () => {
  for (const [kind, place] of Object.entries(PLACES)) {
    it(`over ${kind}`, { timeout: 60_000 }, async (t) => {
      const ends = [];
      const server = WS.listen(place.server(), {
        upgrade: ({ url }) => (url === '/forbidden' ? 403 : { protocol: 'chat' }),
        message(socket, payload, isBinary) {
          if (!isBinary && payload.equals(Buffer.from('close me'))) WS.close(socket, 4001, 'as you wish');
          else WS.send(socket, payload, { binary: isBinary });
        },
        close: (_socket, ...end) => ends.push(end)
      });
      server.listen(place.where);
      await once(server, 'listening');
      t.after(() => server.close());

      const where = place.where.path ?? String(server.address().port);
      const client = new Program(python, ['-c', CLIENT, kind, where], { cwd: folder });
      t.after(() => client.stop());
      const { code } = await client.exited;
      assert.equal(code, 0, client.output);
      assert.deepEqual(client.output.split('\n'), SAID);
      await WS.shutdown(server);
      assert.deepEqual(ends, [[4000, 'enough', true], [4001, 'as you wish', true]]);
    });
  }
});
