'use strict';

// The opening handshake by hand, so that no test leans on the library's own.

const { createHash, randomBytes } = require('node:crypto');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function acceptOf(key) {
  return createHash('sha1').update(key + GUID).digest('base64');
}

/** A request's headers as `http.IncomingMessage.headers` has them; `changes` of undefined removes. */
function requestHeaders(changes = {}) {
  const headers = {
    'host': 'localhost',
    'connection': 'Upgrade',
    'upgrade': 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    ...changes
  };
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name];
  return headers;
}

function requestHead(headers, path = '/') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** The status, the header lines in order, a map of them, and what stands behind the head. */
function parseHead(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { first, status: Number(first.split(' ')[1]), lines, headers, rest: bytes.subarray(end + 4) };
}

/**
 * Reads from `socket` up to the end of a head and no further: what came behind it goes back, and the
 * socket flows again as soon as somebody listens for 'data'.
 */
function readHead(socket) {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onReadable = () => {
      bytes = Buffer.concat([bytes, socket.read() ?? Buffer.alloc(0)]);
      const head = parseHead(bytes);
      if (head === null) return;
      stop();
      if (head.rest.length > 0) socket.unshift(head.rest);
      resolve(head);
    };
    const onClose = () => { stop(); reject(new Error(`closed before a head: ${bytes}`)); };
    const stop = () => { socket.off('readable', onReadable).off('close', onClose).off('error', reject); };
    socket.on('readable', onReadable).on('close', onClose).on('error', reject);
  });
}

/** The client's side: sends the request, checks the answer, sets the flags. */
async function openAsClient(socket, changes = {}, path = '/') {
  const key = randomBytes(16).toString('base64');
  socket.write(requestHead(requestHeaders({ 'sec-websocket-key': key, ...changes }), path));
  const head = await readHead(socket);
  if (head.status !== 101) throw new Error(`refused: ${head.first}`);
  if (head.headers['sec-websocket-accept'] !== acceptOf(key)) throw new Error('wrong accept value');
  socket._is_server = false;
  socket._is_client = true;
  return head;
}

module.exports = { acceptOf, requestHeaders, requestHead, parseHead, readHead, openAsClient };
