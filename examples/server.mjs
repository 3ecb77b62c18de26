// A WebSocket server with Node's net and two calls: WS.upgrade and WS.receive.
// node examples/server.mjs      PORT chooses another port than 12345, 0 a free one.
import net from 'node:net';
import { WS } from 'ws13-native';
import { hasToken, readHead } from './handshake.mjs';

const PORT = Number(process.env.PORT || 12345);
const HANDSHAKE_TIMEOUT_MS = 10_000;

const server = net.createServer({ pauseOnConnect: true });

server.on('connection', (socket) => {
  // After an error comes 'close'. Without a listener it would end the process.
  socket.on('error', (error) => console.error('Connection lost:', error.message));
  socket.on('timeout', () => socket.destroy());
  socket.setTimeout(HANDSHAKE_TIMEOUT_MS);

  readHead(socket, (head, rest) => {
    if (head === null || !isHandshake(head)) {
      console.error('Not a WebSocket handshake for me-want-cookies.');
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    WS.upgrade(socket, head.headers, { protocols: ['me-want-cookies'] }, (upgraded) => {
      if (!upgraded) {
        console.error('WS.upgrade() unsuccessful.');
        socket.end();
        return;
      }
      console.log('WS.upgrade() successful.');
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 0);
      socket.on('data', (buffer) => receive(socket, buffer));
      // Frames may come in the chunk that ends the handshake.
      receive(socket, rest);
    });
  });

  socket.resume();
});

server.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});

server.listen(PORT, '127.0.0.1', () => console.log(`Listening on port ${server.address().port}.`));

function receive(socket, buffer) {
  WS.receive(socket, buffer, (request) => {
    console.log('Received request ', request);
  });
}

/** RFC 6455 §4.2.1, and our subprotocol. `WS.upgrade` looks at the key and the version. */
function isHandshake({ start, headers }) {
  return /^GET \S+ HTTP\/1\.1$/.test(start)
    && hasToken(headers.connection, 'upgrade')
    && hasToken(headers.upgrade, 'websocket')
    && hasToken(headers['sec-websocket-protocol'], 'me-want-cookies');
}
