// Chromium against WS.listen, on a port that an http or https server shares with it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { WS } from 'ws13-native';
import { launchBrowser } from './support/browser.mjs';

const { selfSigned } = createRequire(import.meta.url)('../test-js/support/certificate.js');

const HOST = '127.0.0.1';
const PAGE = '<!doctype html><meta charset="utf-8"><title>A page to connect from</title>';

const SERVERS = {
  ws: () => http.createServer(answerPage),
  wss: () => https.createServer(selfSigned(), answerPage)
};

let browser;

before(async () => { browser = await launchBrowser(); });
after(() => browser?.close());

for (const [scheme, create] of Object.entries(SERVERS)) {
  describe(scheme, () => {
    const ends = [];
    const pongs = [];
    let server, page;

    before(async () => {
      server = WS.listen(create(), {
        upgrade: ({ url }) => (url === '/forbidden' ? 403 : { protocol: 'chat' }),
        message(socket, payload, isBinary) {
          const [, code, reason] = isBinary ? [] : /^close (\d+) (.*)$/.exec(payload) ?? [];
          if (code !== undefined) WS.close(socket, Number(code), reason);
          else if (!isBinary && payload.equals(Buffer.from('ping me'))) WS.ping(socket, 'a ping');
          else WS.send(socket, payload, { binary: isBinary });
        },
        pong(socket, payload) {
          pongs.push(payload.toString());
          WS.send(socket, 'ponged');
        },
        close: (_socket, ...end) => ends.push(end)
      });
      server.listen(0, HOST);
      await once(server, 'listening');
      page = await browser.newPage({ ignoreHTTPSErrors: true });
      await page.goto(`${scheme === 'ws' ? 'http' : 'https'}://${HOST}:${server.address().port}/`);
    });

    after(async () => {
      await page?.close();
      server?.closeAllConnections();
      await WS.shutdown(server);
    });

    test('text and binary come back as they were', { timeout: 30_000 }, async () => {
      assert.deepEqual(await page.evaluate(echo), { protocol: 'chat', wrong: [] });
      await until(() => ends.length === 1);
      assert.deepEqual(ends.pop(), [1000, 'bye', true]);
    });

    test('pings are answered', { timeout: 30_000 }, async () => {
      assert.deepEqual(await page.evaluate(say, 'ping me'), 'ponged');
      assert.deepEqual(pongs, ['a ping']);
      await until(() => ends.length === 1);
      assert.deepEqual(ends.pop(), [1005, '', true]);
    });

    for (const [code, reason] of [[1000, ''], [1001, 'going'], [1011, 'Grüße'], [3000, ''], [4999, 'жук']]) {
      test(`closed by the server with ${code} ${reason}`, { timeout: 30_000 }, async () => {
        const event = await page.evaluate(say, `close ${code} ${reason}`);
        assert.deepEqual(event, { code, reason, wasClean: true });
        await until(() => ends.length === 1);
        const [echoed, , wasClean] = ends.pop();
        assert.deepEqual([echoed, wasClean], [code, true]);
      });
    }

    test('refused by upgrade', { timeout: 30_000 }, async () => {
      assert.deepEqual(await page.evaluate(refused), { code: 1006, reason: '', wasClean: false });
      assert.deepEqual(ends, []);
    });

    test('a page that goes away', { timeout: 30_000 }, async () => {
      await page.evaluate(open);
      await page.reload();
      await until(() => ends.length === 1);
      assert.equal(ends.pop()[0], 1001);
    });
  });
}

function answerPage(_request, response) {
  response.setHeader('Content-Type', 'text/html');
  response.end(PAGE);
}

/** Runs the event loop until `condition` holds; the test's own timeout bounds it. */
async function until(condition) {
  while (!condition()) await new Promise(setImmediate);
}

// What follows runs in the page.

/** Sends each payload and compares what comes back; then closes. */
function echo() {
  const bytes = (size) => Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  const payloads = ['', 'text', '🍪'.repeat(2 ** 18), new Uint8Array(0), bytes(126), bytes(70_000), bytes(2 ** 20)];
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/`, ['none', 'chat']);
  socket.binaryType = 'arraybuffer';
  const wrong = [];
  let at = 0;
  return new Promise((resolve) => {
    socket.onopen = () => { for (const payload of payloads) socket.send(payload); };
    socket.onmessage = ({ data }) => {
      const sent = payloads[at++];
      const same = typeof sent === 'string' ? data === sent : String(new Uint8Array(data)) === String(sent);
      if (!same) wrong.push(at - 1);
      if (at === payloads.length) socket.close(1000, 'bye');
    };
    socket.onclose = () => resolve({ protocol: socket.protocol, wrong: at === payloads.length ? wrong : `closed at ${at}` });
  });
}

/** Sends a text: gives the answer, or the close event. */
function say(text) {
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/`, ['chat']);
  return new Promise((resolve) => {
    socket.onopen = () => socket.send(text);
    socket.onmessage = ({ data }) => {
      resolve(data);
      socket.close();
    };
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
  });
}

function refused() {
  const socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/forbidden`);
  return new Promise((resolve) => {
    socket.onopen = () => resolve('open');
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
  });
}

function open() {
  globalThis.socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/`, ['chat']);
  return new Promise((resolve) => { globalThis.socket.onopen = () => resolve(); });
}
