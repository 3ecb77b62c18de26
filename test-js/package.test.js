'use strict';

// The packed tarball, installed in an empty folder, works with nothing but Node and npm.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const {
  existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync
} = require('node:fs');
const { tmpdir } = require('node:os');
const { basename, delimiter, dirname, join } = require('node:path');
const { after, before, test } = require('node:test');

const root = join(__dirname, '..');
const [addon] = readdirSync(root).filter((name) => name.endsWith('.node'));

const FILES = [
  ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'docs', 'benchmarks')).map((name) => `docs/benchmarks/${name}`),
  ...readdirSync(join(root, 'examples')).map((name) => `examples/${name}`),
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'index.d.ts',
  'index.js',
  'index.mjs',
  'lib/admission.js',
  'lib/adopted.js',
  'lib/attach.js',
  'lib/attachment.js',
  'lib/background.js',
  'lib/broadcast.js',
  'lib/chunks.js',
  'lib/client-handshake.js',
  'lib/close.js',
  'lib/codec.js',
  'lib/collector.js',
  'lib/connect.js',
  'lib/connection.js',
  'lib/control.js',
  'lib/deadlines.js',
  'lib/deferred.js',
  'lib/deflate.js',
  'lib/diagnostics.js',
  'lib/dial.js',
  'lib/errors.js',
  'lib/events.js',
  'lib/faults.js',
  'lib/feed.js',
  'lib/frame.js',
  'lib/gathered.js',
  'lib/handle.js',
  'lib/handshake.js',
  'lib/headers.js',
  'lib/incoming.js',
  'lib/info.js',
  'lib/intake.js',
  'lib/listen.js',
  'lib/listener.js',
  'lib/memory.js',
  'lib/messages.js',
  'lib/native.js',
  'lib/options.js',
  'lib/outbox.js',
  'lib/page.js',
  'lib/pause.js',
  'lib/payload.js',
  'lib/queue.js',
  'lib/rate-limit.js',
  'lib/reactor.js',
  'lib/reader.js',
  'lib/receive.js',
  'lib/request.js',
  'lib/rest.js',
  'lib/runtime.js',
  'lib/scope.js',
  'lib/send.js',
  'lib/shadows.js',
  'lib/shutdown.js',
  'lib/signals.js',
  'lib/stats.js',
  'lib/stream.js',
  'lib/ticks.js',
  'lib/turn.js',
  'lib/unhandled.js',
  'lib/unread.js',
  'lib/upgrade.js',
  'lib/url.js',
  'lib/walk.js',
  'lib/ws.js',
  'native.js',
  'package.json',
  addon
];

// A server and a client in one program, with the article's calls in the article's order.
const ECHO = `
const request = [
  'GET / HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', ''
].join('\\r\\n');
const headersOf = (head) => Object.fromEntries(head.toString().split('\\r\\n').slice(1, -2).map((line) => {
  const [name, value] = line.split(': ');
  return [name.toLowerCase(), value];
}));

const server = net.createServer((socket) => socket.once('data', (head) => {
  WS.upgrade(socket, headersOf(head), (accepted) => {
    console.log('accepted', accepted);
    socket.on('data', (chunk) => {
      WS.receive(socket, chunk, (payload) => WS.send(socket, payload.toString()));
    });
  });
}));
server.listen(0, '127.0.0.1', () => {
  const client = net.connect(server.address().port, '127.0.0.1', () => {
    client._is_client = true;
    client.write(request);
  });
  client.once('data', () => {
    client.on('data', (chunk) => {
      WS.receive(client, chunk, (payload) => {
        console.log('echoed', payload.toString());
        WS.close(client, 1000, 'bye');
      });
    });
    WS.send(client, 'hello');
  });
  client.on('close', () => {
    console.log('closed', WS.info(client).closeCode);
    server.close();
  });
});
`;
const PRINTED = 'accepted true\nechoed hello\nclosed 1000\n';

let folder;
let packed;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ws13-package-'));
  packed = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root))[0];
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  npm(['install', '--offline', '--no-audit', '--no-fund', join(folder, packed.filename)], folder);
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('the tarball holds what users need, and nothing else', () => {
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), FILES.sort());
});

test('it brings no dependency along', () => {
  const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  assert.deepEqual(installed, ['ws13-native']);
});

test('require: a server and a client echo', () => {
  const source = "const net = require('node:net');\nconst { WS } = require('ws13-native');\n";
  assert.equal(runHere('echo.cjs', source + ECHO), PRINTED);
});

test('import: a server and a client echo', () => {
  const source = "import net from 'node:net';\nimport { WS } from 'ws13-native';\n";
  assert.equal(runHere('echo.mjs', source + ECHO), PRINTED);
});

test('both in one process are the same WS, with one addon behind it', () => {
  const source = `import { createRequire } from 'node:module';
    import { WS } from 'ws13-native';
    console.log(createRequire(import.meta.url)('ws13-native').WS === WS);`;
  assert.equal(runHere('same.mjs', source), 'true\n');
});

test('the tests that SECURITY.md names are there', () => {
  const named = readFileSync(join(root, 'SECURITY.md'), 'utf8').match(/`tests?(-js)?\/[^`]+`/g);
  assert.ok(named.length > 20);
  for (const path of named) assert.ok(existsSync(join(root, path.slice(1, -1))), path);
});

/** What a program in the folder prints; it ends by itself. */
function runHere(name, source) {
  writeFileSync(join(folder, name), source);
  return runNode([name], folder);
}

function npm(args, cwd) {
  return runNode([npmCli(), ...args], cwd);
}

/** Runs Node where no other program is to be found, cargo least of all. */
function runNode(args, cwd) {
  const nowhere = join(folder, 'nowhere');
  mkdirSync(nowhere, { recursive: true });
  const env = { ...process.env, PATH: nowhere };
  // Options of an npm around this one are not for this one.
  for (const name of Object.keys(env)) if (/^npm_/i.test(name)) delete env[name];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd, env, encoding: 'utf8', timeout: 120_000
  });
  assert.equal(status, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** npm's own script, to be run by the Node under test. */
function npmCli() {
  const { npm_execpath: running = '', PATH = '' } = process.env;
  if (basename(running) === 'npm-cli.js') return running;
  for (const directory of PATH.split(delimiter)) {
    // A link to the script, or on Windows a batch file that stands beside npm's folder.
    const link = join(directory, 'npm');
    if (existsSync(link) && realpathSync(link).endsWith('npm-cli.js')) return realpathSync(link);
    const beside = join(dirname(link), 'node_modules', 'npm', 'bin', 'npm-cli.js');
    if (existsSync(beside)) return beside;
  }
  throw new Error('npm was not found on the PATH');
}
