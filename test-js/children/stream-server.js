'use strict';

// Sends one long message back as it arrives, then tells the most memory it has had, in MiB.

const http = require('node:http');
const { attach } = require('../../lib/attach.js');
const { send } = require('../../lib/send.js');
const { upgrade } = require('../../lib/upgrade.js');

const handlers = {
  message(socket, incoming, isBinary) {
    send(socket, incoming, { binary: isBinary });
  },
  close(socket, code) {
    console.log(`rss ${Math.ceil(process.resourceUsage().maxRSS / 1024)} code ${code}`);
    server.close();
  }
};

const server = http.createServer().on('upgrade', (request, socket, head) => {
  upgrade(socket, request.headers);
  attach(socket, handlers, { head, stream: true, maxPayload: 2 ** 40, maxFragments: 2 ** 31 });
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
