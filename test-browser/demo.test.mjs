// The demo in a real browser: what a person does, and what the page then shows.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBrowser, screenshotFolder } from './support/browser.mjs';
import { Program } from './support/program.mjs';

const { start } = createRequire(import.meta.url)('../demo/server.js');

const DESKTOP = { width: 1280, height: 1600 };
const PHONE = { width: 360, height: 740 };

let browser;
let demo;
let screenshots;

before(async () => {
  [browser, demo] = await Promise.all([launchBrowser(), start({ port: 0 })]);
  screenshots = screenshotFolder();
});

after(async () => {
  await browser?.close();
  await demo?.close();
});

test('the page asks nobody else, and nothing is drawn but the example', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const urls = [];
  page.on('request', (request) => urls.push(request.url()));
  await page.reload();
  await page.locator('#example .fields').waitFor();
  assert.ok(urls.length >= 6);
  for (const url of urls) assert.ok(url.startsWith(demo.url), url);
  assert.equal(await page.locator('#frames > li').count(), 0);
  assert.match(await page.locator('#example .says').innerText(), /“Hello”/);
  assert.equal(await page.locator('#protocol').innerText(), 'me-want-cookies');
});

test('two tabs chat, and every frame is drawn', { timeout: 60_000 }, async (t) => {
  const [one, two] = [await openPage(t), await openPage(t)];
  await connect(one);
  await connect(two);

  await one.fill('#text', 'Grüße <b>an</b> alle');
  await one.click('#text-form button');
  await frames(one, 2);
  await frames(two, 1);
  assert.equal(await two.locator('#log .received .text').innerText(), 'Grüße <b>an</b> alle');
  assert.deepEqual(await describe(one), [
    ['server → client', 'text', 'Payload: “Grüße <b>an</b> alle”'],
    ['client → server', 'text', 'Payload, unmasked: “Grüße <b>an</b> alle”']
  ]);

  await two.fill('#bytes', '00 7f 0xff');
  await two.click('#binary-form button');
  await frames(one, 3);
  await frames(two, 3);
  assert.equal(await one.locator('#log .received .text').last().innerText(), '00 7f ff (3 bytes)');
  assert.deepEqual((await describe(one))[0], ['server → client', 'binary', 'Payload: 00 7f ff']);

  await one.click('#ping');
  await frames(one, 5);
  assert.match(await one.locator('#pong').innerText(), /^Pong after \d+\.\d\d ms\.$/);
  assert.deepEqual((await describe(one)).slice(0, 2), [
    ['client → server', 'pong', 'Payload, unmasked: “ping 1”'],
    ['server → client', 'ping', 'Payload: “ping 1”']
  ]);

  await one.click('#close-form button');
  await frames(one, 7);
  await state(one, 'closed');
  const closing = await describe(one);
  assert.deepEqual(closing[1], ['client → server', 'close', 'Code 1000, normal closure: “bye”']);
  assert.deepEqual(closing[0].slice(0, 2), ['server → client', 'close']);
  assert.match(closing[0][2], /^Code 1000, normal closure/);
  assert.match(await one.locator('#log .state').last().innerText(), /closed: code 1000, .*wasClean true/);
  assert.equal(await state(two, 'open'), 'open');
  // The first tab's text, its own binary, and that one's echo: no frame of another connection.
  assert.equal(await two.locator('#frames > li').count(), 3);

  await save(t, one, 'light');
});

test('a frame bit by bit', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  await connect(page);
  await page.fill('#text', 'Hello');
  await page.click('#text-form button');
  await frames(page, 2);
  const [answer, question] = [page.locator('#frames .frame').nth(0), page.locator('#frames .frame').nth(1)];

  assert.deepEqual(await cells(answer), [
    'FIN 1', 'RSV1 0', 'RSV2 0', 'RSV3 0', 'opcode (4) 0001 text', 'MASK 0', 'payload len (7) 0000101 5',
    '48 H', '65 e', '6c l', '6c l', '6f o'
  ]);
  assert.deepEqual(await hexBytes(answer), ['81', '05', '48', '65', '6c', '6c', '6f']);
  assert.deepEqual((await answer.locator('.digit').allInnerTexts()).join(''), `0123${'0123456789'.repeat(3)}01`);

  const bytes = (await hexBytes(question)).map((pair) => parseInt(pair, 16));
  assert.deepEqual(bytes.slice(0, 2), [0x81, 0x85]);
  const key = bytes.slice(2, 6);
  const plain = bytes.slice(6).map((byte, index) => byte ^ key[index % 4]);
  assert.equal(String.fromCharCode(...plain), 'Hello');
  const pairs = await hexBytes(question);
  assert.deepEqual((await cells(question)).slice(5), [
    'MASK 1', 'payload len (7) 0000101 5',
    `masking key (32) ${pairs[2]} ${pairs[3]}`, `masking key, continued ${pairs[4]} ${pairs[5]}`,
    `${pairs[6]} H`, `${pairs[7]} e`, `${pairs[8]} l`, `${pairs[9]} l`, `${pairs[10]} o`
  ]);
});

