// WebSockets beside Express: one HTTP server for both, and so one port.
// node examples/express.mjs      PORT chooses another port than 8080, 0 a free one.
import http from 'node:http';
import express from 'express';
import { WS } from 'ws13-native';

const PORT = Number(process.env.PORT || 8080);

const sockets = new Set();
const app = express();

app.get('/', (_request, response) => {
  response.type('text').send('The WebSocket is at /ws.\n');
});

app.get('/connections', (_request, response) => {
  response.json({ count: sockets.size });
});

// Express sees no upgrade, and WS.listen nothing else.
const server = http.createServer(app);

WS.listen(server, {
  upgrade(request) {
    // No `new URL` here: it throws for some of what a client may send, `//` for one.
    const [path] = request.url.split('?', 1);
    return path === '/ws' || 404;
  },

  open(socket) {
    sockets.add(socket);
  },

  message(socket, payload, isBinary) {
    WS.send(socket, payload, { binary: isBinary });
  },

  close(socket) {
    sockets.delete(socket);
  }
});

server.listen(PORT, '127.0.0.1', () => console.log(`Listening on port ${server.address().port}.`));
