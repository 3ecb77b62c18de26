'use strict';

// How often the server calls the system for a thousand messages. One read, one crossing and one
// write for whatever a chunk or a tick holds: what undoes that is seen here on any machine, however
// slow. Counts are of the server's main thread, between two marks in its trace; reads and writes are
// those of sockets, as the engine's threads wake the loop through an eventfd whenever they like.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');
const { peerOf } = require('../test-js/support/frames.js');
const { GateServer, receiveBytes } = require('./peer.js');

/** Names of system calls, by what they do; which of them is used depends on the system and on Node. */
const KINDS = {
  reads: ['read', 'readv', 'recvfrom', 'recvmsg'],
  writes: ['write', 'writev', 'sendto', 'sendmsg'],
  waits: ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'],
  changes: ['epoll_ctl']
};
const MARK = /^write\(\d+<[^>]*>, "gate-mark"/;
/** A call on a socket, or on the loop's and the reactor's own epoll sets. */
const COUNTED = /^(\w+)\(\d+<(?:socket|anon_inode):\[(?:\d+|eventpoll)\]>/;

const MESSAGES = 1000;
const TEXT = peerOf('server').text('x'.repeat(64));
const ECHO_SIZE = 66;

for (const kind of ['receive', 'stream', 'reactor']) {
  // A message that arrives alone costs one of each; the reactor looks twice, at the loop and at its
  // sockets. The engine's own threads wake the loop, too.
  const waits = kind === 'reactor' ? 2600 : 1600;
  gate(`${kind}: echo, one in flight`, kind, { reads: 1020, writes: 1010, waits, changes: 10 }, async (server) => {
    const socket = await server.connect();
    return () => echoes(socket, MESSAGES);
  });

  // Several are ready at a time. The loop forgets a socket that the reactor reads at its first event.
  const changes = kind === 'reactor' ? 60 : 10;
  gate(`${kind}: echo, one in flight on each of 50`, kind, { reads: 1020, writes: 1010, waits: 400, changes }, async (server) => {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => server.connect()));
    return () => Promise.all(sockets.map((socket) => echoes(socket, MESSAGES / 50)));
  });

  // Ten chunks of a hundred messages.
  gate(`${kind}: echo, 100 in flight`, kind, { reads: 20, writes: 20, waits: 40, changes: 10 }, async (server) => {
    const socket = await server.connect();
    const train = Buffer.concat(Array(100).fill(TEXT));
    return async () => {
      for (let sent = 0; sent < MESSAGES; sent += 100) {
        socket.write(train);
        await receiveBytes(socket, 100 * ECHO_SIZE);
      }
    };
  });

  // Of what a tick sends, the first message leaves at once and the others together.
  gate(`${kind}: 100 sends a tick`, kind, { reads: 0, writes: 20, waits: 15, changes: 10 }, async (server) => {
    const socket = await server.connect();
    return async () => {
      const all = receiveBytes(socket, MESSAGES * ECHO_SIZE);
      await server.order('push', 100, 10);
      await all;
    };
  }, { marksItself: true });

  gate(`${kind}: broadcast to 100`, kind, { reads: 0, writes: 1000, waits: 15, changes: 10 }, async (server) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => server.connect()));
    return async () => {
      const all = sockets.map((socket) => receiveBytes(socket, 10 * (1024 + 4)));
      await server.order('broadcast', 10);
      await Promise.all(all);
    };
  }, { marksItself: true });
}

/** Sends messages, each when the echo of the one before it is there. */
async function echoes(socket, count) {
  for (let sent = 0; sent < count; sent++) {
    socket.write(TEXT);
    await receiveBytes(socket, ECHO_SIZE);
  }
}

/**
 * A test of how often the server of a kind calls the system, at most, while `prepare`'s function runs.
 * @param options `marksItself` where the server marks the start and the end
 */
function gate(name, kind, bounds, prepare, { marksItself = false } = {}) {
  test(name, { skip: whyNot() }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'gates-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const trace = join(folder, 'trace');
    const names = [...Object.values(KINDS).flat()].map((call) => `?${call}`).join(',');
    const server = await GateServer.start(kind, { command: ['strace', '-y', '-o', trace, '-e', `trace=${names}`] });
    try {
      const run = await prepare(server);
      if (!marksItself) await server.order('mark');
      await run();
      if (!marksItself) await server.order('mark');
    } finally {
      await server.stop();
    }
    const counts = countCalls(readFileSync(trace, 'latin1'));
    t.diagnostic(JSON.stringify(counts));
    assert.ok(counts.writes > 0, 'the trace shows what was sent');
    for (const [what, most] of Object.entries(bounds)) {
      assert.ok(counts[what] <= most, `${counts[what]} ${what}, at most ${most} are allowed`);
    }
  });
}

/** How many calls of each kind are between the two marks. */
function countCalls(trace) {
  const lines = trace.split('\n');
  const from = lines.findIndex((line) => MARK.test(line));
  const to = lines.findLastIndex((line) => MARK.test(line));
  assert.ok(from !== -1 && to > from, 'the trace has both marks');
  const calls = lines.slice(from + 1, to).map((line) => COUNTED.exec(line)?.[1]);
  const counts = {};
  for (const [what, names] of Object.entries(KINDS)) {
    counts[what] = calls.filter((call) => names.includes(call)).length;
  }
  return counts;
}

/** Why no system call can be counted here, or false. */
function whyNot() {
  if (process.platform !== 'linux') return 'system calls are traced on Linux only';
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return false;
  } catch (error) {
    return `strace does not run here: ${error.message}`;
  }
}
