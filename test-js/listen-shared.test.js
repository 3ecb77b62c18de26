'use strict';

// An http server whose upgrades are not all for one WS.listen.

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const ws = require('ws');
const { attach } = require('../lib/attach.js');
const { listen } = require('../lib/listen.js');
const { send } = require('../lib/send.js');
const { upgrade } = require('../lib/upgrade.js');
const { HOST, ask } = require('./support/listening.js');

describe('one request is answered once', () => {
  const routed = (handlers) => {
    const inner = listen(http.createServer(), handlers);
    return (...args) => inner.emit('upgrade', ...args);
  };
  const byHand = ({ headers }, socket, head) => {
    if (upgrade(socket, headers)) attach(socket, { open: () => send(socket, 'by hand') }, { head });
  };
  const greeting = (name, more) => ({ open: (socket) => send(socket, name), ...more });
  const late = { upgrade: async () => true };
  const CASES = {
    'by hand before listen': [(server) => { server.on('upgrade', byHand); listen(server, greeting('listen')); }, 'by hand'],
    'by hand before a late listen': [(server) => {
      server.on('upgrade', byHand);
      listen(server, greeting('listen', late));
    }, 'by hand'],
    'two of listen': [(server) => {
      listen(server, greeting('first'));
      server.on('upgrade', routed(greeting('second')));
    }, 'first'],
    'two late ones of listen': [(server) => {
      listen(server, greeting('first', late));
      server.on('upgrade', routed(greeting('second', late)));
    }, 'first']
  };
  for (const [name, [set, expected]] of Object.entries(CASES)) {
    test(name, async (t) => {
      const client = new ws.WebSocket(urlOf(await pages(t, set)));
      assert.equal(String((await once(client, 'message'))[0]), expected);
      client.close(1000);
      assert.equal((await once(client, 'close'))[0], 1000);
    });
  }

  for (const [name, handlers] of Object.entries({ listen: greeting('listen'), 'a late listen': greeting('listen', late) })) {
    test(`by hand behind ${name}: refused, and the connection unharmed`, async (t) => {
      let error;
      const server = await pages(t, (server) => {
        listen(server, handlers);
        server.on('upgrade', (...args) => { assert.throws(() => byHand(...args), (thrown) => { error = thrown; return true; }); });
      });
      const client = new ws.WebSocket(urlOf(server));
      assert.equal(String((await once(client, 'message'))[0]), 'listen');
      assert.equal(error.code, 'ERR_INVALID_STATE');
      client.terminate();
    });
  }

  test('refused by the program before listen', async (t) => {
    const server = await pages(t, (server) => {
      server.on('upgrade', ({ url }, socket) => { if (url !== '/chat') socket.end('HTTP/1.1 404 Not Found\r\n\r\n'); });
      listen(server, greeting('listen'));
    });
    const refused = new ws.WebSocket(urlOf(server));
    const [error] = await once(refused, 'error');
    assert.match(error.message, /404/);
    const client = new ws.WebSocket(`${urlOf(server)}/chat`);
    assert.equal(String((await once(client, 'message'))[0]), 'listen');
    client.terminate();
  });

  async function pages(t, set) {
    const server = http.createServer();
    set(server);
    server.listen(0, HOST);
    t.after(() => server.close().closeAllConnections());
    await once(server, 'listening');
    return server;
  }

  const urlOf = (server) => `ws://${HOST}:${server.address().port}`;
});

const newer = !('shouldUpgradeCallback' in http.createServer()) && 'needs shouldUpgradeCallback';
test('an upgrade to something else is a page, where the server says so', { skip: newer }, async (t) => {
  const isWebSocket = ({ headers }) => headers.upgrade.toLowerCase() === 'websocket';
  const server = http.createServer({ shouldUpgradeCallback: isWebSocket }, (_request, response) => response.end('a page'));
  listen(server, { open: (socket) => send(socket, 'open') }).listen(0, HOST);
  t.after(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const request = ['GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade, close', 'Upgrade: h2c', '', ''];
  const { status, body } = await ask(server, request.join('\r\n'));
  assert.deepEqual([status, body], [200, 'a page']);
  const client = new ws.WebSocket(`ws://${HOST}:${server.address().port}`);
  assert.equal(String((await once(client, 'message'))[0]), 'open');
  client.terminate();
});
