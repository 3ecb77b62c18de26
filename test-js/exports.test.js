'use strict';

// What users see: the names, the same object by every way in, and index.d.ts against the runtime.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const { test } = require('node:test');
const ts = require('typescript');
const ws13 = require('..');
const { answerOptions } = require('../lib/admission.js');
const { HANDLERS, attachOptions, connectionOptions } = require('../lib/attach.js');
const { connectOptions } = require('../lib/connect.js');
const { limitOptions } = require('../lib/connection.js');
const { listenOptions, placeOptions } = require('../lib/listen.js');
const { sendOptions } = require('../lib/payload.js');
const { shutdownOptions } = require('../lib/shutdown.js');
const { streamOptions } = require('../lib/stream.js');
const { upgradeOptions } = require('../lib/upgrade.js');

const NAMES = [
  'upgrade', 'receive', 'send', 'ping', 'pong', 'close', 'info', 'listen', 'connect', 'attach', 'pause', 'resume',
  'stream', 'messages', 'frame', 'broadcast', 'shutdown', 'stats'
];

/** The options that each interface of index.d.ts declares, as the runtime checks them. */
const OPTIONS = {
  LimitOptions: limitOptions,
  UpgradeOptions: upgradeOptions,
  SendOptions: sendOptions,
  ConnectionOptions: connectionOptions,
  ListenOptions: listenOptions,
  ListenPlace: placeOptions,
  UpgradeAcceptance: answerOptions,
  ConnectOptions: connectOptions,
  AttachOptions: attachOptions,
  StreamOptions: { ...without(attachOptions, 'text', 'stream'), ...streamOptions },
  ShutdownOptions: shutdownOptions
};

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

test('no function uses this', async (t) => {
  const { upgrade, receive, send, ping, pong, close, info, pause, resume, frame, broadcast, stats } = ws13.WS;
  const socket = { write() {}, end() {} };
  assert.equal(upgrade(socket, { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }), true);
  assert.deepEqual(receive(socket, Buffer.from('81810000000061', 'hex')), Buffer.from('a'));
  assert.equal(send(socket, 'text'), true);
  assert.equal(broadcast([socket], frame('text')), 1);
  assert.equal(ping(socket), true);
  assert.equal(pong(socket), true);
  pause(socket);
  resume(socket);
  assert.equal(close(socket), true);
  assert.equal(info(socket).state, 'closing');
  assert.ok(stats().connections.total > 0);
  const { client, server, url } = await opened(t);
  const { attach, connect, messages, stream } = ws13.WS;
  assert.throws(() => attach(client, {}), { code: 'ERR_INVALID_STATE' });
  assert.throws(() => connect(url, null), { code: 'ERR_INVALID_ARG_TYPE' });
  const read = messages(client).next();
  assert.throws(() => stream(client), { code: 'ERR_INVALID_STATE' });
  const { listen, shutdown } = ws13.WS;
  assert.throws(() => listen(server, {}), { code: 'ERR_INVALID_STATE' });
  await shutdown(server);
  assert.equal((await read).done, true);
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

test('index.d.ts declares what stats returns', () => {
  assert.deepEqual(Object.keys(ws13.WS.stats()), members('Stats').map(nameOf));
});

test('index.d.ts declares the options that the runtime takes, and no others', () => {
  for (const [name, table] of Object.entries(OPTIONS)) {
    assert.deepEqual(namesOf(name), Object.keys(table).sort(), name);
  }
});

test('index.d.ts declares the handlers that the runtime calls, and no others', () => {
  assert.deepEqual(namesOf('ServerHandlers'), [...HANDLERS].sort());
  assert.deepEqual(namesOf('ClientHandlers'), [...HANDLERS].sort());
  assert.deepEqual(namesOf('AttachHandlers'), HANDLERS.filter((name) => name !== 'upgrade').sort());
});

test('index.d.ts declares the request and the response that open gets', async (t) => {
  const { request, response } = await opened(t);
  assert.deepEqual(Object.keys(request).sort(), namesOf('HandshakeRequest'));
  assert.deepEqual(Object.keys(response).sort(), namesOf('HandshakeResponse'));
});

test('a request of an http server has what index.d.ts declares', async (t) => {
  const { request } = await opened(t, createServer().listen(0, '127.0.0.1'));
  for (const name of namesOf('HandshakeRequest')) assert.notEqual(request[name], undefined, name);
});

test('index.d.ts declares the error of a handshake that was refused', async (t) => {
  const server = ws13.WS.listen({ port: 0, host: '127.0.0.1' }, { upgrade: () => 404 });
  t.after(() => ws13.WS.shutdown(server));
  await once(server, 'listening');
  const error = await new Promise((resolve) => {
    ws13.WS.connect(urlOf(server), { error: (_socket, reason) => resolve(reason) });
  });
  assert.deepEqual(Object.keys(error).sort(), namesOf('HandshakeError'));
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

/** Both ends of a connection, and what their `open` got. */
async function opened(t, where = { port: 0, host: '127.0.0.1' }) {
  let request;
  const server = ws13.WS.listen(where, { open: (_socket, given) => { request = given; } });
  t.after(() => ws13.WS.shutdown(server).then(() => server.close()));
  if (!server.listening) await once(server, 'listening');
  const url = urlOf(server);
  const [client, response] = await new Promise((resolve, reject) => {
    ws13.WS.connect(url, {
      open: (...given) => resolve(given),
      error: (_socket, error) => reject(error)
    });
  });
  // The server opens before its answer goes out.
  return { server, url, client, response, request };
}

function without(table, ...names) {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)));
}

function urlOf(server) {
  return `ws://127.0.0.1:${server.address().port}`;
}

/** The functions of the interface WS, by name, with the range of parameters over all overloads. */
function declaredFunctions() {
  const functions = new Map();
  for (const member of members('WS')) {
    const name = nameOf(member);
    const parameters = member.parameters.filter((parameter) => nameOf(parameter) !== 'this');
    const required = parameters.filter((parameter) => parameter.questionToken === undefined);
    const { least, most } = functions.get(name) ?? { least: Infinity, most: 0 };
    functions.set(name, {
      least: Math.min(least, required.length),
      most: Math.max(most, parameters.length)
    });
  }
  return functions;
}

/** The names of an interface's members, those that it inherits included, in order of the alphabet. */
function namesOf(interfaceName) {
  return [...new Set(inherited(interfaceName))].sort();
}

function inherited(interfaceName) {
  const bases = declared(interfaceName).heritageClauses?.flatMap(({ types }) => [...types]) ?? [];
  // Those of other modules are Node's, or the language's: they are not ours to check.
  const own = bases.map(({ expression }) => expression.text).filter((name) => declared(name) !== undefined);
  return [...members(interfaceName).map(nameOf), ...own.flatMap(inherited)];
}

function members(interfaceName) {
  return [...declared(interfaceName).members];
}

function declared(interfaceName) {
  return declarations().statements.find((statement) => (
    ts.isInterfaceDeclaration(statement) && nameOf(statement) === interfaceName
  ));
}

function declarations() {
  const path = join(__dirname, '..', 'index.d.ts');
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

function nameOf(node) {
  return ts.isIndexSignatureDeclaration(node) ? '[name]' : node.name.text;
}
