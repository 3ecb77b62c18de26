// A WebSocket client with Node's net and three calls: WS.send, WS.receive and WS.close.
// node examples/client.mjs [host] [port] [message]
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { WS } from 'ws13-native';
import { hasToken, readHead } from './handshake.mjs';

// RFC 6455 §1.3
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HANDSHAKE_TIMEOUT_MS = 10_000;

const [host = 'localhost', port = '12345', message = JSON.stringify('{"foo":"bar"}')] = process.argv.slice(2);
const nonce = randomBytes(16).toString('base64');

const client = net.createConnection({ host, port: Number(port) }, () => sendHandshake(client));

client.on('error', (error) => fail(`${host}:${port}: ${error.message || error.code}`));
client.on('timeout', () => client.destroy(new Error('no answer')));
client.on('close', () => console.log('Connection closed.'));
client.setTimeout(HANDSHAKE_TIMEOUT_MS);

readHead(client, (head, rest) => {
  if (head === null || !isAccepted(head)) {
    fail(`The server refused: ${head?.start ?? 'no HTTP response'}`);
    client.destroy();
    return;
  }
  client.setTimeout(0);
  client.setNoDelay(true);
  client.setKeepAlive(true, 0);
  client.on('data', (buffer) => receive(client, buffer));
  // The server may send frames right behind its response.
  receive(client, rest);

  WS.send(client, message);
  process.once('SIGINT', () => WS.close(client, 1000));
});

function sendHandshake(socket) {
  // Both calls read these: a client masks what it sends.
  socket._is_server = false;
  socket._is_client = true;

  socket.write([
    'GET / HTTP/1.1',
    `Host: ${host}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${nonce}`,
    'Sec-WebSocket-Protocol: me-want-cookies',
    'Sec-WebSocket-Version: 13',
    '',
    ''
  ].join('\r\n'));
}

function receive(socket, buffer) {
  WS.receive(socket, buffer, (response, isBinary) => {
    console.log('Received response ', response);
    if (!isBinary) console.log(response.toString());
  });
}

/** RFC 6455 §4.1, the client's checks of the response. */
function isAccepted({ start, headers }) {
  const accept = createHash('sha1').update(nonce + GUID).digest('base64');
  return /^HTTP\/1\.1 101 /.test(start)
    && hasToken(headers.connection, 'upgrade')
    && hasToken(headers.upgrade, 'websocket')
    && headers['sec-websocket-accept'] === accept
    && headers['sec-websocket-protocol'] === 'me-want-cookies';
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}
