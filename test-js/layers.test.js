'use strict';

// The layers of docs/architecture.md, held against the code.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const test = require('node:test');

const root = join(__dirname, '..');

test('the core alone depends on no part of N-API', (t) => {
  const { error, status, stdout, stderr } = spawnSync(
    'cargo', ['tree', '--offline', '--no-default-features', '--edges', 'normal,build', '--prefix', 'none'],
    { cwd: root, encoding: 'utf8' }
  );
  if (error?.code === 'ENOENT') {
    t.skip('cargo is not installed');
    return;
  }
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^sha1 /m);
  assert.doesNotMatch(stdout, /napi|getrandom/);
});

test('the protocol forbids unsafe code, and only the binding and one kernel open it', () => {
  const opening = [join('src', 'node', 'mod.rs'), join('src', 'bytes', 'avx2.rs')];
  const read = (file) => readFileSync(join(root, file), 'utf8');
  assert.match(read('src/protocol/mod.rs'), /^#!\[forbid\(unsafe_code\)\]$/m);
  assert.match(read('Cargo.toml'), /^unsafe_code = "deny"$/m);
  for (const file of sources('src')) {
    const opens = /allow\(unsafe_code\)/.test(read(file));
    assert.equal(opens, opening.includes(file), file);
  }
});

test('nothing points back up', () => {
  const uses = (folder, pattern) => {
    for (const file of sources(folder)) {
      assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), pattern, file);
    }
  };
  uses(join('src', 'bytes'), /crate::(protocol|node)|napi|std::(net|io|fs|time|env)/);
  uses(join('src', 'protocol'), /crate::node|napi|std::(net|io|fs|time|env|thread|sync)/);
});

test('no file of lib/ needs one that needs it', () => {
  const needs = (file) => {
    const text = readFileSync(join(root, 'lib', file), 'utf8');
    return [...text.matchAll(/require\('\.\/([\w-]+\.js)'\)/g)].map(([, name]) => name);
  };
  const done = new Set();
  const visit = (file, path) => {
    assert.ok(!path.includes(file), [...path, file].join(' -> '));
    if (done.has(file)) return;
    for (const needed of needs(file)) visit(needed, [...path, file]);
    done.add(file);
  };
  visit('ws.js', []);
  assert.equal(done.size, readdirSync(join(root, 'lib')).length);
});

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.rs') ? [path] : [];
  });
}
