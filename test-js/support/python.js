'use strict';

// A python that has the package `websockets`, for the tests that set the library against it.

const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

/** The system's python, or one of a new virtual environment in `folder`; null where neither can be had. */
function findPython(folder) {
  const has = (python) => spawnSync(python, ['-c', 'import websockets.asyncio.server']).status === 0;
  if (has('python3')) return 'python3';
  const place = join(folder, 'venv');
  const python = join(place, 'bin', 'python');
  const steps = [['python3', '-m', 'venv', place], [python, '-m', 'pip', 'install', '--quiet', 'websockets']];
  for (const [command, ...args] of steps) {
    if (spawnSync(command, args, { timeout: 60_000 }).status !== 0) return null;
  }
  return has(python) ? python : null;
}

module.exports = { findPython };
