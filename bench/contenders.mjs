// Who is measured. One row each, and one file under servers/.
//
// name     what --contender takes and the columns are headed with
// server   the file that serves; what it needs, it loads at its start. One that fails to start is
//          named and skipped, so nothing here has to be installed
// client   the file for the scenarios in which the contender is the client, where it has one
// program  what runs the files, where it is not Node
// env      added to its environment
// job      added to what the scenario asks of it
// unfit    (scenario) => why it cannot run this one, or undefined
//
// The first row is the baseline: every ratio is against it, and it is measured twice a round.

import { join } from 'node:path';
import { PEERS } from './servers/peers.mjs';

// An empty string means unset to ws: a shell that has it set must not turn one row into the other.
const WITH_BUFFERUTIL = { WS_NO_BUFFER_UTIL: '' };
const WITHOUT_BUFFERUTIL = { WS_NO_BUFFER_UTIL: '1' };
const STREAM = { WS13_TRANSPORT: 'stream' };
const REACTOR = { WS13_TRANSPORT: '' };

export const contenders = [
  {
    name: 'ws',
    about: 'ws with bufferutil',
    server: 'servers/ws.mjs',
    client: 'clients/ws.mjs',
    env: WITH_BUFFERUTIL,
  },
  {
    name: 'receive',
    about: "this project by hand: WS.receive on 'data' of an http 'upgrade' socket",
    server: 'servers/receive.mjs',
    env: STREAM,
    unfit: ({ deflate }) => deflate && 'compression is not negotiated by hand',
  },
  {
    name: 'listen',
    about: "this project: WS.listen and WS.connect over Node's streams",
    server: 'servers/listen.mjs',
    client: 'clients/connect.mjs',
    env: STREAM,
  },
  {
    name: 'reactor',
    about: 'this project: WS.listen and WS.connect over its reactor',
    server: 'servers/listen.mjs',
    client: 'clients/connect.mjs',
    env: REACTOR,
    job: { transport: 'reactor' },
    unfit: ({ tls }) => tls && 'TLS is over streams',
  },
  {
    name: 'net',
    about: "no WebSocket library: constants over Node's own sockets, counted out by the bytes that arrive",
    server: 'servers/net.mjs',
    client: 'clients/net.mjs',
    unfit: netIsUnfit,
  },
  {
    name: 'uws',
    about: 'uWebSockets.js',
    server: 'servers/uws.mjs',
  },
  {
    name: 'bun',
    about: 'Bun.serve',
    server: 'servers/bun.mjs',
    program: join(PEERS, 'node_modules/@oven/bun-linux-x64/bin/bun'),
    unfit: ({ deflate }) => deflate === 'alone' && 'it agrees on context takeover',
  },
  {
    name: 'ws-js',
    about: 'ws without bufferutil',
    server: 'servers/ws.mjs',
    client: 'clients/ws.mjs',
    env: WITHOUT_BUFFERUTIL,
  },
  {
    name: 'driver',
    about: 'websocket-driver',
    server: 'servers/driver.mjs',
    unfit: ({ deflate }) => deflate && 'its compression is a package of its own',
  },
  {
    name: 'article',
    about: "the article's WS.mjs",
    server: 'servers/article.mjs',
    unfit: articleIsUnfit,
  },
];

/** The ones that `--only headline` measures, unless told. */
export const HEADLINE = ['ws', 'receive', 'listen', 'reactor', 'net', 'uws'];

/** Of this project, compared with `SECOND` in a table of its own. */
export const OURS = ['receive', 'listen', 'reactor'];
export const SECOND = 'uws';

/** Why a contender cannot run a scenario, or undefined. */
export function unfitness(contender, scenario) {
  if (scenario.task === 'sink' && !contender.client) return 'it is not measured as a client';
  return contender.unfit?.(scenario) || undefined;
}

function netIsUnfit({ task, kind, fragments, deflate }) {
  if (task === 'receive' || kind === 'utf8' || fragments || deflate) return 'it would have to decode what it gets';
  return undefined;
}

function articleIsUnfit({ task, kind, inFlight = 1, size, fragments, piece, tls, deflate }) {
  if (task !== 'echo') return 'it is measured by its echoes only';
  if (tls || deflate || fragments || piece) return 'it is measured by whole, plain messages';
  if (inFlight > 1) return 'it reads one frame a chunk and drops the others';
  if (size > 16 * 1024) return 'it drops a frame that does not fit in one chunk';
  if (kind === 'binary') return 'it sends text only';
  return undefined;
}
