// A server for wss: URLs, with a certificate that can be renewed while it runs.
// node examples/tls.mjs <certificate.pem> <key.pem>      PORT chooses another port than 8443, 0 a free one.
//
// A certificate to try it with, for a month:
//   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
//     -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem
// and its client: WS.connect('wss://localhost:8443/', handlers, { tls: { ca: readFileSync('certificate.pem') } })
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { WS } from 'ws13-native';

const PORT = Number(process.env.PORT || 8443);
const [certificateFile, keyFile] = process.argv.slice(2);

if (keyFile === undefined) {
  console.error('Usage: node examples/tls.mjs <certificate.pem> <key.pem>');
  process.exit(2);
}

const server = tls.createServer(identity());

WS.listen(server, {
  open(socket) {
    WS.send(socket, `Hello over ${socket.getProtocol()}.`);
  },

  message(socket, payload, isBinary) {
    WS.send(socket, payload, { binary: isBinary });
  }
});

// New connections get the new certificate; those that are open stay so.
process.on('SIGHUP', () => {
  try {
    server.setSecureContext(identity());
    console.log('Certificate renewed.');
  } catch (error) {
    console.error('The old certificate stays:', error.message);
  }
});

server.listen(PORT, '127.0.0.1', () => console.log(`Listening on port ${server.address().port}.`));

function identity() {
  return { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
}
