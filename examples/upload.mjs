// A file of any size as one message, with little memory on either side.
// node examples/upload.mjs to <folder>              the server; PORT chooses another port than 8080, 0 a
//                                                   free one, MAX_BYTES another limit than 1 GiB
// node examples/upload.mjs from <file> [url]        the client
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { WS } from 'ws13-native';

const PORT = Number(process.env.PORT || 8080);
const MAX_BYTES = Number(process.env.MAX_BYTES || 1024 ** 3);

const [direction, path, url = `ws://localhost:${PORT}/`] = process.argv.slice(2);

if (direction === 'to' && path !== undefined) serve(path);
else if (direction === 'from' && path !== undefined) upload(path, url);
else fail('Usage: node examples/upload.mjs to <folder> | from <file> [url]');

function serve(folder) {
  const server = WS.listen({ port: PORT, host: '127.0.0.1' }, {
    message(socket, file) {
      save(socket, file, folder);
    }
  }, {
    // Each message is a Readable, which begins with the first bytes and not with the last.
    stream: true,
    // Past it the client is sent 1009, and the Readable ends with an error.
    maxPayload: MAX_BYTES,
    maxConnections: 100
  });
  server.on('listening', () => console.log(`Listening on port ${server.address().port}.`));
}

async function save(socket, file, folder) {
  // The name is ours: one from outside might lead anywhere.
  const name = randomUUID();
  const whole = join(folder, name);
  const part = `${whole}.part`;
  try {
    // A disk that is slower than the network slows down the client.
    await pipeline(file, createWriteStream(part, { flags: 'wx' }));
    await rename(part, whole);
  } catch (error) {
    console.error('Not stored:', error.message);
    // Nothing is sent where the connection itself was the reason.
    WS.close(socket, 1011, 'The file could not be stored.');
    await rm(part, { force: true });
    return;
  }
  console.log(`Stored ${name}.`);
  WS.send(socket, name);
}

function upload(file, to) {
  WS.connect(to, {
    open(socket) {
      // Read no faster than the server takes it.
      WS.send(socket, createReadStream(file), (error) => {
        // Of a connection that was closed, `close` tells why.
        if (!error || error.code === 'ERR_SOCKET_CLOSED') return;
        fail(error.message);
        WS.close(socket, 1000);
      });
    },

    message(socket, name) {
      console.log(`Stored as ${name}.`);
      WS.close(socket, 1000);
    },

    close(_socket, code, reason) {
      if (code !== 1000) fail(`Not stored: closed with ${code} ${reason}`.trimEnd());
    },

    error(_socket, error) {
      fail(error.message || error.code);
    }
  }, { maxPayload: 1024 });
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}
