// The head of an HTTP request or response, out of a socket's 'data'.

// A handshake needs a few hundred bytes. Whoever sends more and no end of it is no WebSocket peer.
const MAX_HEAD_BYTES = 8192;
const END = '\r\n\r\n';

/**
 * Collects chunks until the head is whole, however it was split, and calls
 * `callback(head, rest)` once: `head` as `parseHead` gives it, or null when it is too long; `rest`
 * holds the bytes behind it, which are frames already.
 */
export function readHead(socket, callback) {
  let bytes = Buffer.alloc(0);
  socket.on('data', function onData(chunk) {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(END);
    if (end === -1 && bytes.length <= MAX_HEAD_BYTES) return;
    socket.removeListener('data', onData);
    if (end === -1) callback(null, bytes);
    else callback(parseHead(bytes.toString('latin1', 0, end)), bytes.subarray(end + END.length));
  });
}

/** `{ start, headers }`: the first line, and the header fields with lower case names. */
export function parseHead(text) {
  const [start, ...lines] = text.split('\r\n');
  // No prototype: a header may be called `constructor`.
  const headers = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    // RFC 9110 §5.3: fields of one name make one list.
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { start, headers };
}

/** Whether a list header has `token`, in any case: `Connection: keep-alive, Upgrade`. */
export function hasToken(value, token) {
  return (value ?? '').split(',').some((each) => each.trim().toLowerCase() === token.toLowerCase());
}
