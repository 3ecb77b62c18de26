'use strict';

// Tells what a method has seen that was put in front of the sockets' own before the library was there.

const net = require('node:net');

const { write } = net.Socket.prototype;
const seen = [];
net.Socket.prototype.write = function (chunk, ...rest) {
  if (Buffer.isBuffer(chunk)) seen.push(chunk.toString('hex'));
  return write.call(this, chunk, ...rest);
};

const { WS } = require('../..');

const server = net.createServer((socket) => {
  socket._is_server = true;
  // What is to be seen of it are the frames of later ticks, too.
  WS.send(socket, 'abc', () => {
    process.send(seen, () => {
      socket.destroy();
      server.close();
      process.disconnect();
    });
  });
});

server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').resume());
