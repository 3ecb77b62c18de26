'use strict';

// A chunk of 4 GiB, one byte more than 32 bits can count: a message, a close frame, and zeros, which
// take no memory as long as nobody writes to them. Prints what was made of it. It is a process of its
// own because a count that wraps reads the chunk for ever.

const { WS } = require('../../index.js');
const { peerOf } = require('../support/frames.js');
const { plain, sent } = require('../support/plain.js');

const chunk = Buffer.from(new ArrayBuffer(2 ** 32));
Buffer.concat([peerOf('client').text('first'), peerOf('client').close(1000)]).copy(chunk);

const socket = plain('client');
const messages = [];
WS.receive(socket, chunk, (payload) => messages.push(payload.toString()));
console.log(JSON.stringify({ messages, sent: sent(socket) }));
