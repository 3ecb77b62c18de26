// What the servers do with messages, whichever library carries them.

/**
 * The handlers of a server for `job`.
 *
 * @param {object} library what differs between contenders
 * @param {(socket, payload, isBinary: boolean) => void} library.send
 * @param {(sockets: object[], payload, isBinary: boolean) => void} [library.broadcast] its way to
 *   send one message to many; default: a send for each
 * @param {(socket, sends: () => void) => void} [library.cork] what its documentation recommends
 *   around several sends
 */
export function handlers(job, library) {
  const { send } = library;
  switch (job.task) {
    case 'push': return told(job, push(job, library));
    case 'broadcast': return told(job, broadcast(job, library));
    case 'receive': return {
      ...ignored,
      // The load asks with one byte whether all that came before it has been received.
      message(socket, payload, isBinary) {
        if (sizeOf(payload) === 1) send(socket, payload, isBinary);
      }
    };
    default: return { ...ignored, message: send };
  }
}

const ignored = { open() {}, close() {} };

/** Handlers that run `tick` with all sockets as often as a message says, once a turn of the loop. */
function told(job, tick) {
  const sockets = [];
  let ticks = 0;
  const turn = () => {
    tick(sockets);
    if (--ticks > 0) setImmediate(turn);
  };
  return {
    open(socket) { sockets.push(socket); },
    close(socket) { sockets.splice(sockets.indexOf(socket), 1); },
    message(_socket, payload) {
      ticks = numberOf(payload);
      setImmediate(turn);
    }
  };
}

function push({ kind, size, burst }, { send, cork }) {
  const { payload, isBinary } = messageOf(kind, size);
  const sends = (socket) => {
    for (let i = 0; i < burst; i++) send(socket, payload, isBinary);
  };
  const one = cork && burst > 1 ? (socket) => cork(socket, () => sends(socket)) : sends;
  return (sockets) => sockets.forEach(one);
}

function broadcast({ kind, size, burst }, { send, broadcast: toAll = oneByOne(send) }) {
  const { payload, isBinary } = messageOf(kind, size);
  return (sockets) => {
    for (let i = 0; i < burst; i++) toAll(sockets, payload, isBinary);
  };
}

function oneByOne(send) {
  return (sockets, payload, isBinary) => sockets.forEach((socket) => send(socket, payload, isBinary));
}

/** A message of the server's own: a string where it is text. */
export function messageOf(kind, size) {
  return kind === 'binary'
    ? { payload: Buffer.alloc(size, 0xb5), isBinary: true }
    : { payload: 'x'.repeat(size), isBinary: false };
}

function sizeOf(payload) {
  return payload.byteLength ?? payload.length;
}

/** The number that a message says, a string, a Buffer or an ArrayBuffer. */
export function numberOf(payload) {
  return Number(typeof payload === 'string' ? payload : Buffer.from(payload).toString());
}
