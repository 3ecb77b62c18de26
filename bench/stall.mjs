// npm run bench:stall: the longest turn of a server's event loop while it gets a compressed message of
// 16 MiB, beside that of the same loop while nothing comes. docs/compression.md tells what to make of it.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { constants, deflateRawSync } from 'node:zlib';
import { Failure, runMain } from '../scripts/run.mjs';
import { setup } from '../scripts/setup.mjs';
import { contenders } from './contenders.mjs';
import { start } from './measure.mjs';
import { order, spread } from './statistics.mjs';

const SIZE = 16 << 20;
const NAMES = ['ws', 'listen', 'reactor'];

/** How long a loop is watched without a message, about as long as it takes to get one. */
const IDLE_MS = 50;

/** A turn of this many milliseconds is told by itself. */
const LONG_MS = 5;

/** What JSON compresses to about a fifth, noise not at all, and zeros to a thousandth. */
const PAYLOADS = {
  json: () => Buffer.from(JSON.stringify(Array.from({ length: SIZE / 64 }, record))).subarray(0, SIZE),
  noise: () => randomBytes(SIZE),
  zeros: () => Buffer.alloc(SIZE)
};

/** Bytes of the frames that a message comes in. */
const FRAMES = { 'one frame': Infinity, 'frames of 16 KiB': 16 << 10 };

const BINARY = 2;
const FIN = 0x80;
const RSV1 = 0x40;

await runMain(async () => {
  const runs = readRuns();
  await setup();
  const messages = await compressed();
  const rows = Object.keys(messages).map((name) => ({ name, values: {} }));
  for (let run = 0; run < runs; run++) {
    for (const name of order(NAMES, run)) {
      console.error(`[${run + 1}/${runs}] ${name}`);
      await measure(contenders.find((each) => each.name === name), messages, (row, column, turn) => {
        (rows[row].values[column] ??= []).push(turn);
      });
    }
  }
  console.log(table(rows));
  for (const line of longTurns(rows)) console.log(line);
});

function readRuns() {
  try {
    const { values } = parseArgs({ options: { runs: { type: 'string', default: '10' } } });
    const runs = Number(values.runs);
    if (Number.isInteger(runs) && runs > 0) return runs;
    throw new Error(`--runs ${values.runs}: a whole number from 1 on is needed.`);
  } catch (error) {
    throw new Failure(error.message);
  }
}

/** The messages as they go over the wire, by their names. */
async function compressed() {
  const messages = {};
  for (const [kind, make] of Object.entries(PAYLOADS)) {
    const payload = deflateRawSync(make(), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    for (const [name, size] of Object.entries(FRAMES)) messages[`${kind}, ${name}`] = framed(payload, size);
  }
  return messages;
}

function record(_, index) {
  return { id: index, name: `user ${(index * 7919) % 10_007}`, score: ((index * 104_729) % 1_000_003) / 7 };
}

/** Frames with a masking key of zeros, which leaves the payload as it is (RFC 6455 §5.3). */
function framed(payload, size) {
  const pieces = [];
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.subarray(at, Math.min(payload.length, at + size));
    const fin = at + size >= payload.length ? FIN : 0;
    pieces.push(header(at === 0 ? fin | RSV1 | BINARY : fin, part.length), part);
  }
  return Buffer.concat(pieces);
}

function header(first, length) {
  const [mark, extra] = length < 126 ? [length, 0] : length < 0x10000 ? [126, 2] : [127, 8];
  const bytes = Buffer.alloc(2 + extra + 4);
  bytes[0] = first;
  bytes[1] = 0x80 | mark;
  if (extra > 0) bytes.writeUIntBE(length, 2 + extra - Math.min(extra, 6), Math.min(extra, 6));
  return bytes;
}

/** One process of a contender, with each message three times: only the last is measured. */
async function measure(contender, messages, note) {
  const job = { task: 'receive', deflate: 'alone', stall: true };
  const { peer, port } = await start(contender, job, { node: process.execPath, pins: { server: [] } });
  try {
    const socket = await upgraded(port);
    // The first messages of a process have the engine's first collections to bear.
    for (const message of Object.values(messages)) await exchange(socket, message);
    for (const [row, message] of Object.values(messages).entries()) {
      await exchange(socket, message);
      await peer.ask();
      await pause(IDLE_MS);
      note(row, `${contender.name}, idle`, await peer.ask());
      await exchange(socket, message);
      note(row, contender.name, await peer.ask());
    }
    socket.destroy();
  } finally {
    await peer.stop();
  }
}

async function upgraded(port) {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  socket.write([
    'GET / HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Extensions: permessage-deflate', '', ''
  ].join('\r\n'));
  const head = (await answer(socket)).toString('latin1');
  if (!head.startsWith('HTTP/1.1 101')) throw new Failure(`no upgrade: ${head}`);
  return socket;
}

/** Sends a message and a byte behind it, which is answered. */
async function exchange(socket, message) {
  socket.write(message);
  socket.write(Buffer.concat([header(FIN | BINARY, 1), Buffer.from('?')]));
  await answer(socket);
}

/** The next bytes of the server's. */
async function answer(socket) {
  const over = new AbortController();
  const closed = once(socket, 'close', over).then(() => {
    throw new Failure('the server has closed the connection');
  });
  try {
    const [bytes] = await Promise.race([once(socket, 'data', over), closed]);
    return bytes;
  } finally {
    closed.catch(() => {});
    over.abort();
  }
}

function table(rows) {
  const columns = NAMES.flatMap((name) => [name, `${name}, idle`]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(['longest turn, ms', ...columns]),
    line(['---', ...columns.map(() => '---:')]),
    ...rows.map(({ name, values }) => line([name, ...columns.map((column) => range(values[column]))]))
  ].join('\n');
}

function range(values) {
  const { median, min, max } = spread(values.map(({ stall }) => stall));
  return `${median.toFixed(1)} (${min.toFixed(1)}-${max.toFixed(1)})`;
}

/** The turns that somebody would notice, and what became of their time. */
function longTurns(rows) {
  return rows.flatMap(({ name, values }) => Object.entries(values).flatMap(([column, turns]) => (
    turns.filter(({ stall }) => stall >= LONG_MS).map((turn) => `${column}, ${name}: ${shares(turn)}`)
  )));
}

function shares({ stall, waited, collected }) {
  const shares = `${stall.toFixed(1)} ms, ${collected.toFixed(1)} of them for collections`;
  return Number.isFinite(waited) ? `${shares}, ${waited.toFixed(1)} without a processor` : shares;
}
