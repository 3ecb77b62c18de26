'use strict';

// An http server whose upgrades are not all for one WS.listen.

const assert = require('node:assert/strict');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const { once } = require('node:events');
const { Duplex } = require('node:stream');
const { describe, test } = require('node:test');
const ws = require('ws');
const { WS } = require('..');
const { attach } = require('../lib/attach.js');
const { listen, listenerOf } = require('../lib/listen.js');
const { send } = require('../lib/send.js');
const { upgrade } = require('../lib/upgrade.js');
const { peerOf } = require('./support/frames.js');
const { readHead, requestHead, requestHeaders } = require('./support/handshake.js');
const { Inbox } = require('./support/inbox.js');
const { HOST, ask, dial, emptied, identity, opening, recorder, wholeAnswer } = require('./support/listening.js');

/** So many bytes that come next, and no more. */
async function readBytes(socket, count) {
  for (;;) {
    const bytes = socket.read(count);
    if (bytes !== null) return bytes;
    await once(socket, 'readable');
  }
}

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

describe('an upgrade to something else', () => {
  const H2C = { 'connection': 'Upgrade, HTTP2-Settings', 'upgrade': 'h2c', 'sec-websocket-key': undefined };
  /** Such a request, and the answer on a connection that goes on. */
  const askAgain = async (client, method, body) => {
    const head = requestHead(requestHeaders({ ...H2C, 'content-length': body?.length }), '/page');
    client.write(head.replace('GET', method));
    // Behind its head, as a second packet.
    await new Promise(setImmediate);
    if (body !== undefined) client.write(body);
    const { status, headers } = await readHead(client);
    return [status, String(await readBytes(client, Number(headers['content-length'])))];
  };
  const echoPage = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(`${request.method} ${request.url} ${body}`);
  };
  const serve = async (t, server) => {
    server.listen(0, HOST);
    t.after(() => {
      server.close();
      server.closeAllConnections?.();
    });
    await once(server, 'listening');
  };

  const newer = !('shouldUpgradeCallback' in http.createServer()) && 'needs shouldUpgradeCallback';
  const SERVERS = {
    http: () => http.createServer(echoPage),
    https: () => https.createServer(identity, echoPage),
    http2: () => http2.createSecureServer({ ...identity, allowHTTP1: true }, echoPage)
  };
  for (const [name, create] of Object.entries(SERVERS)) {
    test(`is a page: ${name}`, { skip: newer }, async (t) => {
      const server = create();
      server.keepAliveTimeout = 1000;
      listen(server, { open: (socket) => send(socket, 'open') });
      await serve(t, server);
      const client = await dial(server);
      for (let count = 0; count < 12; count++) {
        assert.deepEqual(await askAgain(client, 'GET'), [200, 'GET /page ']);
        assert.deepEqual(await askAgain(client, 'POST', 'a=b'), [200, 'POST /page a=b']);
      }
      client.write(opening());
      assert.equal((await readHead(client)).status, 101);
      assert.equal(String(await readBytes(client, 6)).slice(2), 'open');
      client.destroy();
    });
  }

  test('is refused where somebody else listens, there are no pages, or it is half a WebSocket', async (t) => {
    const others = http.createServer(echoPage).on('upgrade', () => {});
    const none = http.createServer();
    const half = http.createServer(echoPage);
    for (const [server, changes] of [[others, {}], [none, {}], [half, { 'sec-websocket-key': 'a' }]]) {
      listen(server, {});
      await serve(t, server);
      assert.equal((await ask(server, requestHead(requestHeaders({ ...H2C, ...changes })))).status, 400);
    }
  });

  test('is what the server says it is', { skip: newer }, async (t) => {
    const server = http.createServer({ shouldUpgradeCallback: ({ url }) => url === '/chat?x=1' }, echoPage);
    listen(server, { open: (socket) => send(socket, 'open') });
    await serve(t, server);
    const client = await dial(server);
    client.write(requestHead(requestHeaders(), '/other'));
    const { status, headers } = await readHead(client);
    assert.deepEqual([status, String(await readBytes(client, Number(headers['content-length'])))], [200, 'GET /other ']);
    client.write(opening());
    assert.equal((await readHead(client)).status, 101);
    client.destroy();
  });
});

