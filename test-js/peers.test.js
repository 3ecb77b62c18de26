'use strict';

// Against the libraries that others use, in both roles where they have both, and against itself.

const test = require('node:test');
const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { SERVERS, CLIENTS, meet: open } = require('./support/peers.js');

const OWN = 'ws13-native';
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000, 1 << 20];

/** Every pair with this library on one side at least. */
const PAIRS = Object.keys(SERVERS).flatMap((server) => Object.keys(CLIENTS).map((client) => [server, client]))
  .filter((pair) => pair.includes(OWN));

/** `{ server, client }`, connected for as long as the test lasts. */
async function meet(t, serverName, clientName) {
  const { server, client, release } = await open(serverName, clientName);
  t.after(release);
  return { server, client };
}

function bytes(length) {
  const all = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) all[at] = (at * 31 + (at >> 8)) & 0xff;
  return all;
}

/** Gives back every message until the connection closes. */
async function echo(end) {
  try {
    for (;;) {
      const { payload, isBinary } = await end.inbox.next();
      end.send(isBinary ? payload : payload.toString());
    }
  } catch (error) {
    assert.equal(error.message, 'closed');
  }
}

async function assertEchoed(end, payload) {
  end.send(payload);
  const { payload: back, isBinary } = await end.inbox.next();
  assert.equal(isBinary, typeof payload !== 'string');
  assert.ok(Buffer.from(payload).equals(back), `${payload.length} came back as ${back.length} other bytes`);
}

for (const [serverName, clientName] of PAIRS) {
  const name = `server ${serverName}, client ${clientName}`;

  test(`scenario 6: ${name}: text and binary of every length form, both ways`, async (t) => {
    for (const from of ['server', 'client']) {
      const ends = await meet(t, serverName, clientName);
      const near = ends[from];
      echo(ends[from === 'server' ? 'client' : 'server']);
      for (const size of SIZES) {
        await assertEchoed(near, bytes(size));
        await assertEchoed(near, '\u00fc'.repeat(size / 2));
      }
    }
  });

  test(`${name}: 1,000 messages each way at once, in order`, async (t) => {
    const { server, client } = await meet(t, serverName, clientName);
    const texts = Array.from({ length: 1000 }, (_, at) => `${at} ${'x'.repeat(at % 300)}`);
    for (const text of texts) {
      server.send(text);
      client.send(text);
    }
    for (const end of [server, client]) {
      const got = await end.inbox.take(1000);
      assert.deepEqual(got.map(({ payload }) => payload.toString()), texts);
    }
  });

  test(`${name}: pings and pongs both ways`, async (t) => {
    const { server, client } = await meet(t, serverName, clientName);
    for (const end of [server, client]) if (end.ping !== null) await end.ping('are you there');
  });

  for (const from of ['server', 'client']) {
    test(`${name}: a close by the ${from}`, async (t) => {
      const ends = await meet(t, serverName, clientName);
      const [near, far] = from === 'server' ? [ends.server, ends.client] : [ends.client, ends.server];
      near.close(4000, 'bye');
      const [[nearCode], farSaw] = await Promise.all([near.closed, far.closed]);
      assert.equal(nearCode, 4000);
      assert.deepEqual(farSaw, [4000, 'bye']);
    });
  }
}

for (const [serverName, clientName] of [[OWN, OWN], [OWN, 'ws'], ['ws', OWN]]) {
  test(`scenario 6: server ${serverName}, client ${clientName}: 64 MiB both ways`, async (t) => {
    const { server, client } = await meet(t, serverName, clientName);
    echo(server);
    await assertEchoed(client, bytes(64 << 20));
    t.diagnostic('64 MiB there and back');
  });
}

test('scenario 16: two processes, each server and client of the other, 10,000 messages each way at once', async (t) => {
  const children = [1, 2].map(() => fork(join(__dirname, 'children/mesh.js'), { timeout: 60_000 }));
  const exits = children.map((child) => once(child, 'exit'));
  const ports = await Promise.all(children.map(async (child) => (await once(child, 'message'))[0].port));
  const reports = children.map((child) => once(child, 'message'));
  children.forEach((child, at) => child.send({ port: ports[1 - at] }));
  for (const [report] of await Promise.all(reports)) {
    assert.deepEqual(report, { received: { accepted: 10_000, opened: 10_000 }, pongs: true });
    t.diagnostic('20,000 messages in order');
  }
  assert.deepEqual(await Promise.all(exits), [[0, null], [0, null]]);
});
