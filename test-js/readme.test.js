'use strict';

// What the README and the pages of docs/ say: their programs run, and what they name is there.

const assert = require('node:assert/strict');
const { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { once } = require('node:events');
const { tmpdir } = require('node:os');
const { dirname, join, relative, sep } = require('node:path');
const { after, before, test } = require('node:test');
const ts = require('typescript');
const { WebSocket } = require('ws');
const { limitDefaults } = require('../lib/connection.js');
const { faults } = require('../lib/native.js');
const { scripts } = require('../package.json');
const { Program } = require('./support/child.js');
const { Inbox } = require('./support/inbox.js');

const ROOT = join(__dirname, '..');
const PAGES = [
  ...['README.md', 'CHANGELOG.md', 'SECURITY.md'],
  ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
];
const CALLS = read('docs/calls.md');

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ws13-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'ws13-native'), 'junction');
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('the README\'s server echoes text and binary, and closes cleanly', { timeout: 20_000 }, async (t) => {
  const [{ code }] = blocks(read('README.md')).filter(({ info }) => info === 'js');
  const listening = 'server.listen(8080)';
  assert.equal(code.split(listening).length, 2, `${listening} is not there once`);
  const program = start(t, 'server.js', code.replace(listening, 'server.listen(0, \'127.0.0.1\')')
    + 'server.on(\'listening\', () => console.log(server.address().port));\n');
  const client = new WebSocket(`ws://127.0.0.1:${await program.line(/^\d+$/)}/`);
  t.after(() => client.terminate());
  await once(client, 'open');
  const inbox = new Inbox();
  client.on('message', (payload, isBinary) => inbox.push([payload, isBinary]));
  client.on('error', (error) => inbox.close(error.message));
  client.on('close', (code) => inbox.close(`closed with ${code}`));
  for (const [sent, isBinary] of [['hello \u20ac', false], [Buffer.from([0, 255, 128]), true], ['', false]]) {
    client.send(sent);
    assert.deepEqual(await inbox.next(), [Buffer.from(sent), isBinary]);
  }
  client.close(1000, 'bye');
  await assert.rejects(inbox.next(), /closed with 1000/);
  assert.match(program.output, /^\d+$/, 'it prints nothing else');
});

for (const path of PAGES) {
  blocks(read(path)).filter(({ info }) => info === 'js run').forEach(({ code, line, next }) => {
    test(`${path}, line ${line}: the program prints what the page says`, { timeout: 20_000 }, async (t) => {
      const program = start(t, `program-${line}.js`, code);
      const { code: exitCode } = await program.exited;
      assert.equal(next.info, 'text', 'what it prints stands behind it');
      assert.equal(program.output, next.code.trimEnd());
      assert.equal(exitCode, 0);
    });
  });

  test(`${path}: every link leads somewhere`, () => {
    for (const [, target] of prose(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split('#');
      const page = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file)).split(sep).join('/');
      assert.ok(isThere(page), target);
      if (anchor !== undefined) assert.ok(anchors(page).includes(anchor), target);
    }
  });

  test(`${path}: every command and every file that it names is there`, () => {
    const text = read(path);
    for (const [command, name] of text.matchAll(/npm (?:run ([\w:-]+)|start|test)/g)) {
      assert.ok(Object.hasOwn(scripts, name ?? command.slice('npm '.length)), command);
    }
    const folders = 'src|lib|tests|test-js|test-browser|test-types|conformance|bench|docs|demo|examples|scripts';
    const named = new RegExp(`\`((?:${folders})/[\\w./-]*)(?=[\`:])`, 'g');
    for (const [, name] of text.matchAll(named)) assert.ok(isThere(name.replace(/\/$/, '')), name);
  });
}

test('docs/calls.md: every call, every option and every field of info', () => {
  for (const name of members('WS')) assert.match(CALLS, new RegExp(`^## .*\\bWS\\.${name}\\(`, 'm'));
  for (const name of ['UpgradeOptions', 'SendOptions', 'ConnectionInfo'].flatMap(members)) {
    assert.ok(rows().some(([first]) => first.includes(`\`${name}\``)), `no row for ${name}`);
  }
});

test('docs/calls.md: the defaults of the limits', () => {
  for (const [name, value] of Object.entries(limitDefaults)) {
    const [, , found] = rows().find(([first]) => first === `\`${name}\``);
    assert.ok(found.startsWith(value.toLocaleString('en')), `${name}: ${found}`);
  }
});

test('docs/calls.md: every fault of a peer, with its close code, and no other', () => {
  const documented = rows().filter(([first]) => first.startsWith('`WS_ERR_'));
  assert.deepEqual(
    documented.map(([code, closeCode]) => [code.slice(1, -1), Number(closeCode)]),
    faults().map(({ code, closeCode }) => [code, closeCode])
  );
});

/** Runs a program where only `ws13-native` is installed; it is killed when the test is over. */
function start(t, name, source) {
  writeFileSync(join(folder, name), source);
  const program = new Program(process.execPath, [name], { cwd: folder });
  t.after(() => program.stop());
  return program;
}

/** The fenced blocks of a page, each with the one behind it. */
function blocks(text) {
  const found = [...text.matchAll(/^```([^\n`]*)\n(.*?)^```$/gms)].map((match) => ({
    info: match[1].trim(), code: match[2], line: text.slice(0, match.index).split('\n').length
  }));
  found.forEach((block, at) => { block.next = found[at + 1]; });
  return found;
}

/** A page without its fenced blocks. */
function prose(path) {
  return read(path).replace(/^```.*?^```$/gms, '');
}

/** The names that GitHub gives to the headings of a page. */
function anchors(path) {
  return [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, title]) => (
    title.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-')
  ));
}

/** The rows of all tables of docs/calls.md, as cells. */
function rows() {
  return CALLS.split('\n').filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

/** The members of an interface of index.d.ts, overloads once. */
function members(interfaceName) {
  const source = ts.createSourceFile('index.d.ts', read('index.d.ts'), ts.ScriptTarget.Latest);
  const found = source.statements.find((statement) => (
    ts.isInterfaceDeclaration(statement) && statement.name.text === interfaceName
  ));
  return [...new Set(found.members.map(({ name }) => name.text))];
}

/** Whether a path of the checkout exists in this very case, also where the file system would not mind. */
function isThere(path) {
  return path.split('/').every((name, at, parts) => (
    readdirSync(join(ROOT, ...parts.slice(0, at))).includes(name)
  ));
}

function read(path) {
  return readFileSync(join(ROOT, path), 'utf8').replaceAll('\r\n', '\n');
}
