// One run: a fresh contender, a fresh load generator, two marks.

import { fileURLToPath } from 'node:url';
import { Failure } from '../scripts/run.mjs';
import { FIGURES } from './figures.mjs';
import { Peer } from './peer.mjs';
import { planOf } from './plan.mjs';

/**
 * Starts a contender.
 *
 * @param {object} job what it is to do, as servers/control.mjs says
 * @param {{ node: string, pins: { server: string[] } }} bench
 * @returns {Promise<{ peer: Peer, port: number, version: string }>} rejects when it cannot load
 */
export async function start(contender, job, bench) {
  const file = job.task === 'sink' ? contender.client : contender.server;
  const path = fileURLToPath(new URL(file, import.meta.url));
  const command = [contender.program ?? bench.node, path, JSON.stringify({ ...job, ...contender.job })];
  const peer = new Peer([...bench.pins.server, ...command], contender.env);
  try {
    return { peer, ...(await peer.read()) };
  } catch (error) {
    await peer.stop();
    throw error;
  }
}

/**
 * @param {{ warmUp: number, messages: number }} counts of one connection
 * @returns {Promise<Record<string, number>>} the scenario's figures. At both marks nothing is in flight
 */
export async function measure(contender, scenario, counts, bench) {
  const peers = [];
  try {
    const { server, load } = await connect(contender, scenario, counts, bench, peers);
    await load.read();
    const before = await server.ask();
    const done = await load.ask();
    const after = await server.ask();
    const values = scenario.figures.map((name) => [name, FIGURES[name].of({ before, after, load: done })]);
    return Object.fromEntries(values);
  } catch (cause) {
    const reasons = [cause.message, ...peers.map(({ complaint }) => complaint)];
    const reason = [...new Set(reasons.filter(Boolean))].join('; ');
    throw new Failure(`${contender.name} failed in ${scenario.name}: ${reason}`, { cause });
  } finally {
    // The load first: the contenders are measured as long as their peer is there.
    for (const peer of peers.reverse()) await peer.stop();
  }
}

/** Starts both, the one that listens first, and adds them to `peers` as they come. */
async function connect(contender, scenario, counts, bench, peers) {
  const { job, args } = planOf(scenario, counts, bench);
  const startLoad = (port) => {
    const load = new Peer([...bench.pins.load, bench.load, `address=127.0.0.1:${port}`, ...args]);
    peers.push(load);
    return load;
  };
  const startServer = async (extra) => {
    const { peer, port } = await start(contender, { ...job, ...extra }, bench);
    peers.push(peer);
    return { server: peer, port };
  };
  if (job.task === 'sink') {
    const load = startLoad(0);
    const { port } = await load.read();
    const { server } = await startServer({ port });
    return { server, load };
  }
  const { server, port } = await startServer();
  return { server, load: startLoad(port) };
}
