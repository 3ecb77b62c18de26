// What is measured, a row for each.
//
// name        connections x messages in flight on each x payload bytes, as far as it has them
// task        echo, receive, push, broadcast, sink, latency, shake or idle
// figures     what is taken of it (figures.mjs); the CPU time of a message unless it says so
// headline    whether `--only headline` includes it: the rows that the project holds itself to
// connections, inFlight, size, kind, burst, fragments, piece, deflate, tls
//             as bench/load/src/plan.rs explains them
// objects     how many objects the contender's program holds besides, as a program does that has work to do

const KiB = 1024;
const MiB = 1024 * KiB;

/** With one in flight, as most real servers run: a read, a message and a write at a time. */
const ECHO = [
  ...[20, 64, KiB].flatMap((size) => [50, 500].map((connections) => ({ connections, size }))),
  { connections: 10, size: 16 * KiB },
  { connections: 4, size: 64 * KiB },
  { connections: 2, size: MiB },
  { connections: 1, size: 16 * MiB },
].map((shape) => ({ inFlight: 1, ...shape }));

/** What a library does with a chunk full of frames. */
const PIPELINED = [
  ...[8, 64, 100, 512].flatMap((inFlight) =>
    [32, 64, 128].map((size) => ({ connections: 50, inFlight, size }))),
  { connections: 10, inFlight: 16, size: KiB },
];

const HEADLINE = new Set([
  'echo 50x1x64B text',
  'echo 500x1x64B text',
  'pipelined 50x100x64B text',
  'pipelined 10x16x1KiB text',
  'echo 10x1x16KiB text',
  'echo 4x1x64KiB text',
  'echo 2x1x1MiB text',
  'push 10x100x64B',
  'broadcast 1000x1x1KiB',
  'tls 50x64x64B text',
  'client 2x64KiB',
  'handshake 50',
  'idle 10000',
  'latency 50x64B',
]);

export const scenarios = [
  ...ECHO.map((shape) => echo('echo', 'text', shape)),
  ...['binary', 'utf8'].flatMap((kind) =>
    ECHO.filter(({ connections, size }) => connections <= 50 && size >= 64 && size <= MiB)
      .map((shape) => echo('echo', kind, shape))),
  ...PIPELINED.map((shape) => echo('pipelined', 'text', shape)),
  echo('pipelined', 'binary', { connections: 50, inFlight: 100, size: 64 }),
  echo('pipelined', 'utf8', { connections: 50, inFlight: 100, size: 64 }),

  ...[{ connections: 10, size: 16 * KiB }, { connections: 4, size: 64 * KiB }].map((shape) => (
    echo('heap', 'text', { inFlight: 1, objects: 600_000, ...shape }))),

  receive('text', { connections: 50, inFlight: 1000, size: 64 }),
  receive('text', { connections: 10, inFlight: 16, size: 16 * KiB }),
  receive('binary', { connections: 2, inFlight: 1, size: MiB }),

  push('binary', { connections: 10, burst: 1, size: 64 }),
  push('binary', { connections: 10, burst: 100, size: 64 }),
  push('text', { connections: 10, burst: 100, size: 64 }),
  ...[64, KiB].flatMap((size) => [1, 10].map((burst) => broadcast({ connections: 1000, burst, size }))),

  echo('fragmented', 'text', { connections: 50, inFlight: 1, size: KiB, fragments: 4 }),
  echo('fragmented', 'text', { connections: 50, inFlight: 100, size: 64, fragments: 4 }),
  echo('fragmented', 'text', { connections: 4, inFlight: 1, size: 64 * KiB, fragments: 64 }),
  echo('chopped', 'text', { connections: 50, inFlight: 1, size: KiB, piece: 100 }),
  echo('chopped', 'text', { connections: 10, inFlight: 16, size: KiB, piece: 1000 }),

  { name: 'client 2x64KiB', task: 'sink', kind: 'binary', connections: 2, size: 64 * KiB },
  { name: 'client 50x64B', task: 'sink', kind: 'binary', connections: 50, size: 64 },

  echo('tls', 'text', { connections: 50, inFlight: 64, size: 64, tls: true }),
  echo('tls', 'text', { connections: 50, inFlight: 1, size: 64, tls: true }),

  { name: 'handshake 50', task: 'shake', connections: 50 },

  { name: 'idle 10000', task: 'idle', connections: 10_000, figures: ['rss', 'heap'] },
  { name: 'idle 10000 deflate', task: 'idle', connections: 10_000, deflate: 'takeover', figures: ['rss', 'heap'] },

  { name: 'latency 50x64B', task: 'latency', kind: 'text', connections: 50, size: 64, figures: ['p50', 'p99'] },
  { name: 'latency 500x1KiB', task: 'latency', kind: 'text', connections: 500, size: KiB, figures: ['p50', 'p99'] },

  ...['takeover', 'alone'].flatMap((deflate) =>
    [{ connections: 50, size: 300 }, { connections: 50, size: 2 * KiB }, { connections: 4, size: 64 * KiB }]
      .map((shape) => compressed({ deflate, inFlight: 1, ...shape }))),
].map((scenario) => ({ figures: ['cpu'], headline: HEADLINE.has(scenario.name), ...scenario }));

/** Those that one of the words of `--only` is in the name of, or all; and the headline by its name. */
export function choose(only) {
  const words = only.split(',').map((word) => word.trim()).filter(Boolean);
  return scenarios.filter(({ name, headline }) =>
    words.length === 0 || words.some((word) => (word === 'headline' ? headline : name.includes(word))));
}

function echo(group, kind, shape) {
  const { connections, inFlight, size, fragments, piece } = shape;
  const detail = (fragments ? ` in ${fragments} frames` : '') + (piece ? ` in pieces of ${bytes(piece)}` : '');
  const name = `${group} ${connections}x${inFlight}x${bytes(size)} ${kind}${detail}`;
  return { name, task: 'echo', kind, ...shape };
}

function receive(kind, shape) {
  return { name: `receive ${shape.connections}x${bytes(shape.size)} ${kind}`, task: 'receive', kind, ...shape };
}

function push(kind, shape) {
  const { connections, burst, size } = shape;
  const detail = kind === 'text' ? ' text' : '';
  return { name: `push ${connections}x${burst}x${bytes(size)}${detail}`, task: 'push', kind, ...shape };
}

function broadcast(shape) {
  const { connections, burst, size } = shape;
  return { name: `broadcast ${connections}x${burst}x${bytes(size)}`, task: 'broadcast', kind: 'binary', ...shape };
}

function compressed(shape) {
  const name = `deflate ${shape.connections}x${shape.inFlight}x${bytes(shape.size)} json, ${shape.deflate}`;
  return { name, task: 'echo', kind: 'json', figures: ['cpu', 'bytes'], ...shape };
}

function bytes(size) {
  if (size >= MiB) return `${size / MiB}MiB`;
  if (size >= KiB) return `${size / KiB}KiB`;
  return `${size}B`;
}
