'use strict';

// What users see: the names, the same object by every way in, and index.d.ts against the runtime.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const ts = require('typescript');
const ws13 = require('..');

const NAMES = ['upgrade', 'receive', 'send', 'ping', 'pong', 'close', 'info'];

test('the package exports WS and nothing else', () => {
  assert.deepEqual(Object.keys(ws13), ['WS']);
  assert.deepEqual(Object.keys(ws13.WS), NAMES);
});

test('import, require and the package\'s own name give the same WS', async () => {
  const imported = await import('../index.mjs');
  const byName = await import('ws13-native');
  assert.deepEqual(Object.keys(imported).sort(), ['WS', 'default']);
  assert.equal(imported.WS, ws13.WS);
  assert.equal(imported.default, ws13);
  assert.equal(byName.WS, ws13.WS);
  assert.equal(require('ws13-native').WS, ws13.WS);
});

test('Node\'s CommonJS lexer finds the name', async () => {
  // index.js itself, not through index.mjs: a bundler or a loader may go this way.
  const imported = await import('../index.js');
  assert.equal(imported.WS, ws13.WS);
});

test('nothing inside of the package can be required', () => {
  for (const path of ['lib/ws.js', 'lib/native.js', 'native.js', 'index.js']) {
    assert.throws(() => require(`ws13-native/${path}`), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, path);
  }
  assert.equal(require('ws13-native/package.json').name, 'ws13-native');
});

test('WS is a plain object whose members may be replaced', (t) => {
  assert.equal(Object.getPrototypeOf(ws13.WS), Object.prototype);
  for (const name of NAMES) {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(ws13.WS, name);
    assert.ok(writable && enumerable && configurable, name);
  }
  const ping = t.mock.method(ws13.WS, 'ping', () => true);
  assert.equal(ws13.WS.ping({}), true);
  assert.equal(ping.mock.callCount(), 1);
});

test('no function uses this', () => {
  const { upgrade, receive, send, ping, pong, close, info } = ws13.WS;
  const socket = { write() {}, end() {} };
  assert.equal(upgrade(socket, { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }), true);
  assert.deepEqual(receive(socket, Buffer.from('81810000000061', 'hex')), Buffer.from('a'));
  assert.equal(send(socket, 'text'), true);
  assert.equal(ping(socket), true);
  assert.equal(pong(socket), true);
  assert.equal(close(socket), true);
  assert.equal(info(socket).state, 'closing');
});

test('index.d.ts declares what the runtime has, with as many parameters', () => {
  const declared = declaredFunctions();
  assert.deepEqual([...declared.keys()], NAMES);
  for (const [name, { least, most }] of declared) {
    const { length } = ws13.WS[name];
    assert.ok(length >= least && length <= most, `${name} takes ${length} parameters, declared are ${least} to ${most}`);
  }
});

test('index.d.ts declares what info returns', () => {
  const socket = { write() {}, end() {} };
  ws13.WS.ping(socket);
  assert.deepEqual(Object.keys(ws13.WS.info(socket)), members('ConnectionInfo').map(nameOf));
});

test('every export of index.d.ts, and every member of it, has a doc comment', () => {
  const documented = (node) => ts.getJSDocCommentsAndTags(node).length > 0;
  const exported = declarations().statements.filter((statement) => (
    statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  ));
  assert.ok(exported.length > 5);
  for (const statement of exported) {
    const named = statement.declarationList?.declarations[0] ?? statement;
    assert.ok(documented(named), `${nameOf(named)} has no doc comment`);
    const first = new Set();
    for (const member of statement.members ?? []) {
      // Of overloads the first tells the story.
      if (first.has(nameOf(member))) continue;
      first.add(nameOf(member));
      assert.ok(documented(member), `${nameOf(statement)}.${nameOf(member)} has no doc comment`);
    }
  }
});

/** The functions of the interface WS, by name, with the range of parameters over all overloads. */
function declaredFunctions() {
  const functions = new Map();
  for (const member of members('WS')) {
    const name = nameOf(member);
    const required = member.parameters.filter((parameter) => parameter.questionToken === undefined);
    const { least, most } = functions.get(name) ?? { least: Infinity, most: 0 };
    functions.set(name, {
      least: Math.min(least, required.length),
      most: Math.max(most, member.parameters.length)
    });
  }
  return functions;
}

function members(interfaceName) {
  const found = declarations().statements.find((statement) => (
    ts.isInterfaceDeclaration(statement) && nameOf(statement) === interfaceName
  ));
  return [...found.members];
}

function declarations() {
  const path = join(__dirname, '..', 'index.d.ts');
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

function nameOf(node) {
  return ts.isIndexSignatureDeclaration(node) ? '[name]' : node.name.text;
}
