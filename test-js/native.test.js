'use strict';

// Where the addon cannot be loaded, the error says which one was wanted, why, and what to do.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');
const manifest = require('../package.json');

const root = join(__dirname, '..');
const [addon] = readdirSync(root).filter((name) => name.endsWith('.node'));
const here = addon.split('.')[1];

test('the addon loads here, under the name of this platform', () => {
  assert.equal(here.startsWith(`${process.platform}-${process.arch}`), true);
  require('../lib/native.js');
});

test('an installed package without its binary says how to get it', (t) => {
  const { code, message, cause } = loadError(copyPackage(t));
  assert.equal(code, 'ERR_WS13_NO_BINARY');
  assert.ok(message.startsWith(`ws13-native: no native binary for ${here}.\n`), message);
  assert.ok(message.includes(`ws13-native-${here}`), message);
  assert.ok(message.includes('--omit=optional'), message);
  assert.ok(!message.includes('npm run build'), message);
  assert.ok(!message.includes('does not load'), message);
  assert.equal(cause, true);
});

test('import fails with the same error', (t) => {
  // Seen from outside: Node 20 reports it as uncaught even where the promise is handled.
  const { status, stderr } = load(copyPackage(t), 'import("./index.mjs")');
  assert.notEqual(status, 0);
  assert.match(stderr, /ws13-native: no native binary for [^]*ERR_WS13_NO_BINARY/);
});

test('a checkout that was never built says npm run build', (t) => {
  const folder = copyPackage(t);
  writeFileSync(join(folder, 'Cargo.toml'), '');
  rmSync(join(folder, 'native.js'));
  const { code, message } = loadError(folder);
  assert.equal(code, 'ERR_WS13_NO_BINARY');
  assert.ok(message.includes('npm run build'), message);
});

test('a binary that is there and does not load gives the reason', (t) => {
  const folder = copyPackage(t);
  writeFileSync(join(folder, addon), 'this is no shared library');
  const { code, message } = loadError(folder);
  assert.equal(code, 'ERR_WS13_NO_BINARY');
  assert.match(message, /A binary is there, but it does not load:\n {2}\S+/);
});

test('a Node that may load no addon says how it may', (t) => {
  const folder = copyPackage(t);
  cpSync(join(root, addon), join(folder, addon));
  const { code, message, cause } = loadError(folder, REQUIRE, ['--no-addons']);
  assert.equal(code, 'ERR_WS13_NO_BINARY');
  assert.match(message, /may not load native addons\.\n.*--allow-addons where it has --permission/);
  assert.ok(!message.includes('install again'), message);
  assert.equal(cause, true);
});

test('the binary is found in the package of its platform', (t) => {
  const folder = copyPackage(t);
  const dependency = join(folder, 'node_modules', `ws13-native-${here}`);
  mkdirSync(dependency, { recursive: true });
  cpSync(join(root, addon), join(dependency, addon));
  const description = { name: `ws13-native-${here}`, version: manifest.version, main: addon };
  writeFileSync(join(dependency, 'package.json'), JSON.stringify(description));
  const { status, stderr } = load(folder, 'require("./index.js").WS.info({})');
  assert.equal(status, 0, stderr);
});

test('a platform without a binary is named, with those that have one', (t) => {
  const source = `Object.defineProperty(process, 'platform', { value: 'sunos' }); ${REQUIRE}`;
  const { message } = loadError(copyPackage(t), source);
  assert.ok(message.startsWith(`ws13-native: no native binary for sunos-${process.arch}.\n`), message);
  assert.ok(message.includes('No binary is published for this platform'), message);
  const supported = message.match(/Binaries are published for: (.*)\./)[1].split(', ');
  assert.deepEqual(supported.sort(), manifest.napi.targets.map(publishedName).sort());
});

/** What the package holds once it is installed, but for the addon. */
function copyPackage(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ws13-native-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['index.js', 'index.mjs', 'lib', 'native.js', 'package.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  return folder;
}

const REQUIRE = 'try { require("./index.js"); } catch (error) { report(error); }';

/** The error that loading the package ends with, in a process of its own. */
function loadError(folder, source = REQUIRE, flags = []) {
  const report = `function report(error) {
    const { code, message, cause } = error;
    process.stdout.write(JSON.stringify({ code, message, cause: cause instanceof Error }));
  }`;
  const { status, stdout, stderr } = load(folder, `${report} ${source}`, flags);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function load(folder, source, flags = []) {
  return spawnSync(process.execPath, [...flags, '-e', source], { cwd: folder, encoding: 'utf8' });
}

/** A Rust target as Node and npm name it. */
function publishedName(target) {
  const [arch, , system, abi] = target.split('-');
  const names = { aarch64: 'arm64', x86_64: 'x64', linux: 'linux', darwin: 'darwin', windows: 'win32' };
  return [names[system], names[arch], abi].filter((part) => part !== undefined).join('-');
}
