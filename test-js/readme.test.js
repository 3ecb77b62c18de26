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
/** Where the whole API is described. */
const REFERENCE = CALLS + read('docs/connections.md');

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ws13-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'ws13-native'), 'junction');
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** What the README's servers listen by, and the same on a port of the system's choice. */
const SERVERS = {
  'the library reads': ['WS.listen(8080, {', 'const server = WS.listen({ port: 0, host: \'127.0.0.1\' }, {'],
  'the program reads': ['server.listen(8080)', 'server.listen(0, \'127.0.0.1\')']
};

for (const who of Object.keys(SERVERS)) {
  test(`the README's server where ${who} echoes text and binary, and closes cleanly`, { timeout: 20_000 }, async (t) => {
    const { program, port } = await startServer(t, who);
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
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
}

test('the README\'s client prints what the README says, and ends', { timeout: 20_000 }, async (t) => {
  const { port } = await startServer(t, 'the library reads');
  const url = 'ws://localhost:8080/';
  const client = start(t, 'client.js', readmeCode(url).replace(url, `ws://127.0.0.1:${port}/`));
  const { code } = await client.exited;
  assert.equal(client.output, 'hello');
  assert.equal(code, 0);
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

test('every call has its section in docs/', () => {
  for (const name of members('WS')) assert.match(REFERENCE, new RegExp(`^## .*\\bWS\\.${name}\\(`, 'm'));
});

test('every option, handler and field has its row in docs/', () => {
  const named = rows(REFERENCE).map(([first]) => first);
  const kinds = /Options$|Handlers$|^ConnectionInfo$|^Stats$|^ListenPlace$/;
  const described = interfaces().filter((name) => kinds.test(name));
  assert.ok(described.length > 10, described.join());
  for (const name of described.flatMap(members)) {
    assert.ok(named.some((first) => new RegExp(`\`${name}[\`(.]`).test(first)), `no row for ${name}`);
  }
});

test('docs/calls.md: the defaults of the limits', () => {
  for (const [name, value] of Object.entries(limitDefaults)) {
    const [, , found] = rows(CALLS).find(([first]) => first === `\`${name}\``);
    assert.ok(found.startsWith(value.toLocaleString('en')), `${name}: ${found}`);
  }
});

test('every error code of the package is in docs/', () => {
  const sources = [...files('lib', '.js'), ...files('src', '.rs'), 'native.js'].map(read).join('\n');
  const codes = new Set(sources.match(/\b(?:WS_ERR|ERR_WS13)_[A-Z0-9_]+\b/g));
  assert.ok(codes.size > 20, [...codes].join());
  for (const code of codes) assert.ok(REFERENCE.includes(`\`${code}\``), code);
});

test('docs/calls.md: every fault of a peer, with its close code, and no other', () => {
  const documented = rows(CALLS).filter(([first]) => first.startsWith('`WS_ERR_'));
  assert.deepEqual(
    documented.map(([code, closeCode]) => [code.slice(1, -1), Number(closeCode)]),
    faults().map(({ code, closeCode }) => [code, closeCode])
  );
});

/** Runs the README's server on a port of the system's choice. */
async function startServer(t, who) {
  const [listening, here] = SERVERS[who];
  const program = start(t, 'server.js', readmeCode(listening).replace(listening, here)
    + 'server.on(\'listening\', () => console.log(server.address().port));\n');
  return { program, port: await program.line(/^\d+$/) };
}

/** The first of the README's programs that has this in it, which it has once. */
function readmeCode(text) {
  const { code } = blocks(read('README.md')).find((block) => block.info === 'js' && block.code.includes(text));
  assert.equal(code.split(text).length, 2, `${text} is there twice`);
  return code;
}

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

/** The rows of all tables of a page, as cells. */
function rows(page) {
  return page.split('\n').filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

/** The names of the interfaces of index.d.ts. */
function interfaces() {
  return declarations().map(({ name }) => name.text);
}

/** The members that an interface of index.d.ts declares, overloads once. */
function members(interfaceName) {
  const found = declarations().find(({ name }) => name.text === interfaceName);
  return [...new Set(found.members.map(({ name }) => name.text))];
}

function declarations() {
  const source = ts.createSourceFile('index.d.ts', read('index.d.ts'), ts.ScriptTarget.Latest);
  return source.statements.filter((statement) => ts.isInterfaceDeclaration(statement));
}

/** The files of a folder and those below it. */
function files(folder, ending) {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
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
