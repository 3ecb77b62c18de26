'use strict';

// One connection that opens and closes, and one that is refused. Ends by itself.

const http = require('node:http');
const { connect } = require('../../lib/connect.js');
const { WS } = require('../../index.js');

const server = http.createServer();
let expected = 2;
server.on('upgrade', (request, socket, head) => {
  // Closing an http server closes connections whose request has not been read yet.
  if (--expected === 0) server.close();
  if (request.url !== '/') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    return;
  }
  WS.upgrade(socket, request.headers);
  WS.attach(socket, {}, { head });
});
server.listen(0, '127.0.0.1', () => {
  const url = `ws://127.0.0.1:${server.address().port}/`;
  connect(`${url}refused`, { error: (_socket, { code }) => { process.exitCode = 0; refused = `refused ${code}`; } });
  connect(url, { open: (socket) => WS.close(socket, 1000), close: (_socket, code) => console.log(`closed ${code}`) });
});

let refused = '';
process.on('exit', () => console.log(refused));
