'use strict';

// node conformance/echo-client.js ws://host:port
// Visits a fuzzing server as an echo client. It uses the drop-in calls by hand, on sockets of node:net,
// and WS.attach where compression was agreed to.

const { createHash, randomBytes } = require('node:crypto');
const net = require('node:net');
const { WS } = require('..');
const { readHead } = require('./head.js');
const { visitAll } = require('./visits.js');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

visitAll(process.argv[2], visit).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

/**
 * Opens one connection and calls `onMessage(socket, payload, isBinary)` for each message. Resolves
 * when the connection is over, however it ended; rejects when there was no opening handshake.
 */
function visit(address, onMessage) {
  const url = new URL(address);
  const path = url.pathname + url.search;
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    let failure = new Error(`${url.host} closed the connection to ${path} before its handshake`);
    let isOpen = false;

    const socket = net.connect(Number(url.port), url.hostname, () => {
      // The article's client sets these flags by hand.
      socket._is_server = false;
      socket._is_client = true;
      socket.setNoDelay(true);
      socket.write(request(url, path, key));
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => (isOpen ? resolve() : reject(failure)));

    readHead(socket, ({ startLine, headers }, rest) => {
      if (!startLine.startsWith('HTTP/1.1 101 ') || headers['sec-websocket-accept'] !== acceptOf(key)) {
        failure = new Error(`${url.host} refused ${path}: ${startLine}`);
        socket.destroy();
        return;
      }
      isOpen = true;
      const extensions = headers['sec-websocket-extensions'];
      if (extensions !== undefined) {
        // What somebody else's handshake has agreed to is for WS.attach to know.
        WS.attach(socket, { message: onMessage }, { head: rest, perMessageDeflate: settingsOf(extensions) });
        return;
      }
      const socketOnData = (chunk) => {
        WS.receive(socket, chunk, (payload, isBinary) => onMessage(socket, payload, isBinary));
      };
      socket.on('data', socketOnData);
      socketOnData(rest);
    });
  });
}

function request(url, path, key) {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits',
    '',
    ''
  ].join('\r\n');
}

/** `client_max_window_bits=9` as `{ clientMaxWindowBits: 9 }`; and all is compressed. */
function settingsOf(extensions) {
  const [, ...parameters] = extensions.split(';');
  return Object.fromEntries([['threshold', 0], ...parameters.map((parameter) => {
    const [name, value] = parameter.trim().split('=');
    return [name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), value === undefined || Number(value)];
  })]);
}

// RFC 6455 §4.1: base64 of the SHA-1 of the key and a constant.
function acceptOf(key) {
  return createHash('sha1').update(key + GUID).digest('base64');
}