test('each cell is as wide as its bits, and stands under them', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const example = page.locator('#example');
  const ruler = await boxes(example.locator('.digit:not(.tens)'));
  const bit = ruler[1].x - ruler[0].x;
  const expected = [
    [0, 1], [1, 1], [2, 1], [3, 1], [4, 4], [8, 1], [9, 7], [16, 16], [0, 16], [16, 8], [24, 8], [0, 8], [8, 8], [16, 8]
  ];
  const drawn = await boxes(example.locator('.cell'));
  assert.deepEqual(
    drawn.map(({ x, width }) => [Math.round((x - ruler[0].x) / bit), Math.round(width / bit)]), expected
  );
});

test('a field and its bytes light up together', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  const example = page.locator('#example');
  const lit = async (selector) => example.locator(`${selector}.lit`).allInnerTexts();
  const hint = () => example.locator('.hint').innerText();

  await example.locator('.cell.key').last().hover();
  assert.deepEqual(await lit('.byte'), ['37', 'fa', '21', '3d']);
  assert.equal((await lit('.cell')).length, 2);
  assert.match(await hint(), /^masking key \(32\): .*\(bytes 2–5 of the frame\)$/);

  await example.locator('.byte').first().hover();
  assert.equal((await lit('.cell')).length, 5);
  assert.equal(await hint(), 'Byte 0: FIN 1, RSV1 0, RSV2 0, RSV3 0, opcode (4) 0001');

  await example.locator('.byte').last().hover();
  assert.equal(await hint(), 'Byte 10: payload byte 4: 58 XOR key byte 0 (37) = 6f, “o”');

  await page.locator('h1').hover();
  assert.deepEqual(await lit('.cell'), []);
  assert.equal(await hint(), '');

  await example.locator('.fields').focus();
  for (let step = 0; step < 5; step++) await page.keyboard.press('ArrowRight');
  assert.match(await hint(), /^opcode \(4\): 0x1, text \(bits 4–7\)$/);
  assert.deepEqual(await lit('.byte'), ['81']);
  await page.keyboard.press('ArrowLeft');
  assert.match(await hint(), /^RSV3: 0/);
});

test('the three length forms, and a long payload that is cut', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  await connect(page);
  for (const [index, [size, name, value]] of [
    ['16', 'payload len (7)', '0010000 16'],
    ['200', 'extended payload length (16)', '00 c8 200'],
    ['70000', 'extended payload length (64)', '00 00 70,000']
  ].entries()) {
    await page.selectOption('#random-size', size);
    await page.click('#random');
    await frames(page, 2 * (index + 1));
    for (const nth of [0, 1]) {
      assert.ok((await cells(page.locator('#frames .frame').nth(nth))).includes(`${name} ${value}`));
    }
  }
  const long = page.locator('#frames .frame').first();
  assert.match(await long.locator('.facts').innerText(), /70,000 bytes of payload · 70,010 on the wire/);
  assert.equal(await long.locator('.more').innerText(), '69,962 bytes more, not drawn');
  assert.equal((await hexBytes(long)).length, 48);
  await save(t, page, 'lengths');
});

test('the server closes; a code that no frame may carry is refused', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  await connect(page);
  await page.fill('#code', '1006');
  await page.click('#server-close');
  await page.locator('#problem:not(:empty)').waitFor();
  await page.fill('#code', '1002');
  await page.click('#close-form button');
  assert.match(await page.locator('#problem').innerText(), /1000, or between 3000 and 4999/);
  await page.fill('#code', '1011');
  await page.fill('#reason', 'on request');
  await page.click('#server-close');
  await state(page, 'closed');
  assert.match(await page.locator('#log .state').last().innerText(), /code 1011, reason “on request”, wasClean true/);
  await frames(page, 2);

  await connect(page);
  await page.click('#text-form button');
  await frames(page, 4);
});

test('bytes that are none are explained, not sent', { timeout: 30_000 }, async (t) => {
  const page = await openPage(t);
  await connect(page);
  for (const text of ['0', '0g', '123']) {
    await page.fill('#bytes', text);
    await page.click('#binary-form button');
    assert.match(await page.locator('#problem').innerText(), /Two hexadecimal digits/);
  }
  await page.fill('#bytes', '');
  await page.click('#binary-form button');
  await frames(page, 2);
  assert.equal((await describe(page))[1][2], 'No payload.');
});

