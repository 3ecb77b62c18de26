// One measurement: a fresh server, a fresh load generator, two marks.

import { fileURLToPath } from 'node:url';
import { Failure } from '../scripts/run.mjs';
import { Peer } from './peer.mjs';

/**
 * Starts a contender's server.
 *
 * @param {{ node: string, pins: { server: string[] } }} bench
 * @returns {Promise<{ peer: Peer, port: number, version: string }>} rejects when it cannot load
 */
export async function startServer(contender, bench) {
  const file = fileURLToPath(new URL(`servers/${contender.server}`, import.meta.url));
  const peer = new Peer([...bench.pins.server, bench.node, file], contender.env);
  try {
    return { peer, ...(await peer.read()) };
  } catch (error) {
    await peer.stop();
    throw error;
  }
}

/**
 * The server's CPU time (user and system, all threads) between two marks, divided by the
 * messages between them. At both marks nothing is in flight.
 *
 * @param {{ warmUp: number, messages: number }} counts of one connection
 * @returns {Promise<{ cpu: number, messages: number, seconds: number }>} cpu in µs a message
 */
export async function measure(contender, scenario, counts, bench) {
  const server = await startServer(contender, bench);
  const plan = loadPlan(server.port, scenario, counts, bench);
  try {
    const load = new Peer([...bench.pins.load, bench.load, ...plan]);
    try {
      await load.read();
      const before = await server.peer.ask();
      const { messages, seconds } = await load.ask();
      const after = await server.peer.ask();
      const used = after.user + after.system - before.user - before.system;
      return { cpu: used / messages, messages, seconds };
    } finally {
      await load.stop();
    }
  } catch (cause) {
    const reason = [cause.message, server.peer.complaint].filter(Boolean).join('; ');
    throw new Failure(`${contender.name} failed in ${scenario.name}: ${reason}`, { cause });
  } finally {
    await server.peer.stop();
  }
}

function loadPlan(port, scenario, { warmUp, messages }, { pins }) {
  const { connections, inFlight, size, kind } = scenario;
  return [
    `address=127.0.0.1:${port}`,
    `connections=${connections}`,
    `in-flight=${inFlight}`,
    `size=${size}`,
    `kind=${kind}`,
    `warm-up=${warmUp}`,
    `messages=${messages}`,
    `spin=${pins.load.length > 0}`,
  ];
}

/** Of a pilot run: enough for the compiler to have seen the code, whatever the size. */
const PILOT_MESSAGES = 20_000;
const PILOT_BYTES = 64 << 20;

/**
 * How many messages a connection gets, so that a run takes about `bench.cpuMs` of the server's
 * CPU. Found once by a pilot run, then the same in every round: a contender that is 30 times as
 * fast gets 30 times the messages, and so the same precision.
 */
export async function pilot(contender, scenario, bench) {
  const total = Math.min(PILOT_MESSAGES, PILOT_BYTES / scenario.size);
  const each = Math.ceil(total / scenario.connections);
  const { cpu } = await measure(contender, scenario, { warmUp: each, messages: each }, bench);
  const messages = Math.ceil((bench.cpuMs * 1000) / cpu / scenario.connections);
  return { warmUp: Math.ceil(messages / 2), messages };
}
