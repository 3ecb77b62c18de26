// A chat: who connects to /?name=Ada says something to all by sending text.
// node examples/chat.mjs      PORT chooses another port than 8080, 0 a free one. ORIGINS lists the
// sites whose pages may connect, with commas: https://chat.example,https://www.chat.example
//
// What everybody gets is JSON: { type: 'join', name, names }, { type: 'say', name, text } and
// { type: 'leave', name }.
import { WS } from 'ws13-native';

const PORT = Number(process.env.PORT || 8080);
const ORIGINS = (process.env.ORIGINS || 'http://localhost:8080').split(',');
const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;

/** The name of each socket. */
const members = new Map();

const server = WS.listen({ port: PORT, host: '127.0.0.1' }, {
  upgrade(request) {
    const [path, query] = request.url.split('?', 2);
    if (path !== '/') return 404;
    const name = new URLSearchParams(query).get('name');
    if (name === null || !NAME.test(name)) return 400;
    // As this is not async, `open` follows before anybody else can ask for the same name.
    if ([...members.values()].includes(name)) return 409;
    return { data: name };
  },

  open(socket, _request, name) {
    members.set(socket, name);
    tellAll({ type: 'join', name, names: [...members.values()] });
  },

  message(socket, text, isBinary) {
    if (isBinary) WS.close(socket, 1003, 'Text only, please.');
    else tellAll({ type: 'say', name: members.get(socket), text });
  },

  close(socket) {
    const name = members.get(socket);
    members.delete(socket);
    tellAll({ type: 'leave', name });
  }
}, {
  origins: ORIGINS,
  text: 'string',
  maxPayload: 4096,
  maxMessageRate: { rate: 5, burst: 20 },
  // Who reads too slowly to follow is dropped, before the others' words fill the memory.
  maxBufferedAmount: 1024 * 1024
});

server.on('listening', () => console.log(`Listening on port ${server.address().port}.`));

/** One frame for all of them: it is encoded once. */
function tellAll(event) {
  WS.broadcast(members.keys(), JSON.stringify(event));
}
