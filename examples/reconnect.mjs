// A client that comes back: it connects again after a loss, later each time, until it is told to stop.
// node examples/reconnect.mjs [url]      Ctrl+C or SIGTERM says goodbye and ends it.
import { setTimeout as wait } from 'node:timers/promises';
import { WS } from 'ws13-native';

const [url = 'ws://localhost:8080/'] = process.argv.slice(2);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A connection that has lasted so long was a good one: the next wait is short again. */
const STABLE_MS = 10_000;
/** Closed for good, or for something that we would do again (RFC 6455 §7.4.1). */
const FINAL_CODES = [1000, 1002, 1003, 1007, 1008, 1009, 1010];
/** "Not now": all others of 4xx will be the same the next time. */
const PASSING_STATUSES = [408, 425, 429];

const stopping = new AbortController();
let socket;

process.once('SIGINT', stop);
process.once('SIGTERM', stop);

for (let losses = 0; ;) {
  const { outcome, isFinal, lasted } = await connection();
  console.log(outcome);
  if (isFinal || stopping.signal.aborted) break;
  losses = lasted > STABLE_MS ? 1 : losses + 1;
  const ms = waitAfter(losses);
  console.log(`Next try in ${ms} ms.`);
  // Aborted, it rejects at once.
  await wait(ms, undefined, { signal: stopping.signal }).catch(() => {});
  if (stopping.signal.aborted) break;
}

/** One connection, to its end: this resolves however it goes. */
function connection() {
  return new Promise((resolve) => {
    let openedAt = null;
    socket = WS.connect(url, {
      open(socket) {
        openedAt = performance.now();
        console.log('Connected.');
        // The server knows nothing of the last connection: begin anew.
        WS.send(socket, 'hello');
      },

      message(_socket, text) {
        console.log('Received:', text);
      },

      close(_socket, code, reason) {
        resolve({
          outcome: `Closed with ${code} ${reason}`.trimEnd(),
          isFinal: FINAL_CODES.includes(code),
          lasted: performance.now() - openedAt
        });
      },

      error(_socket, error) {
        // After `open` comes `close`, which says all.
        if (openedAt !== null) return;
        resolve({ outcome: error.message || error.code, isFinal: isFinalStatus(error.status), lasted: 0 });
      }
    }, {
      text: 'string',
      // A network that is gone says nothing: pings find out.
      heartbeat: 20_000
    });
  });
}

/** From none to all of a span that doubles: clients that one server has lost do not return as one. */
function waitAfter(losses) {
  return Math.round(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (losses - 1)));
}

function isFinalStatus(status) {
  return status >= 400 && status < 500 && !PASSING_STATUSES.includes(status);
}

function stop() {
  stopping.abort();
  // While it connects there is nobody yet to say goodbye to.
  if (!WS.close(socket, 1000)) socket.destroy();
}
