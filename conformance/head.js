'use strict';

// A head that is longer than this is no WebSocket handshake.
const HEAD_LIMIT = 16 * 1024;
const HEAD_END = '\r\n\r\n';

/**
 * Reads the head of one HTTP/1.1 message from `socket`, in however many chunks it comes, and calls
 * `callback({ startLine, headers }, rest)` once. `rest` holds the bytes after the head: a peer may
 * send its first frame in the same chunk. The socket is destroyed when the head is too long.
 */
function readHead(socket, callback) {
  let bytes = Buffer.alloc(0);
  socket.on('data', socketOnData);

  function socketOnData(chunk) {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) {
      if (bytes.length > HEAD_LIMIT) socket.destroy();
      return;
    }
    socket.off('data', socketOnData);
    callback(parseHead(bytes.toString('latin1', 0, end)), bytes.subarray(end + HEAD_END.length));
  }
}

function parseHead(text) {
  const [startLine, ...lines] = text.split('\r\n');
  const headers = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { startLine, headers };
}

module.exports = { readHead };
