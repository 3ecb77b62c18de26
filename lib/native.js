'use strict';

const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** What a release carries a binary for: `${platform}-${arch}`, then `-${abi}` where there are several. */
const SUPPORTED = [
  'linux-x64-gnu', 'linux-x64-musl', 'linux-arm64-gnu', 'linux-arm64-musl',
  'darwin-x64', 'darwin-arm64', 'win32-x64-msvc', 'win32-arm64-msvc'
];

const FORBIDDEN = [
  'ws13-native: this process may not load native addons.',
  'Start Node with --allow-addons where it has --permission, and without --no-addons.'
];

module.exports = load();

/** The addon's exports, through the loader that `napi build` generates. */
function load() {
  try {
    return require('../native.js');
  } catch (cause) {
    throw noBinaryError(cause);
  }
}

function noBinaryError(cause) {
  const failures = loadFailures(cause);
  // The generated loader keeps the message of ERR_DLOPEN_DISABLED only.
  const isForbidden = failures.some((line) => line.includes('loading addons is disabled'));
  const lines = isForbidden ? FORBIDDEN : missing(platformName(), failures);
  const error = new Error(lines.join('\n'), { cause });
  error.code = 'ERR_WS13_NO_BINARY';
  return error;
}

function missing(name, failures) {
  const lines = [`ws13-native: no native binary for ${name}.`];
  if (failures.length > 0) {
    lines.push('A binary is there, but it does not load:', ...failures.map((line) => `  ${line}`));
  }
  lines.push(...advice(name), `Binaries are published for: ${SUPPORTED.join(', ')}.`);
  return lines;
}

function advice(name) {
  // A checkout carries the Rust sources; the published package does not.
  if (existsSync(join(__dirname, '..', 'Cargo.toml'))) {
    return ['This is a source checkout: run `npm run build` (it needs Rust, see https://rustup.rs).'];
  }
  if (!SUPPORTED.includes(name)) {
    return ['No binary is published for this platform: build the package from a source checkout.'];
  }
  return [
    `It comes in the optional dependency ws13-native-${name}. Remove node_modules and install again,`,
    'on this platform and without --omit=optional, --no-optional or a lock file made without it.'
  ];
}

/** What the loader met apart from files that are simply not there, the first try first. */
function loadFailures(error) {
  const failures = [];
  for (let link = error.cause; link instanceof Error; link = link.cause) {
    const line = link.message.split('\n', 1)[0];
    if (!line.startsWith('Cannot find module')) failures.unshift(line);
  }
  return failures;
}

function platformName() {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform === 'linux') return `${name}-${libc()}`;
  return process.platform === 'win32' ? `${name}-msvc` : name;
}

function libc() {
  // Only asked when loading has failed: a report costs milliseconds.
  return process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl';
}