describe('requests that are sent in one go with an upgrade', () => {
  const page = (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  /** A server that keeps its pages until the test gives them. */
  const holding = async (t, handlers, options) => {
    const held = new Inbox();
    const server = http.createServer((request, response) => held.push([request, response]));
    listen(server, handlers, options).listen(0, HOST);
    t.after(() => server.close().closeAllConnections());
    await once(server, 'listening');
    return { server, held };
  };

  for (const [name, upgrade] of Object.entries({ 'at once': () => true, 'late': async () => true })) {
    test(`are answered before it, which is accepted ${name}`, async (t) => {
      const { handlers, inbox } = recorder({ upgrade });
      const { server, held } = await holding(t, handlers);
      const client = await dial(server);
      client.write(Buffer.concat([Buffer.from(page('/1') + page('/2')), opening({}, 'a')]));
      const [first, second] = await held.take(2);
      // More of it comes while the upgrade waits.
      client.write(peerOf('server').text('b'));
      second[1].end('two');
      first[1].end('one');
      for (const body of ['one', 'two']) {
        assert.equal((await readHead(client)).status, 200);
        assert.equal(String(await readBytes(client, 3)), body);
      }
      assert.equal((await readHead(client)).status, 101);
      const [[, socket], ...messages] = await inbox.take(3);
      assert.deepEqual(messages.map(([, , payload]) => String(payload)), ['a', 'b']);
      assert.equal(socket.timeout, 0);
      client.destroy();
    });
  }

  const asks = { upgrade: () => assert.fail('asked') };
  test('and are the last: there is no upgrade', async (t) => {
    const { server, held } = await holding(t, asks);
    const client = await dial(server);
    client.write(Buffer.concat([Buffer.from(page('/')), opening()]));
    const answer = wholeAnswer(client);
    const [[, response]] = await held.take(1);
    response.setHeader('Connection', 'close').end('one');
    const { status, body } = await answer;
    assert.deepEqual([status, body], [200, 'one']);
    await emptied(server);
  });

  test('are answered before the refusal where the server is shut down meanwhile', async (t) => {
    const { server, held } = await holding(t, asks);
    const client = await dial(server);
    client.write(Buffer.concat([Buffer.from(page('/')), opening()]));
    const [[, response]] = await held.take(1);
    const down = WS.shutdown(server, { timeout: 10_000 });
    response.end('one');
    assert.equal((await readHead(client)).status, 200);
    assert.equal(String(await readBytes(client, 3)), 'one');
    assert.equal((await readHead(client)).status, 503);
    client.resume();
    await down;
  });

  test('and are not answered in time: the connection is cut, with no refusal in an answer', async (t) => {
    const { server, held } = await holding(t, asks, { handshakeTimeout: 20 });
    const client = await dial(server);
    client.write(Buffer.concat([Buffer.from(page('/')), opening()]));
    const answer = wholeAnswer(client);
    const [[, response]] = await held.take(1);
    response.setHeader('Content-Length', 4).write('one');
    const { status, body } = await answer;
    assert.deepEqual([status, body], [200, 'one']);
    await emptied(server);
  });
});

test('a Duplex whose write asks about the socket while its 101 is written', async () => {
  const answers = [];
  const opened = [];
  const server = listen(http.createServer(), { open: (socket) => opened.push(WS.info(socket).state) });
  const duplex = new Duplex({
    read() {},
    write(_chunk, _encoding, callback) {
      answers.push(WS.send(this, 'in front'));
      callback();
    }
  });
  server.emit('connection', duplex);
  duplex.push(opening());
  await once(server, 'upgrade');
  assert.deepEqual([answers, opened], [[false], ['open']]);
  duplex.destroy();
});

test('a Duplex that its 101 destroys', async () => {
  const server = listen(http.createServer(), { open: () => assert.fail('open') });
  const duplex = new Duplex({ read() {}, write() { this.destroy(new Error('gone')); } });
  server.emit('connection', duplex);
  duplex.push(opening());
  // `once` of node:events would take the error.
  await new Promise((resolve) => { duplex.once('close', resolve); });
  assert.equal(listenerOf(server).handshakes.size, 0);
});
