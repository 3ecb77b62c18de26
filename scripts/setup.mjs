// Everything that a fresh checkout needs, and only that: the development dependencies and the addon.
// node scripts/setup.mjs [--debug] [--force]
//   --debug  an addon without optimisation, for a debugger
//   --force  build even when nothing has changed
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, root, run, runCargo, runMain, runNpm, runTool, say, seconds } from './run.mjs';

const OLDEST_NODE = 20;

// Each stamp holds a hash of what the last successful step was made from.
const DEPENDENCIES_STAMP = join(root, 'node_modules', '.ws13-stamp');
const ADDON_STAMP = join(root, '.cache', 'addon-stamp');

const DEPENDENCY_INPUTS = ['package-lock.json'];
const ADDON_INPUTS = [
  'src', 'build.rs', 'Cargo.toml', 'Cargo.lock', 'package.json', 'package-lock.json'
];

/** Installs and builds what is missing or out of date; prints one line when nothing is. */
export async function setup({ debug = false, force = false } = {}) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new Failure(`Node.js ${OLDEST_NODE} or newer is needed; this is ${process.version}.`);
  }
  const installed = await installDependencies();
  const built = await buildAddon(debug, force);
  if (!installed && !built) say('set-up: everything is up to date');
}

async function installDependencies() {
  const hash = hashOf(DEPENDENCY_INPUTS);
  if (readStamp(DEPENDENCIES_STAMP) === hash) return false;

  say('set-up: installing the development dependencies (npm ci, typically 10 to 60 seconds)');
  const started = Date.now();
  // Errors only: what npm warns about here is the dependencies' own affair.
  await runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeStamp(DEPENDENCIES_STAMP, hash);
  say(`set-up: dependencies installed in ${seconds(started)}`);
  return true;
}

async function buildAddon(debug, force) {
  const profile = debug ? 'debug' : 'release';
  const stamp = `${profile} ${process.platform} ${process.arch} ${hashOf(ADDON_INPUTS)}`;
  const current = readStamp(ADDON_STAMP) === stamp && hasAddon();
  if (current && !force) return false;

  say(`set-up: building the ${profile} addon (cargo, typically 1 to 3 minutes the first time)`);
  const started = Date.now();
  await runCargo(['--version']);
  // A failed or interrupted build must not pass for the last good one.
  rmSync(ADDON_STAMP, { force: true });
  const flags = debug ? [] : ['--release'];
  await runTool('@napi-rs/cli/dist/cli.js', [
    'build', '--platform', ...flags, '--js', 'native.js', '--dts', 'native.d.ts'
  ], { label: 'napi build' });
  await loadAddon();
  writeStamp(ADDON_STAMP, stamp);
  say(`set-up: addon built in ${seconds(started)}`);
  return true;
}

/** A fresh process shows that what was built loads here, and shows the reason where it does not. */
function loadAddon() {
  return run(process.execPath, ['-e', 'require("./index.js")'], { label: 'loading the new addon' });
}

function hasAddon() {
  return existsSync(join(root, 'native.js'))
    && readdirSync(root).some((name) => name.endsWith('.node'));
}

/** A hash of the names and bytes of all files in `paths`; folders are walked in a fixed order. */
function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesIn)) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

function filesIn(path) {
  const entries = readDirectory(join(root, path));
  if (entries === null) return existsSync(join(root, path)) ? [path] : [];
  return entries.sort().flatMap((name) => filesIn(`${path}/${name}`));
}

function readDirectory(path) {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error.code === 'ENOTDIR' || error.code === 'ENOENT') return null;
    throw error;
  }
}

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

function writeStamp(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flags = process.argv.slice(2);
  const unknown = flags.find((flag) => flag !== '--debug' && flag !== '--force');
  await runMain(async () => {
    if (unknown !== undefined) throw new Failure(`Unknown flag ${unknown}; known are --debug and --force.`);
    await setup({ debug: flags.includes('--debug'), force: flags.includes('--force') });
  });
}
