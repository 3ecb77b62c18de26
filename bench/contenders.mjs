// Who is measured. One row and one file under servers/ each.
//
// name    what --contender takes and the columns are headed with
// server  the file under servers/; what it needs, it loads at its start. One that fails to start
//         is named and skipped, so nothing here has to be installed.
// env     added to its environment
// unfit   (scenario) => why it cannot run this one, or undefined
//
// The first row is the baseline: every ratio is against it, and it is measured twice a round.

export const contenders = [
  {
    name: 'ws',
    server: 'ws.mjs',
    about: 'ws with bufferutil',
    // Empty means unset to ws: a shell that has it set must not turn this row into the other.
    env: { WS_NO_BUFFER_UTIL: '' },
  },
  {
    name: 'ours',
    server: 'receive.mjs',
    about: "this project, WS.receive on 'data' of an http 'upgrade' socket",
  },
  {
    name: 'ws-js',
    server: 'ws.mjs',
    about: 'ws without bufferutil',
    env: { WS_NO_BUFFER_UTIL: '1' },
  },
  {
    name: 'article',
    server: 'article.mjs',
    about: "the article's WS.mjs",
    unfit: articleIsUnfit,
  },
];

function articleIsUnfit({ kind, inFlight, size }) {
  if (inFlight > 1) return 'it reads one frame a chunk and drops the others';
  if (size > 16 * 1024) return 'it drops a frame that does not fit in one chunk';
  if (kind === 'binary') return 'it sends text only';
  return undefined;
}
