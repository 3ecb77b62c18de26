// Whole connections: handlers, options and what the compiler finds out by itself.
import {
  Agent, IncomingMessage as HttpRequest, createServer as createHttpServer, type Server as HttpServer
} from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import net, { type Server, type Socket } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import tls, { type TLSSocket } from 'node:tls';
import { WS } from 'ws13-native';
import type {
  AttachOptions, ClientHandlers, ConnectOptions, Frame, HandshakeError, HandshakeRequest, IncomingMessage,
  ListenOptions, SendOptions, ServerHandlers, Stats, StreamOptions, WholePayload
} from 'ws13-native';
// @ts-expect-error: what makes a frame a frame is not exported
import type { madeByFrame } from 'ws13-native';

declare const socket: Socket;
declare const duplex: Duplex;
declare const chunk: Buffer;
declare const signal: AbortSignal;

// listen: places and servers
WS.listen(8080, {}) satisfies Server;
WS.listen({ port: 0, host: '::1', backlog: 10, ipv6Only: true, signal }, {});
WS.listen({ path: '/run/chat.sock', readableAll: true }, {});
WS.listen(createHttpServer(), {}) satisfies HttpServer;
WS.listen(createSecureServer({ allowHTTP1: true }), {}) satisfies Http2SecureServer;
WS.listen(tls.createServer(), {
  open(socket: TLSSocket) { socket.authorized satisfies boolean; }
}) satisfies tls.Server;
// @ts-expect-error: the handlers are missing
WS.listen(8080);
// @ts-expect-error: a port is a number
WS.listen('8080', {});
// @ts-expect-error: an option of the place that does not exist
WS.listen({ prot: 8080 }, {});
// @ts-expect-error: a handler that does not exist
WS.listen(8080, { mesage() {} });

// listen: handlers
WS.listen(8080, {
  open(socket, request, data) {
    socket satisfies Socket;
    request satisfies HandshakeRequest;
    request.protocols satisfies string[];
    request.headers.origin satisfies string | undefined;
    data satisfies undefined;
  },
  message(socket, payload, isBinary) {
    payload satisfies Buffer;
    isBinary satisfies boolean;
    WS.send(socket, payload, { binary: isBinary });
    this.drain?.(socket);
  },
  ping(_socket, payload) { payload satisfies Buffer; },
  pong(_socket, _payload, roundTrip) { roundTrip satisfies number | null; },
  drain(socket) { socket.writableLength satisfies number; },
  close(_socket, code, reason, wasClean) {
    [code, reason, wasClean] satisfies [number, string, boolean];
  },
  error(_socket, error) { error.code satisfies string | undefined; }
});

// listen: what `upgrade` says reaches `open`
const users = new Map<Socket, { name: string }>();
WS.listen(8080, {
  async upgrade(request) {
    if (request.headers.authorization === undefined) {
      return { status: 401, headers: { 'WWW-Authenticate': ['Basic', 'Bearer'] } };
    }
    if (request.url !== '/chat') return 404;
    if (request.protocols.length === 0) return false;
    return { protocol: 'chat', headers: { 'Set-Cookie': 'a=1' }, data: { name: 'Ada' }, maxPayload: 1024 };
  },
  open(socket, _request, data) { users.set(socket, data); }
});
WS.listen(8080, { upgrade: ({ url }) => url === '/' });
WS.listen(createHttpServer(), {
  upgrade(request) {
    return request instanceof HttpRequest && request.complete && request.protocols.length > 0;
  }
});
WS.listen(8080, { upgrade() {} });
WS.listen(8080, { upgrade: () => ({ protocol: false, heartbeat: 0 }) });
WS.listen<string | undefined>(8080, {
  upgrade: () => Math.random() < 0.5 ? true : { data: 'half of them' },
  open(_socket, _request, data) { data satisfies string | undefined; }
});
WS.listen<string>(createHttpServer(), { open(_socket, _request, data) { data satisfies string; } });
// @ts-expect-error: whoever is accepted has to get the data that `open` counts on
WS.listen(8080, { upgrade: (request): true | { data: string } => request.url === '/' || { data: 'half of them' } });
// @ts-expect-error: null is no answer
WS.listen(8080, { upgrade: () => null });
// @ts-expect-error: an answer with an option that does not exist
const misspelt: ServerHandlers = { upgrade: () => ({ protocl: 'chat' }) };

