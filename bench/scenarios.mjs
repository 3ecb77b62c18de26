// What is measured: connections × messages in flight on each × payload bytes.
//
// One in flight is how most real servers run: a read, a message and a write at a time, so the
// system calls dominate. Many in flight shows what a library does with a chunk full of frames,
// and the large sizes show how often it copies.

const KiB = 1024;
const MiB = 1024 * KiB;

const SHAPES = [
  { connections: 50, inFlight: 1, size: 64 },
  { connections: 50, inFlight: 100, size: 64 },
  { connections: 10, inFlight: 16, size: 1 * KiB },
  { connections: 10, inFlight: 1, size: 16 * KiB },
  { connections: 4, inFlight: 1, size: 64 * KiB },
  { connections: 2, inFlight: 1, size: 1 * MiB },
];

// Text is ASCII and has to be validated as UTF-8; binary has not.
const KINDS = ['text', 'binary'];

export const scenarios = KINDS.flatMap((kind) => SHAPES.map((shape) => echo(kind, shape)));

function echo(kind, { connections, inFlight, size }) {
  const shape = `${connections}x${inFlight}x${bytes(size)}`;
  return { name: `echo ${shape} ${kind}`, kind, connections, inFlight, size };
}

function bytes(size) {
  if (size >= MiB) return `${size / MiB}MiB`;
  if (size >= KiB) return `${size / KiB}KiB`;
  return `${size}B`;
}