test('a flood leaves 200 figures and a page that answers', { timeout: 60_000 }, async (t) => {
  const [page, noisy] = [await openPage(t), await openPage(t)];
  await connect(page);
  await noisy.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/`, ['me-want-cookies']);
    let left = 3000;
    socket.onopen = () => {
      for (let index = 0; index < 3000; index++) socket.send(`message ${index}`);
    };
    socket.onmessage = () => {
      left -= 1;
      if (left === 0) resolve();
    };
  }));
  await page.waitForFunction(() => document.getElementById('count').textContent.startsWith('3,000 seen'));
  await page.waitForFunction(() => document.querySelector('#frames .says').textContent.includes('message 2999'));
  assert.equal(await page.locator('#frames > li').count(), 200);
  assert.match(await page.locator('#count').innerText(), /the last 200 kept/);
  await page.click('#clear');
  assert.equal(await page.locator('#frames > li').count(), 0);
});

test('dark, and as wide as a phone', { timeout: 60_000 }, async (t) => {
  const dark = await openPage(t, { viewport: DESKTOP, colorScheme: 'dark' });
  const phone = await openPage(t, { viewport: PHONE, deviceScaleFactor: 2 });
  for (const [name, page] of Object.entries({ dark, phone })) {
    await connect(page);
    await page.click('#text-form button');
    await page.click('#ping');
    await frames(page, 4);
    await save(t, page, name);
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `${name}: ${inner} pixels in ${outer}`);
  }
  const shades = await Promise.all([dark, phone].map((page) => page.evaluate(
    () => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)
  )));
  assert.ok(shades[0][0] < 64 && shades[1][0] > 192);
});

test('Ctrl-C: the tab sees 1001, and the server exits with 0', {
  timeout: 30_000,
  skip: process.platform === 'win32' ? 'Windows has no signals' : false
}, async (t) => {
  const server = new Program(t, ['demo/server.js'], { PORT: '0' });
  const [, url] = await server.printed(/(http:\/\/localhost:\d+\/)/);
  const page = await openPage(t, { viewport: DESKTOP }, url);
  await connect(page);
  server.kill('SIGINT');
  assert.deepEqual(await server.exit, [0, null]);
  await state(page, 'closed');
  assert.match(await page.locator('#log .state').last().innerText(), /closed: code 1001, .*wasClean true/);
  await frames(page, 2);
  assert.match((await describe(page))[1][2], /^Code 1001, going away/);

  await page.click('#connect');
  await page.locator('#problem:not(:empty)').waitFor();
  assert.match(await page.locator('#problem').innerText(), /does not answer/);
  await state(page, 'closed');
});

/** A new page; whatever its console complains of fails the test. */
async function openPage(t, options = { viewport: DESKTOP }, url = demo.url) {
  const page = await browser.newPage(options);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // The browser's own word for a server that is gone, which one test wants.
    if (message.type() === 'error' && !message.text().includes('ERR_CONNECTION_REFUSED')) complaints.push(message.text());
  });
  t.after(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(url);
  return page;
}

async function connect(page) {
  await page.click('#connect');
  await state(page, 'open');
}

async function state(page, name) {
  await page.locator(`#state[data-state="${name}"]`).waitFor();
  return name;
}

/** Resolves when exactly `number` frames are drawn. */
async function frames(page, number) {
  await page.waitForFunction((expected) => document.querySelectorAll('#frames > li').length === expected, number);
}

/** What the page says about each frame: direction, opcode, payload. */
function describe(page) {
  return page.locator('#frames .frame').evaluateAll((all) => all.map((frame) => [
    '.direction', 'h3', '.says'
  ].map((selector) => frame.querySelector(selector).textContent)));
}

function cells(frame) {
  return frame.locator('.cell').evaluateAll((all) => all.map((cell) => [...cell.children]
    .map(({ textContent }) => textContent).join(' ')));
}

function hexBytes(frame) {
  return frame.locator('.byte').allInnerTexts();
}

function boxes(locator) {
  return locator.evaluateAll((all) => all.map((element) => {
    const { x, width } = element.getBoundingClientRect();
    return { x, width };
  }));
}

async function save(t, page, name) {
  const path = join(screenshots, `${name}.png`);
  await page.mouse.move(0, 0);
  await page.screenshot({ path, fullPage: true });
  t.diagnostic(`screenshot: ${path}`);
}
