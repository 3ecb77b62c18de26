// What a scenario means for the two processes of a run, and how many messages it gets.

/** Task of a scenario: mode of the load generator, and task of the contender where it is another. */
const MODES = {
  echo: { mode: 'echo' },
  receive: { mode: 'receive' },
  push: { mode: 'told' },
  broadcast: { mode: 'told' },
  sink: { mode: 'sink' },
  latency: { mode: 'latency', task: 'echo' },
  shake: { mode: 'shake', task: 'echo' },
  idle: { mode: 'idle' },
};

/** What a command may bring, to one connection and to all of them: more would only wait. */
const COMMAND_BYTES = 256 << 10;
const ALL_BYTES = 16 << 20;

/**
 * @param {{ warmUp: number, messages: number, rate?: number }} counts of one connection
 * @returns {{ job: object, args: string[] }} for the contender, and for the load generator
 */
export function planOf(scenario, { warmUp, messages, rate }, { spin, tls }) {
  const { task, kind, size, connections, inFlight, burst, fragments, piece, deflate, objects } = scenario;
  const { mode, task: job = task } = MODES[task];
  const values = {
    mode,
    connections,
    'in-flight': inFlight,
    kind,
    size,
    fragments,
    piece,
    deflate,
    tls: scenario.tls,
    burst,
    command: mode === 'told' || mode === 'sink' ? commandOf(scenario) : undefined,
    rate,
    'warm-up': wholeBursts(warmUp, burst),
    messages: wholeBursts(messages, burst),
    spin,
  };
  const args = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  return { job: { task: job, kind, size, burst, connections, deflate, objects, tls: scenario.tls && tls }, args };
}

/** Messages of a connection for one command: whole bursts. */
function commandOf({ connections, size, burst = 1 }) {
  const bytes = Math.min(COMMAND_BYTES, ALL_BYTES / connections);
  return burst * Math.max(1, Math.floor(bytes / (size * burst)));
}

function wholeBursts(messages, burst = 1) {
  return Math.ceil(messages / burst) * burst;
}

/** Of a first run: enough for the compiler to have seen the code, whatever the size. */
const PILOT_MESSAGES = 20_000;
const PILOT_HANDSHAKES = 2000;
const PILOT_BYTES = 64 << 20;

/** Of all servers, in a latency scenario: of what the baseline could do. */
const PART_OF_FULL_LOAD = 1 / 5;
const LATENCY_SECONDS = 3;

/**
 * How many messages a connection gets in `scenario`, so that a run takes about `bench.cpuMs` of the
 * contender's CPU. Found once by `trial`, a run with given counts, then the same in every round: a
 * contender that is 30 times as fast gets 30 times the messages, and so the same precision.
 *
 * @param {(scenario: object, counts: object) => Promise<{ cpu: number }>} trial
 */
export async function countsFor(scenario, trial, bench) {
  const { task, connections } = scenario;
  const part = bench.cpuMs / 1000;
  if (task === 'idle') {
    const messages = Math.ceil(connections * Math.min(part, 1));
    return { warmUp: Math.ceil(messages / 10), messages };
  }
  if (task === 'latency') return paced(scenario, trial, LATENCY_SECONDS * part);
  const messages = await full({ ...scenario, figures: ['cpu'] }, trial, bench.cpuMs);
  return { warmUp: Math.ceil(messages / 2), messages };
}

/** The messages of one connection that take `cpuMs`. */
async function full(scenario, trial, cpuMs) {
  const { task, connections, size } = scenario;
  const each = task === 'shake' ? 1 : connections;
  const total = task === 'shake' ? PILOT_HANDSHAKES : Math.min(PILOT_MESSAGES, PILOT_BYTES / size);
  const pilot = Math.ceil(total / each);
  const { cpu } = await trial(scenario, { warmUp: pilot, messages: pilot });
  return Math.ceil((cpuMs * 1000) / cpu / each);
}

/** A rate at which the server is mostly idle, found by an echo at full load. */
async function paced(scenario, trial, seconds) {
  const { connections } = scenario;
  const echo = { ...scenario, task: 'echo', inFlight: 1, figures: ['cpu'] };
  const pilot = Math.ceil(PILOT_MESSAGES / connections);
  const { cpu } = await trial(echo, { warmUp: pilot, messages: pilot });
  const rate = Math.round((1e6 / cpu) * PART_OF_FULL_LOAD);
  const messages = Math.ceil((rate * seconds) / connections);
  return { rate, warmUp: Math.ceil(messages / 2), messages };
}
