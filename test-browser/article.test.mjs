// Scenario 3 of the contract: a real browser, and servers written with the article's calls.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { WS } from 'ws13-native';
import { launchBrowser } from './support/browser.mjs';
import { countCloseWait, startEchoServer } from './support/echo-server.mjs';
import { Program, root } from './support/program.mjs';

const RUNS = 100;
const SEED = join(root, '..', 'shared', 'seed', 'server.mjs');

// What the article's example sends, as its server prints it.
const PRINTED_RUN = [
  'WS.upgrade() successful.',
  'Received request  <Buffer 7b 22 66 6f 6f 22 3a 22 62 61 72 22 7d>',
  'Received request  <Buffer 00 00 00 00 00 00 00 00>'
];

let browser;
let echo;

before(async () => {
  [browser, echo] = await Promise.all([launchBrowser(), startEchoServer()]);
});

after(async () => {
  await browser?.close();
  await echo?.close();
});

test(`text, then binary, to examples/server.mjs: ${RUNS} runs`, { timeout: 60_000 }, async (t) => {
  await sendTwice(t, new Program(t, ['examples/server.mjs'], { PORT: '0' }));
});

test(`text, then binary, to the printed server: ${RUNS} runs`, {
  timeout: 60_000,
  skip: existsSync(SEED) ? false : `the article's files are not here (${SEED})`
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ws13-seed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'server.mjs');
  writeFileSync(file, withOurImport(readFileSync(SEED, 'utf8')));
  const anyPort = new URL('support/any-port.mjs', import.meta.url).href;
  await sendTwice(t, new Program(t, ['--import', anyPort, file]));
});

test("close(1000, 'bye') from the page", { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const [socket] = await connect(page);
  await page.evaluate(() => globalThis.socket.close(1000, 'bye'));
  const { code, wasClean } = await page.evaluate(() => globalThis.socketEnd);
  assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
  await isClosed(socket);
  const { closeCode, closeReason } = WS.info(socket);
  assert.deepEqual({ closeCode, closeReason }, { closeCode: 1000, closeReason: 'bye' });
  assertNoCloseWait();
});

test('close from the server', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const [socket] = await connect(page);
  WS.close(socket, 4000, 'Grüße');
  const event = await page.evaluate(() => globalThis.socketEnd);
  assert.deepEqual(event, { code: 4000, reason: 'Grüße', wasClean: true });
  await isClosed(socket);
  assertNoCloseWait();
});

test('a reload is 1001 for the server, and leaves nothing behind', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const [socket] = await connect(page);
  await page.reload();
  await isClosed(socket);
  assert.equal(WS.info(socket).closeCode, 1001);
  assertNoCloseWait();
});

test('pings of every size are answered by the browser', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const [socket] = await connect(page);
  for (const length of [0, 2, 125]) {
    WS.ping(socket, Buffer.alloc(length, 'p'));
    const [chunk] = await once(socket, 'data');
    // A pong of the same length, masked.
    assert.deepEqual([...chunk.subarray(0, 2)], [0x8a, 0x80 | length]);
    assert.equal(chunk.length, 6 + length);
  }
  assert.equal(await page.evaluate(() => globalThis.socket.readyState), 1);
});

for (const [size, name] of [[70_000, '70,000 B'], [2 ** 20, '1 MiB'], [2 ** 26, '64 MiB']]) {
  test(`${name} there and back, the same bytes`, { timeout: 120_000 }, async (t) => {
    const page = await openPage(t);
    await connect(page);
    assert.equal(await page.evaluate(echoBinary, size), 'equal');
  });
}

test('text of 1 MiB there and back, four bytes a character', { timeout: 60_000 }, async (t) => {
  const page = await openPage(t);
  await connect(page);
  assert.equal(await page.evaluate(() => new Promise((resolve) => {
    const sent = '🍪'.repeat(2 ** 18);
    globalThis.socket.onmessage = ({ data }) => resolve(data === sent);
    globalThis.socket.send(sent);
  })), true);
});

/** The article's example in the browser, over and over: each run is a connection of its own. */
async function sendTwice(t, server) {
  const [, port] = await server.printed(/Listening on port (\d+)/);
  const page = await openPage(t);
  const events = await page.evaluate(runExample, { port, runs: RUNS });
  assert.deepEqual(events, new Array(RUNS).fill({ code: 1000, wasClean: true }));

  const expected = new Array(RUNS).fill(PRINTED_RUN).flat();
  const printed = () => server.stdout.split('\n').slice(1, -1);
  await server.until(() => printed().length >= expected.length);
  assert.deepEqual(printed(), expected);
  assert.equal(server.stderr, '');
  assert.ok(server.isRunning());
}

// Runs in the page.
async function runExample({ port, runs }) {
  const events = [];
  for (let run = 0; run < runs; run++) {
    events.push(await new Promise((resolve) => {
      const data = JSON.stringify({ foo: 'bar' });
      const blob = new Uint8Array(8);
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, ['me-want-cookies']);
      socket.onopen = () => {
        socket.send(data);
        socket.send(blob);
        socket.close(1000, 'bye');
      };
      socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
    }));
  }
  return events;
}

// Runs in the page.
function echoBinary(size) {
  const sent = new Uint8Array(size);
  // A generator with a long period: no two blocks are alike.
  for (let index = 0, state = 1; index < size; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    sent[index] = state >>> 24;
  }
  return new Promise((resolve) => {
    const { socket } = globalThis;
    globalThis.socketEnd.then(({ code, reason }) => resolve(`closed with ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      const received = new Uint8Array(data);
      if (received.length !== size) return resolve(`${received.length} bytes came back`);
      const wrong = sent.findIndex((byte, index) => byte !== received[index]);
      return resolve(wrong === -1 ? 'equal' : `byte ${wrong} differs`);
    };
    socket.send(sent);
  });
}

/** A page of its own, on a site of its own. */
async function openPage(t) {
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(echo.url);
  return page;
}

/** Opens `socket` in the page, `socketEnd` its close event; resolves with the server's end of it. */
async function connect(page) {
  const arrived = once(echo.server, 'websocket');
  await page.evaluate(() => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/`, ['me-want-cookies']);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => resolve();
    globalThis.socket = socket;
    globalThis.socketEnd = new Promise((resolveClosed) => {
      socket.onclose = ({ code, reason, wasClean }) => {
        reject(new Error(`closed with ${code}`));
        resolveClosed({ code, reason, wasClean });
      };
    });
  }));
  return arrived;
}

function withOurImport(text) {
  const changed = text.replace("'./WS.mjs'", `'${pathToFileURL(join(root, 'index.mjs')).href}'`);
  assert.notEqual(changed, text);
  return changed;
}

/** Not `once`: a page that goes away may reset the connection, and 'close' comes after that too. */
function isClosed(socket) {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.on('close', resolve);
  });
}

function assertNoCloseWait() {
  const waiting = countCloseWait(echo.port);
  if (waiting !== null) assert.equal(waiting, 0);
}
