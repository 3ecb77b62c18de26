// The two programs that run the Autobahn cases. Both write the same report: an index.json with the
// verdicts, and a JSON and an HTML file for each case.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, root, say } from '../scripts/run.mjs';
import { start, succeed } from './processes.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** Everything that a run leaves behind: the Python packages and the reports. Ignored by git. */
export const cache = join(root, '.cache', 'conformance');

// As many as the clients in visits.js run at once.
const AT_ONCE = 4;

const onWindows = process.platform === 'win32';

/**
 * Drives the original case files from a native program: all of them in seconds.
 * `install` takes seconds, and nothing when it is done already. `attack` tests the server at `url`
 * and ends by itself. `serve` prints `listening on ws://…`, and tests the client that comes.
 */
export const kosoku = {
  name: 'kosoku',
  servesUntilStopped: false,

  async install() {
    const python = process.env.PYTHON || (onWindows ? 'python' : 'python3');
    await installOnce('requirements.txt', venv, async (requirements) => {
      await requirePython(python, [3, 10], 'Install it, or name an interpreter in PYTHON.');
      await createVenv(python);
      await succeed(start('pip install', inVenv('python'), pipInstall(requirements)));
    });
  },

  attack: (url, cases, folder) => start('kosoku', inVenv('kosoku'), [
    ...kosokuArguments('fuzzingclient', cases, folder), '--parallelism', String(AT_ONCE), url
  ]),

  serve: (cases, folder) => start('kosoku', inVenv('kosoku'), [
    ...kosokuArguments('fuzzingserver', cases, folder), '127.0.0.1:0'
  ])
};

/** The Autobahn testsuite itself. It runs on Python 2.7 alone, and brings a server that never ends. */
export const reference = {
  name: 'autobahntestsuite',
  servesUntilStopped: true,

  async install() {
    await requirePython(python2(), [2, 7], 'The Autobahn testsuite runs on no other. '
      + 'Install it, with pip and a C compiler, or name an interpreter in PYTHON2.');
    await installOnce('requirements-reference.txt', site, (requirements) => {
      return succeed(start('pip install', python2(), [...pipInstall(requirements), '--target', site]));
    });
  },

  attack: (url, cases, folder) => wstest('fuzzingclient', cases, folder, {
    servers: [{ agent: 'ws13-native', url }]
  }),

  serve: (cases, folder) => wstest('fuzzingserver', cases, folder, { url: 'ws://127.0.0.1:0' })
};

const venv = join(cache, 'kosoku');
const site = join(cache, 'autobahntestsuite');

function kosokuArguments(mode, cases, folder) {
  return ['--mode', mode, '--outdir', folder, ...cases.flatMap((pattern) => ['--include', pattern])];
}

function wstest(mode, cases, folder, peer) {
  const spec = join(cache, `${mode}.json`);
  writeFileSync(spec, JSON.stringify({
    ...peer, cases, outdir: folder, 'exclude-cases': [], 'exclude-agent-cases': {}
  }));
  return start('wstest', python2(), [
    // Unbuffered, so that a line is seen when it is printed; without the web server on port 8080.
    '-u', join(here, 'reference.py'), site, '--mode', mode, '--spec', spec, '--webport', '0'
  ]);
}

function python2() {
  return process.env.PYTHON2 || 'python2.7';
}

function inVenv(program) {
  return join(venv, onWindows ? 'Scripts' : 'bin', program);
}

function pipInstall(requirements) {
  return [
    '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements
  ];
}

/** Calls `install` unless `folder` was made from this very list of requirements. */
async function installOnce(list, folder, install) {
  const requirements = join(here, list);
  const wanted = readFileSync(requirements, 'utf8');
  const stamp = join(folder, 'installed.txt');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  say(`conformance: installing ${wanted.trim()} (typically 10 to 30 seconds)`);
  // What an interrupted or older installation left must not be built upon.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await install(requirements);
  writeFileSync(stamp, wanted);
}

/** Rejects with help unless `python` is there and is the version `[major, minor]`, or a later minor. */
async function requirePython(python, [major, minor], help) {
  const wanted = `Python ${major}.${minor}`;
  const script = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const { code, output } = await start(python, python, ['-c', script]).ended.catch((error) => {
    throw new Failure(`${wanted} is needed. ${error.message}\n${help}`);
  });
  const [foundMajor, foundMinor] = output.split('.').map(Number);
  if (code !== 0 || foundMajor !== major || foundMinor < minor) {
    throw new Failure(`${wanted} is needed. ${python} says: ${output}\n${help}`);
  }
}

async function createVenv(python) {
  const { code, output } = await start('python -m venv', python, ['-m', 'venv', venv]).ended;
  if (code === 0) return;
  throw new Failure(`${python} cannot make a virtual environment:\n${output}\n`
    + 'Its modules venv and ensurepip are needed. On Debian and Ubuntu: apt install python3-venv');
}