// Handlers of a class are called on their object.
class Chat implements ServerHandlers<string, 'string'> {
  #lines: string[] = [];
  upgrade() { return { data: 'lobby' }; }
  message(_socket: Socket, payload: Buffer | string) { this.#lines.push(String(payload)); }
}
WS.listen(8080, new Chat(), { text: 'string' });

// The options `text` and `stream` decide what a message is.
WS.listen(8080, { message(_socket, payload) { payload satisfies Buffer | string; } }, { text: 'string' });
WS.listen(8080, {
  message(_socket, payload) {
    payload satisfies IncomingMessage;
    payload.pipe(process.stdout);
  }
}, { stream: true, protocols: (offered) => offered[0] ?? false });
WS.connect('ws://localhost', { message(_socket, payload) { payload satisfies IncomingMessage; } }, { stream: true });
WS.attach(duplex, { message(_socket, payload) { payload satisfies Buffer | string; } }, { text: 'string' });
// @ts-expect-error: a string may come, too
WS.listen(8080, { message(_socket, payload) { payload.readUInt8(0); } }, { text: 'string' });
// @ts-expect-error: not a whole message
WS.listen(8080, { message(_socket, payload) { payload.length; } }, { stream: true });

// listen: options
({
  strict: false,
  protocols: ['chat', 'superchat'],
  origins: ['https://example.org', /\.example\.org$/],
  maxConnections: 10_000,
  handshakeTimeout: 1000,
  maxPayload: 1,
  maxFragments: 1,
  maxPendingPongs: 1,
  closeTimeout: 1,
  maxBufferedAmount: 1024,
  maxMessageRate: { rate: 10, burst: 100 },
  heartbeat: 0,
  transport: 'stream',
  text: 'buffer',
  stream: false
}) satisfies ListenOptions;
({
  origins: (origin, request) => origin === undefined || request.url === '/',
  text: undefined
}) satisfies ListenOptions;
// @ts-expect-error: an option that does not exist
WS.listen(8080, {}, { origin: ['https://example.org'] });
// @ts-expect-error: a burst has no default
WS.listen(8080, {}, { maxMessageRate: { rate: 10 } });
// @ts-expect-error: another form than these two
WS.listen(8080, {}, { text: 'utf8' });
// @ts-expect-error: true or false, at once
WS.listen(8080, {}, { origins: async () => true });

// connect
WS.connect('wss://user:password@example.org/chat', {
  open(socket, response) {
    socket satisfies Socket;
    response.status satisfies number;
    response.headers['set-cookie'] satisfies string[] | undefined;
  },
  error(socket, error) {
    socket satisfies Socket | null;
    error.code satisfies string | undefined;
    if ('status' in error) {
      error satisfies HandshakeError;
      error.body?.toString() satisfies string | undefined;
    }
  }
}, {
  protocols: ['chat'],
  headers: { Cookie: 'a=1' },
  origin: 'https://example.org',
  tls: { ca: chunk, rejectUnauthorized: true, servername: 'example.org' },
  signal,
  maxRedirects: 5,
  handshakeTimeout: 1000
}) satisfies Socket;
WS.connect(new URL('ws://localhost'), {}) satisfies Socket;
WS.connect('ws://localhost', {}, { agent: new Agent() }) satisfies Socket | null;
WS.connect('ws://localhost', {}, { createConnection: (place) => net.connect(place) }) satisfies Socket | null;
WS.connect('wss://localhost', {}, { createConnection: (place) => tls.connect(place) }) satisfies Socket | null;
WS.connect('ws://localhost', {}, { createConnection: (_place, callback) => { callback(null, socket); } });
WS.connect('ws://localhost', { open(socket) { socket satisfies Duplex; } }, { createConnection: () => duplex });
// @ts-expect-error: the handlers are missing
WS.connect('ws://localhost');
// @ts-expect-error: upgrade is for servers
WS.connect('ws://localhost', { upgrade: () => true });
// @ts-expect-error: an option for servers
WS.connect('ws://localhost', {}, { strict: true });
// @ts-expect-error: the host is the URL's to say
WS.connect('wss://localhost', {}, { tls: { host: 'example.org' } });
// @ts-expect-error: an agent may make the socket later
WS.connect('ws://localhost', {}, { agent: new Agent() }).destroy();
// @ts-expect-error: one field a name
WS.connect('ws://localhost', {}, { headers: { Cookie: ['a=1', 'b=2'] } });
// @ts-expect-error: there may be no socket
const careless: ClientHandlers = { error(socket) { socket.destroy(); } };
({ protocols: [], maxRedirects: 0 }) satisfies ConnectOptions;

// attach
createHttpServer().on('upgrade', (request, stream, head) => {
  if (WS.upgrade(stream, request.headers)) {
    WS.attach(stream, { message: (socket, payload) => { WS.send(socket, payload); } }, { head }) satisfies Duplex;
  }
});
WS.attach(socket, { open(socket, request) { [socket, request] satisfies [Socket, undefined]; } }) satisfies Socket;
({ head: new Uint8Array(2), heartbeat: 1000 }) satisfies AttachOptions;
// @ts-expect-error: without events the library cannot read
WS.attach({ write() {}, end() {} }, {});
// @ts-expect-error: the handlers are missing
WS.attach(socket);

// pause, resume
WS.pause(socket) satisfies void;
WS.resume({ write() {}, end() {} }) satisfies void;

// stream, messages
Readable.from(['a']).pipe(WS.stream(socket)) satisfies Duplex;
({
  binary: false,
  readableObjectMode: true,
  writableObjectMode: true,
  head: chunk,
  maxPayload: 1
}) satisfies StreamOptions;
// @ts-expect-error: a stream has its own form of text
WS.stream(socket, { text: 'string' });
for await (const { payload, isBinary } of WS.messages(socket)) {
  payload satisfies Buffer;
  isBinary satisfies boolean;
}
for await (const { payload } of WS.messages(socket, { text: 'string' })) payload satisfies Buffer | string;
for await (const { payload } of WS.messages<'buffer', true>(socket)) payload satisfies IncomingMessage;
// @ts-expect-error: text was to be strings
for await (const { payload } of WS.messages<'string'>(socket)) payload satisfies Buffer;

// frame, broadcast
const frame = WS.frame('hello', { fin: true }) satisfies Frame;
WS.broadcast([socket, duplex], frame) satisfies number;
WS.broadcast(new Set([socket]), 'hello', { binary: true });
WS.broadcast(users.keys(), new Uint8Array(2));
((payload: WholePayload | Frame, options?: SendOptions) => WS.broadcast([socket], payload, options) satisfies number);
((payload: WholePayload | Frame) => WS.broadcast([socket], payload));
// @ts-expect-error: a Blob takes time, a frame has none
WS.frame(new Blob([]));
// @ts-expect-error: nor can a Readable be sent twice
WS.broadcast([socket], Readable.from([]));
// @ts-expect-error: one socket is no list of them
WS.broadcast(socket, 'hello');
// @ts-expect-error: a frame has its options already
WS.broadcast([socket], frame, { binary: true });

// shutdown, stats
await WS.shutdown(WS.listen(8080, {}), { code: 1012, timeout: 0 }) satisfies void;
// @ts-expect-error: a socket is no server
WS.shutdown(socket);
// @ts-expect-error: an option that does not exist
WS.shutdown(WS.listen(8080, {}), { reason: 'bye' });
const { connections, messages, bytes, refusals } = WS.stats() satisfies Stats;
[connections.open, connections.reactor, messages.sent, bytes.received] satisfies number[];
refusals['origin'] satisfies number | undefined;
misspelt satisfies ServerHandlers;
careless satisfies ClientHandlers;
