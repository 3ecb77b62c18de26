'use strict';

// A connection that fails, and a program without a handler for that.

const net = require('node:net');
const { connect } = require('../../lib/connect.js');

const server = net.createServer().listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  server.close(() => connect(`ws://127.0.0.1:${port}/`, {}));
});
