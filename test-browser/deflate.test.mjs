// Chromium against WS.listen with compression, each way, with and without contexts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { WS } from 'ws13-native';
import { launchBrowser } from './support/browser.mjs';

const HOST = '127.0.0.1';
const SETTINGS = [
  {},
  { serverNoContextTakeover: false, clientNoContextTakeover: false },
  { serverNoContextTakeover: false, serverMaxWindowBits: 9, clientMaxWindowBits: 10, threshold: 0 }
];

let browser;

before(async () => { browser = await launchBrowser(); });
after(() => browser?.close());

for (const perMessageDeflate of SETTINGS) {
  test(`compressed both ways: ${JSON.stringify(perMessageDeflate)}`, { timeout: 60_000 }, async (t) => {
    const ended = [];
    const server = WS.listen(http.createServer((_request, response) => response.end('A page.')), {
      message: (socket, payload, isBinary) => { WS.send(socket, payload, { binary: isBinary }); },
      close: (socket) => ended.push(WS.info(socket))
    }, { perMessageDeflate });
    server.listen(0, HOST);
    await once(server, 'listening');
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`http://${HOST}:${server.address().port}/`);
    const { extensions, bytes } = await page.evaluate(echo);
    assert.match(extensions, /^permessage-deflate/);
    server.closeAllConnections();
    await WS.shutdown(server);
    const [{ bytesReceived, bytesSent, compression: { received, sent } }] = ended;
    assert.ok(bytesReceived < bytes / 2 && bytesSent < bytes / 2, `${bytesReceived} and ${bytesSent} of ${bytes}`);
    assert.ok(received.messages >= 4 && sent.messages >= 4);
  });
}

/** In the page: sends texts and bytes, and tells how many bytes have come back as they were. */
async function echo() {
  const row = (id) => JSON.stringify({ id, name: `user${id * 7919 % 1000}`, value: Math.sin(id) });
  const text = (rows) => Array.from({ length: rows }, (_, id) => row(id)).join('\n');
  const socket = new WebSocket(`ws://${location.host}/`);
  socket.binaryType = 'arraybuffer';
  await new Promise((resolve) => { socket.onopen = resolve; });
  let bytes = 0;
  for (const rows of [0, 1, 50, 2000, 50, 20_000]) {
    for (const payload of [text(rows), new TextEncoder().encode(text(rows))]) {
      const back = new Promise((resolve) => { socket.onmessage = resolve; });
      socket.send(payload);
      const { data } = await back;
      const same = typeof data === 'string' ? data : new TextDecoder().decode(data);
      if (same !== text(rows)) throw new Error(`${rows} rows came back as something else`);
      bytes += same.length;
    }
  }
  const closed = new Promise((resolve) => { socket.onclose = resolve; });
  socket.close(1000);
  await closed;
  return { extensions: socket.extensions, bytes };
}
