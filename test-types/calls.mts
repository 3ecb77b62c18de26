// The article's calls as a program writes them, and every misuse that the compiler has to refuse.
import { createServer as createHttpServer } from 'node:http';
import type { Http2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import ws13, { WS } from 'ws13-native';
import type {
  ConnectionInfo, Frame, Payload, SendCallback, SendOptions, SocketLike, UpgradeOptions, WholePayload
} from 'ws13-native';

declare const socket: Socket;
declare const tls: TLSSocket;
declare const stream: Http2Stream;
declare const duplex: Duplex;
declare const chunk: Buffer;
declare const answer: Response;

// The default export is the CommonJS module itself.
ws13.WS satisfies typeof WS;

// Sockets.
const plain = { write(_chunk: Uint8Array) {}, end() {} };
for (const each of [socket, tls, stream, duplex, plain] satisfies SocketLike[]) {
  WS.send(each, 'hello') satisfies boolean;
}
const peer: SocketLike = socket;
peer._is_client = true;
// @ts-expect-error: without end it is no socket
WS.ping({ write() {} });
// @ts-expect-error: without write it is no socket
WS.ping({ end() {} });
// @ts-expect-error: a write of strings only cannot take frames
WS.ping({ write(_text: string) {}, end() {} });
// @ts-expect-error: there is no socket
WS.ping();

// upgrade
createHttpServer().on('upgrade', (request, stream) => {
  WS.upgrade(stream, request.headers) satisfies boolean;
  WS.upgrade(stream, request.headers, { protocols: ['chat'] });
});
WS.upgrade(socket, { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }, (accepted) => {
  accepted satisfies boolean;
});
WS.upgrade(socket, {}, undefined, () => {});
WS.upgrade(socket, {}, null);
WS.upgrade(socket, {}, {
  protocols: (offered, headers) => {
    headers['origin'] satisfies string | readonly string[] | undefined;
    return offered.includes('chat') ? 'chat' : false;
  },
  strict: true,
  maxPayload: 1024,
  maxFragments: 16,
  maxPendingPongs: 1,
  closeTimeout: 1000
}, () => {});
({ protocols: ['a', 'b'] as const }) satisfies UpgradeOptions;
// @ts-expect-error: the headers are missing
WS.upgrade(socket);
// @ts-expect-error: an option that does not exist
WS.upgrade(socket, {}, { maxPayLoad: 1024 });
// @ts-expect-error: limits are numbers
WS.upgrade(socket, {}, { maxPayload: '1 MiB' });
// @ts-expect-error: one of the offered, or false
WS.upgrade(socket, {}, { protocols: () => true });
// @ts-expect-error: the callback gets one argument
WS.upgrade(socket, {}, (_accepted: boolean, _more: string) => {});

// receive
socket.on('data', (data) => {
  WS.receive(socket, data, (payload, isBinary) => {
    payload satisfies Buffer;
    isBinary satisfies boolean;
  });
});
WS.receive(socket, chunk) satisfies Buffer | undefined;
WS.receive(socket, null, (payload) => payload satisfies Buffer | null) satisfies Buffer | null | undefined;
// @ts-expect-error: nothing may be complete yet
WS.receive(socket, chunk).length;
// @ts-expect-error: a plain Uint8Array is no chunk of a socket
WS.receive(socket, new Uint8Array(2));
// @ts-expect-error: nor is a string
WS.receive(socket, 'text');

// send
WS.send(socket, 'text', { fin: false });
WS.send(socket, chunk, { binary: false }, (error) => error?.message satisfies string | undefined);
WS.send(socket, 'text', undefined, () => {});
WS.send(socket, 'text', () => {});
for (const payload of [
  new Uint8Array(1), new Float64Array(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1),
  new SharedArrayBuffer(1), new Blob([]), Readable.from(['a', 'b']), new Blob([]).stream(), WS.frame('text')
]) WS.send(socket, payload);
WS.send(socket, Readable.from([chunk]), { binary: false }, () => {});
WS.send(socket, new ReadableStream<Buffer>(), { binary: false }, () => {});
if (answer.body !== null) WS.send(socket, answer.body);
WS.send(socket, WS.frame('text'), undefined, () => {});
((payload: Payload, options?: SendOptions, callback?: SendCallback) => WS.send(socket, payload, options, callback));
((payload: WholePayload | Frame, options?: SendOptions) => WS.send(socket, payload, options) satisfies boolean);
declare const anything: any;
WS.send(socket, anything, { binary: true });
({}) satisfies SendOptions;
({ binary: undefined }) satisfies SendOptions;
// @ts-expect-error: a frame has its options already
WS.send(socket, WS.frame('text'), { binary: true });
// @ts-expect-error: what looks like a frame is none
WS.send(socket, { kind: 1, bytes: chunk, payload: chunk });
// @ts-expect-error: numbers are not sent
WS.send(socket, 1);
// @ts-expect-error: objects are not sent; JSON.stringify makes a string of one
WS.send(socket, { foo: 'bar' });
// @ts-expect-error: nothing is not sent
WS.send(socket, null);
// @ts-expect-error: the payload is missing
WS.send(socket);
// @ts-expect-error: an option that does not exist
WS.send(socket, 'text', { opcode: 1 });
// @ts-expect-error: options are booleans
WS.send(socket, 'text', { fin: 0 });

// ping, pong, close
WS.ping(socket) satisfies boolean;
WS.ping(socket, 'payload');
WS.pong(socket, new Uint8Array(2)) satisfies boolean;
// @ts-expect-error: a Blob takes time, a ping has none
WS.ping(socket, new Blob([]));
// @ts-expect-error: a number is not a length
WS.ping(socket, 4);
WS.close(socket) satisfies boolean;
WS.close(socket, 1000, 'bye');
// @ts-expect-error: the code comes first
WS.close(socket, 'bye');
// @ts-expect-error: the reason is text
WS.close(socket, 1000, chunk);

// info
const info = WS.info(socket);
info?.state satisfies 'connecting' | 'open' | 'closing' | 'closed' | undefined;
// @ts-expect-error: a socket may have no connection
info.role;
if (info !== null) {
  info satisfies ConnectionInfo;
  info.role satisfies 'server' | 'client' | null;
  info.transport satisfies 'stream' | 'reactor';
  info.error?.closeCode satisfies number | undefined;
}

// No function uses `this`.
const { upgrade, send } = WS;
upgrade satisfies (this: void, socket: SocketLike, headers: {}) => boolean;
send(socket, 'text');

// The members may be replaced, as a test double does, by functions of the same shape.
WS.ping = () => true;
// @ts-expect-error: another shape
WS.ping = () => 'pong';

// The article's own order of calls.
createServer((peer) => {
  const headers: Record<string, string> = {};
  WS.upgrade(peer, headers, (result) => {
    if (result !== true) peer.end();
  });
});
