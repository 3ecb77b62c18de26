'use strict';

// A python that has the package `websockets`, for the tests that set the library against it.

const { spawnSync } = require('node:child_process');
const { mkdirSync, mkdtempSync, renameSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const CACHE = join(__dirname, '../../.cache');
const OURS = join(CACHE, 'python');

/** The system's python, or that of a virtual environment, made where there is none; null where neither can be had. */
function findPython() {
  const found = ['python3', pythonIn(OURS)].find(hasWebsockets);
  if (found !== undefined) return found;
  mkdirSync(CACHE, { recursive: true });
  const place = mkdtempSync(`${OURS}-`);
  try {
    return install(place) ? keep(place) : null;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function pythonIn(place) {
  return join(place, 'bin', 'python');
}

function hasWebsockets(python) {
  return spawnSync(python, ['-c', 'import websockets.asyncio.server']).status === 0;
}

function install(place) {
  const steps = [['python3', '-m', 'venv', place], [pythonIn(place), '-m', 'pip', 'install', '--quiet', 'websockets']];
  return steps.every(([command, ...args]) => spawnSync(command, args, { timeout: 60_000 }).status === 0);
}

/** Puts what was installed aside in its place, unless another test has done so meanwhile. */
function keep(place) {
  const python = pythonIn(OURS);
  try {
    renameSync(place, OURS);
  } catch {
    if (hasWebsockets(python)) return python;
    // What was there is of an older python.
    rmSync(OURS, { recursive: true, force: true });
    renameSync(place, OURS);
  }
  return hasWebsockets(python) ? python : null;
}

module.exports = { findPython };
