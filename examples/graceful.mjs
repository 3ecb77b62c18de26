// A server that ends, or is replaced, without leaving anybody in the dark.
// node examples/graceful.mjs      PORT chooses another port than 8080, 0 a free one.
//
// kill <pid>            takes nobody any more, closes all connections with 1001 ("going away") and
//                       exits with 0.
// kill -USR2 <pid>      the same, once a new process, which runs the code as it is by then, has taken
//                       over. It gets the listening socket itself, so the port is open all the time.
//
// The clients come back as in reconnect.mjs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { WS } from 'ws13-native';

const PORT = Number(process.env.PORT || 8080);
const SUCCESSOR = 'successor';

let successor = null;
const server = process.argv[2] === SUCCESSOR ? await inherit() : await listen();

WS.listen(server, {
  open(socket) {
    WS.send(socket, `Process ${process.pid}`);
  },

  message(socket, payload, isBinary) {
    WS.send(socket, payload, { binary: isBinary });
  }
});

console.log(`Listening on port ${server.address().port}.`);
// A second one does what it does to any program: it ends this one at once.
process.once('SIGTERM', stop);
process.on('SIGUSR2', replace);
process.send?.('ready');

async function listen() {
  const own = net.createServer().listen(PORT, '127.0.0.1');
  await once(own, 'listening');
  return own;
}

async function inherit() {
  const [, inherited] = await once(process, 'message');
  return inherited;
}

/** Nothing keeps the process once the last connection is gone, at the latest after `timeout` ms. */
async function stop() {
  await WS.shutdown(server, { code: 1001, timeout: 5000 });
  console.log(`Process ${process.pid} is done.`);
}

function replace() {
  if (successor !== null) return;
  successor = fork(process.argv[1], [SUCCESSOR]);
  successor.on('error', (error) => console.error('No successor:', error.message));
  successor.on('exit', successorOnExit);
  successor.send('listen', server);
  successor.once('message', () => {
    successor.off('exit', successorOnExit);
    successor.disconnect();
    successor.unref();
    stop();
  });
}

/** It has never said that it is ready, so nothing has changed. */
function successorOnExit(code) {
  console.error(`The successor exited with ${code}. Process ${process.pid} goes on.`);
  successor = null;
}
