/// <reference types="node" />
import type { Agent, IncomingHttpHeaders } from 'node:http';
import type { NetConnectOpts, Server, Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';

/**
 * WebSocket (RFC 6455, version 13) for Node's own sockets. Sections (§) are that RFC's.
 *
 * The socket is the connection: nothing wraps it. No function uses `this`, and `WS` is a plain object
 * whose members may be replaced. All of them do their work before they return; what takes longer is
 * told by a callback, a handler or a promise.
 *
 * The role decides which frames are masked (§5.1). It is read from the socket's `_is_server` and
 * `_is_client` at every call: `WS.upgrade` and `WS.listen` set them for a server, `WS.connect` for a
 * client; who does the handshake by hand sets them by hand. A socket with neither flag sends masked
 * frames and accepts both kinds.
 *
 * Options are checked as a whole before anything is done: an unknown name, or an option that is
 * not the object's own, is a `TypeError` with `ERR_INVALID_ARG_VALUE`, a value of another type one with
 * `ERR_INVALID_ARG_TYPE`, a number out of range, or not a whole one, a `RangeError` with `ERR_OUT_OF_RANGE`.
 * No value is coerced; `undefined` stands for the default.
 */
export const WS: WS;

/** The functions of {@link WS}. */
export interface WS {
  /**
   * Answers a client's opening handshake (§4.2.2) and makes `socket` the server's end of a
   * WebSocket: sets `_is_server` and `_is_client`, writes the whole response in one `write`, and
   * calls `callback(true)`, all before it returns.
   *
   * A handshake that is refused is answered too, with `Connection: close`: `426` for another version
   * than 13 (and, where `strict`, for a request without `Upgrade`), `400` for every other reason. Then
   * `callback(false)` is called and the socket is ended. Where `headers` is no object, or the socket is
   * destroyed or ended already, `callback(false)` is called and nothing is written.
   *
   * @param headers Names in lower case, as `http.IncomingMessage.headers` has them.
   * @param callback Called once, before the return. What it throws reaches the caller.
   * @returns Whether the connection is open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`, or an option of
   * another type. `ERR_INVALID_ARG_VALUE`: an unknown option, or `protocols` chose what was not
   * offered.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a limit outside of its range.
   * @throws {Error} `ERR_INVALID_STATE`: the library reads this socket itself.
   */
  upgrade(this: void, socket: SocketLike, headers: HandshakeHeaders, callback?: UpgradeCallback | null): boolean;
  upgrade(
    this: void,
    socket: SocketLike,
    headers: HandshakeHeaders,
    options: UpgradeOptions | undefined,
    callback?: UpgradeCallback
  ): boolean;

  /**
   * Takes what arrived on `socket`, in chunks of any size: a frame may be split anywhere, and a
   * chunk may hold any number of frames. Pings and close frames are answered, and a peer that
   * breaks the protocol is sent the fitting close code, through `socket.write` and `socket.end`
   * before the return; `callback` runs for each complete message, in order.
   *
   * Never throws on wire input. What `callback` throws reaches the caller, and the rest of the
   * chunk is processed at the next call. After a close nothing is delivered any more. Called from
   * within a callback for the same socket, it queues the bytes behind the chunk in hand.
   *
   * After the first call Node reads a `net.Socket` or `tls.TLSSocket` into a buffer of the library's: the
   * chunks of 'data' are copies from then on, of up to 128 KiB, and those of up to 32 KiB share memory.
   *
   * Without a callback, one message a call is returned; `WS.receive(socket, Buffer.alloc(0))`
   * returns the next one that waits, none after `WS.close`. More than `maxPayload` and 1 MiB waiting
   * fails the connection with 1008.
   *
   * @param buffer Never modified, and not kept: it may be reused after the return.
   * @returns The first message of this call, `undefined` where none was complete.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`.
   * @throws {Error} `ERR_INVALID_STATE`: the library reads this socket itself.
   */
  receive(this: void, socket: SocketLike, buffer: Buffer, callback?: MessageCallback): Buffer | undefined;
  /**
   * Anything but a Buffer is no data: `callback(null)` is called and `undefined` returned; without
   * a callback the return value is `null`.
   */
  receive(
    this: void,
    socket: SocketLike,
    buffer: Buffer | null | undefined,
    callback?: (payload: Buffer | null, isBinary?: boolean) => void
  ): Buffer | null | undefined;

  /**
   * Sends a message, or a fragment of one (§5.4). A string is a text message in UTF-8 (§5.6), all
   * else is binary; {@link SendOptions.binary} changes that.
   *
   * The first frame of a tick is written inside of the call. Further ones of the same tick leave in
   * one write at its end, those sent from within `WS.receive` in one write when it returns. Where the
   * library reads the socket, the first one waits, too, if the last tick had several. A server's payload
   * of more than 16 KiB takes what is gathered before it along and leaves inside of the call.
   *
   * @param payload Text that is sent as bytes has to be valid UTF-8. The bytes of a server's
   * message of more than 16 KiB are not copied: leave them as they are until `callback`. A Blob is
   * read first; a Readable is sent as one message, a fragment for each chunk, no faster than the peer
   * reads, and is destroyed where it cannot be sent; a ReadableStream is locked, and cancelled then. What
   * is sent after any of them waits its turn, pings and pongs do not. A stream that fails in the middle of
   * its message fails the connection with 1011.
   * @param callback Called once, with an error where the frame could not be sent: `ERR_SOCKET_CLOSED`
   * on a connection that is not open, or what the Blob or stream failed with, which is an uncaught
   * exception without a callback. A socket whose `write` takes no callback never calls.
   * @returns `true`: accepted. `false`: accepted, but the socket's queue is full, so wait for
   * 'drain'; or nothing was sent, because the connection is not open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload, option or callback of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option, `binary: false` with bytes that are not UTF-8, or
   * options beside a frame of `WS.frame`. `ERR_INVALID_STATE`: a ReadableStream that is locked.
   */
  send(this: void, socket: SocketLike, payload: Payload, callback?: SendCallback): boolean;
  send<P extends Payload>(
    this: void,
    socket: SocketLike,
    payload: P,
    options: OptionsBeside<P>,
    callback?: SendCallback
  ): boolean;
  send(
    this: void,
    socket: SocketLike,
    payload: Exclude<Payload, Frame>,
    options: SendOptions | undefined,
    callback?: SendCallback
  ): boolean;

  /**
   * Sends a ping (§5.5.2); the peer answers with the same payload.
   *
   * @param payload 0 to 125 bytes; a string is counted and sent in UTF-8. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is not open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload of another type.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a payload of more than 125 bytes.
   */
  ping(this: void, socket: SocketLike, payload?: ControlPayload): boolean;

  /**
   * Sends a pong that no ping asked for (§5.5.3). Pings are answered without it.
   *
   * @param payload 0 to 125 bytes; a string is counted and sent in UTF-8. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is not open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload of another type.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a payload of more than 125 bytes.
   */
  pong(this: void, socket: SocketLike, payload?: ControlPayload): boolean;

  /**
   * Starts the closing handshake (§7.1.2): sends a close frame, after which nothing more is sent and
   * no further message is delivered. The socket is ended when the peer's close frame arrives, and
   * destroyed where it has not closed within {@link LimitOptions.closeTimeout}.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999 (§7.4). Default: none, an empty frame.
   * @param reason Text of at most 123 bytes in UTF-8; needs a code. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is not open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a code or a reason of another type.
   * `ERR_INVALID_ARG_VALUE`: a reason without a code.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a code that may not be sent, or too long a reason.
   */
  close(this: void, socket: SocketLike, code?: number, reason?: string): boolean;

  /** What is known of the connection now; `null` for a socket that `WS` has never seen. */
  info(this: void, socket: SocketLike): ConnectionInfo | null;

  /**
   * Takes WebSocket connections on a port or a unix socket of its own, or on a server that is there:
   * one of net or tls, which is taken over, or one of http or https, which keeps all requests but
   * upgrades. The request is read and judged as RFC 6455 §4.2.1 wants it, `handlers.upgrade` is asked,
   * and the rest of a connection's life is told to the handlers. Whatever arrives before the
   * connection is open is kept and delivered.
   *
   * A handshake that is refused gets an HTTP answer with one sentence of explanation: 400, 403
   * (`origins`, or `upgrade` said `false`), 405, 408, 426, 431, 500 (a function of the program's
   * has thrown), 503 (`maxConnections`, a shutdown, or no decision in time), 505. `WS.stats` counts
   * them by reason, and the channel `ws13:refuse` of `node:diagnostics_channel` tells of each.
   *
   * @param where A port from 0 (any) to 65,535, a {@link ListenPlace}, or a server; it may listen already.
   * @param handlers Shared by all connections.
   * @returns The server, Node's own: 'listening', 'error' and `address()` are its.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a `where`, a handler or an option of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option, what is probably a misspelt handler, a place that has
   * not exactly one of `port`, `path` and `fd`, or a server of HTTP/2 that takes no HTTP/1.1
   * (`allowHTTP1: true`, over TLS).
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a port or an option outside of its range.
   * @throws {Error} `ERR_INVALID_STATE`: `WS.listen` has this server already.
   */
  listen<
    Data = undefined, Text extends TextForm = 'buffer', Stream extends boolean = false, S extends Server = Server
  >(
    this: void,
    where: S,
    handlers: ServerHandlers<Data, Text, Stream>,
    options?: ListenOptions<Text, Stream>
  ): S;
  listen<Data = undefined, Text extends TextForm = 'buffer', Stream extends boolean = false>(
    this: void,
    where: number | ListenPlace,
    handlers: ServerHandlers<Data, Text, Stream>,
    options?: ListenOptions<Text, Stream>
  ): Server;

  /**
   * Opens a connection (§4.1). Then either `handlers.open` is called or `handlers.error`, exactly one
   * of the two and never before this returns; an error without a handler is an uncaught exception.
   * Until `open`, `WS.info` tells `connecting` and sends are refused.
   *
   * Credentials of the URL become Basic authentication. A redirect is followed as
   * {@link ConnectOptions.maxRedirects} says, never from `wss:` to `ws:`; to another origin
   * `Authorization`, `Cookie`, `Proxy-Authorization` and the client's TLS certificate do not go along.
   *
   * @param url `ws:`, `wss:`, or `ws+unix:///path/to/socket:/request/path`; no fragment (§3).
   * @returns The socket; where redirects are followed, that of the first hop. With an `agent` or
   * `createConnection` that makes it later, `null`.
   * @throws {TypeError} `ERR_INVALID_URL`; `ERR_INVALID_ARG_TYPE`: an argument or option of another
   * type. `ERR_INVALID_ARG_VALUE`: an unknown option, another scheme, a fragment, an `upgrade` handler,
   * a subprotocol, origin or header that cannot be written, `agent` beside `createConnection`, or no
   * TLS socket for `wss:`.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: an option outside of its range.
   * @throws {Error} What `agent` or `createConnection` throws, or `tls.connect` for {@link ConnectOptions.tls}: a
   * key that is none, for one. Behind a redirect it goes to `handlers.error`.
   */
  connect<Text extends TextForm = 'buffer', Stream extends boolean = false>(
    this: void,
    url: string | URL,
    handlers: ClientHandlers<Socket, Text, Stream>,
    options?: ConnectOptions<Text, Stream> & { agent?: undefined; createConnection?: undefined }
  ): Socket;
  connect<Text extends TextForm = 'buffer', Stream extends boolean = false, S extends Duplex = Socket>(
    this: void,
    url: string | URL,
    handlers: ClientHandlers<S, Text, Stream>,
    options: ConnectOptions<Text, Stream, S>
  ): S | null;

  /**
   * Has the library read a socket whose handshake is done, as it does for those of `WS.listen`:
   * `WS.upgrade` has answered, or the flag `_is_client` was set by hand. From here on `WS.receive`
   * throws. `open` is called before this returns, and messages in `head` are delivered. For a socket that is
   * destroyed already no handler is called.
   *
   * The options count from now on. What `WS.upgrade` was told of {@link LimitOptions} stays where it is not told
   * anew.
   *
   * @param handlers As those of `WS.listen`; `upgrade` is not called.
   * @returns The socket.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: no socket, or a handler or an option of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: an option outside of its range.
   * @throws {Error} `ERR_INVALID_STATE`: the socket is attached already, in a handshake of `WS.connect` or
   * `WS.listen`, or read by `WS.receive` before.
   */
  attach<S extends Duplex, Text extends TextForm = 'buffer', Stream extends boolean = false>(
    this: void,
    socket: S,
    handlers: AttachHandlers<S, Text, Stream>,
    options?: AttachOptions<Text, Stream>
  ): S;

  /**
   * Reads no more from the socket and delivers nothing, until `WS.resume`. The peer is held up by TCP;
   * a heartbeat does not count the time, but its pings find a peer that is gone. Of an attached socket, `WS.close` ends the pause, so that the
   * peer's answer is read. A handshake of the library's is not held up: there the pause counts from `open` on.
   *
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`.
   */
  pause(this: void, socket: SocketLike): void;

  /**
   * Takes up where `WS.pause` left off, after the running tick; what was kept comes first.
   *
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`.
   */
  resume(this: void, socket: SocketLike): void;

  /**
   * The messages of a socket as a Duplex, with backpressure both ways. Each `write` is sent as a
   * message, strings as text and all else as binary. Read are the bytes of the messages, one behind the
   * other, as they arrive; see {@link StreamOptions} for whole messages.
   *
   * A socket that is not attached is attached. Of one that is, the stream takes over the messages: the
   * `message` handler gets none from here on, all other handlers what they got before.
   *
   * The readable side ends when the connection is closed cleanly. `end()` sends a close frame with 1000
   * behind all that was written; 'finish' follows when the closing handshake is done. `destroy()` destroys
   * the socket. A connection that was lost, or a peer that broke the protocol, destroys the stream:
   * 'close' comes without 'end', and 'error' tells why, where somebody listens for it.
   *
   * @param options Those of `WS.attach` only for a socket that is not attached.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: no socket, or an option of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option, or one of `WS.attach` for an attached socket.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: an option outside of its range.
   * @throws {Error} `ERR_INVALID_STATE`: the socket is in a handshake of `WS.connect` or `WS.listen`, or its
   * messages are read by another `WS.stream` or `WS.messages`.
   */
  stream(this: void, socket: Duplex, options?: StreamOptions): Duplex;

  /**
   * The messages of a socket for `for await`; a loop that is slow holds up the peer. Takes over, or
   * attaches, as `WS.stream` does. Where `text` or `stream` was set when the socket was attached, the
   * type arguments tell it: `WS.messages<'string'>(socket)`.
   *
   * Ends when the connection is closed cleanly. Throws after the last message where the peer broke the
   * protocol ({@link ViolationError}), the socket failed, or the connection was lost
   * (`ERR_WS13_ABNORMAL_CLOSURE`). Leaving the loop closes the connection with 1000, also by a throw
   * in its body: `WS.close(socket, 1011)` before that tells the peer.
   *
   * @param options For a socket that is not attached.
   * @throws {TypeError} As `WS.stream`.
   * @throws {RangeError} As `WS.stream`.
   * @throws {Error} As `WS.stream`.
   */
  messages<Text extends TextForm = 'buffer', Stream extends boolean = false>(
    this: void,
    socket: Duplex,
    options?: AttachOptions<Text, Stream>
  ): AsyncIterableIterator<Message<Text, Stream>>;

  /**
   * Encodes a message, or a fragment of one, once, for `WS.send` and `WS.broadcast` to any number of
   * sockets. Server's sockets get these very bytes; for a client they are masked at each send (§5.3).
   *
   * @param payload Copied. Text has to be whole characters, even with `fin: false`.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload or an option of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option, or `binary: false` with bytes that are not UTF-8.
   */
  frame(this: void, payload: WholePayload, options?: SendOptions): Frame;

  /**
   * Sends one message to many sockets; it is encoded once. Those that are not open are passed over.
   *
   * @param sockets Any iterable of them: an array, a Set, the keys of a Map.
   * @returns For how many sockets it was accepted.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: no iterable, a socket in it that is none, or a payload or
   * an option of another type. `ERR_INVALID_ARG_VALUE`: as `WS.frame`, or options beside a frame.
   */
  broadcast<P extends WholePayload | Frame>(
    this: void,
    sockets: Iterable<SocketLike>,
    payload: P,
    options?: OptionsBeside<P>
  ): number;
  broadcast(
    this: void,
    sockets: Iterable<SocketLike>,
    payload: WholePayload,
    options?: SendOptions
  ): number;

  /**
   * Ends a server of `WS.listen` with grace: it stops listening, handshakes get a 503, connections a
   * close frame, and whoever is still there at the deadline is destroyed. A second call gives the
   * promise of the first.
   *
   * @returns A promise that resolves when the last of its WebSocket connections is gone. An http
   * server's other connections are its own to end.
   * @throws {TypeError} At once, `ERR_INVALID_ARG_TYPE`: no server of `WS.listen`, or an option of another
   * type. `ERR_INVALID_ARG_VALUE`: an unknown option.
   * @throws {RangeError} At once, `ERR_OUT_OF_RANGE`: an option outside of its range.
   */
  shutdown(this: void, server: Server, options?: ShutdownOptions): Promise<void>;

  /** What this thread has done so far: the main thread and each worker count on their own. */
  stats(this: void): Stats;
}

/**
 * What `WS` needs of a socket: net, tls and http 'upgrade' sockets, HTTP/2 streams and any Duplex
 * have it, and so has a plain object with these two functions. A client written in TypeScript sets
 * its flag through this type: `const peer: SocketLike = socket; peer._is_client = true;`
 */
export interface SocketLike {
  /**
   * Takes bytes for the peer; `false`: its queue is full. Calls back when they are on their way. The
   * response of `WS.upgrade` comes as a string.
   */
  write(chunk: Buffer, callback?: (error?: Error | null) => void): unknown;
  /** Ends our half of the connection, after all that was written. */
  end(): unknown;
  /** `true` on the server's end: its frames are not masked, the peer's have to be. */
  _is_server?: boolean;
  /** `true` on the client's end: its frames are masked, the peer's must not be. */
  _is_client?: boolean;
}

/** The request's headers, names in lower case, as `http.IncomingMessage.headers` has them. */
export interface HandshakeHeaders {
  /** A field that is no string, as a repeated one may be, is as good as absent. */
  readonly [name: string]: string | readonly string[] | undefined;
}

/** How text messages reach the handlers: as Buffers of checked UTF-8, or as strings. */
export type TextForm = 'buffer' | 'string';

/**
 * What a `message` handler gets, by the options `text` and `stream`. A Buffer is the program's to keep
 * and to change.
 */
export type Delivered<Text extends TextForm = 'buffer', Stream extends boolean = false> =
  Stream extends true ? IncomingMessage : Text extends 'string' ? Buffer | string : Buffer;

/**
 * A message that is handed on as its bytes arrive; its end is the message's end. Left unread, or read
 * slowly, it holds up the peer; `resume()` drops the rest. A connection that ends before the message
 * does destroys it: with the peer's violation, the socket's error or `ERR_WS13_MESSAGE_CUT` where
 * somebody listens for 'error', else 'close' comes without 'end'.
 */
export interface IncomingMessage extends Readable {}

/** A message of `WS.messages`. */
export interface Message<Text extends TextForm = 'buffer', Stream extends boolean = false> {
  /** What the `message` handler would get. */
  payload: Delivered<Text, Stream>;
  /** Whether it came as binary rather than text (§5.6). */
  isBinary: boolean;
}

/**
 * What is told of every connection. All are optional, get the socket first, and have the handlers'
 * object as `this`. What one throws is an uncaught exception, as in any event of Node's.
 */
export interface Handlers<
  S = Socket, Text extends TextForm = 'buffer', Stream extends boolean = false
> {
  /** A message is complete; or, with `stream: true`, has begun. None comes after `WS.close`. */
  message?(socket: S, payload: Delivered<Text, Stream>, isBinary: boolean): void;
  /** A ping has come in and is answered already. */
  ping?(socket: S, payload: Buffer): void;
  /** A pong has come in: `roundTripMs` after the first ping that had no answer, `null` if there was none. */
  pong?(socket: S, payload: Buffer, roundTripMs: number | null): void;
  /** The socket takes more, after a send that returned `false`. */
  drain?(socket: S): void;
  /**
   * The connection is over and the socket closed: once for each socket of which `open` was told.
   * `code` is that of the peer's close frame, 1005 where it has none, 1006 where no frame came or the
   * peer broke the protocol (§7.1.5). `wasClean` tells whether a close frame came.
   */
  close?(socket: S, code: number, reason: string, wasClean: boolean): void;
  /**
   * Something went wrong; `close` follows, and without this handler that alone. A {@link ViolationError}, the
   * socket's own error, or by `code`: `ERR_WS13_HEARTBEAT`, `ERR_WS13_BUFFER_OVERFLOW`
   * ({@link GuardOptions}), `ABORT_ERR` (`signal`), `ERR_INVALID_STATE` (the socket has an encoding).
   */
  error?(socket: S, error: NodeJS.ErrnoException): void;
}

/**
 * The handlers of `WS.listen`. `Data` is what `upgrade` hands on to `open`; the compiler finds it where
 * `upgrade` stands before `open`, and where no answer of it is a refusal as an object: else name it,
 * `WS.listen<{ user: string }>(…)`. A server of tls has sockets of tls: `open(socket: TLSSocket)`.
 */
export interface ServerHandlers<
  Data = undefined, Text extends TextForm = 'buffer', Stream extends boolean = false
> extends Handlers<Socket, Text, Stream> {
  /**
   * Decides on a handshake that is in order; without it all are accepted. What it throws or rejects
   * with, and an answer that is none, refuses with 500 and is an uncaught exception.
   */
  upgrade?(
    request: HandshakeRequest
  ): UpgradeAnswer<Data, Text, Stream> | PromiseLike<UpgradeAnswer<Data, Text, Stream>>;
  /** The connection is open, its 101 sent. `request` is the one that `upgrade` got. */
  open?(socket: Socket, request: HandshakeRequest, data: Data): void;
}

/** The handlers of `WS.connect`. */
export interface ClientHandlers<
  S = Socket, Text extends TextForm = 'buffer', Stream extends boolean = false
> extends Handlers<S, Text, Stream> {
  /** The connection is open. After a redirect it is another socket than `WS.connect` has returned. */
  open?(socket: S, response: HandshakeResponse): void;
  /**
   * As in {@link Handlers}; or there will be no connection, and then neither `open` nor `close` is
   * called. The cause is a {@link HandshakeError}, or the error of the socket or the agent. `socket` is
   * `null` where there was none yet.
   */
  error?(socket: S | null, error: NodeJS.ErrnoException | HandshakeError): void;
  /** For servers only. */
  upgrade?: undefined;
}

/** The handlers of `WS.attach`. */
export interface AttachHandlers<
  S = Duplex, Text extends TextForm = 'buffer', Stream extends boolean = false
> extends Handlers<S, Text, Stream> {
  /** The connection is open. There is no request and no data: handlers of a server see `undefined`. */
  open?(socket: S, request: undefined, data: undefined): void;
}

/**
 * A client's request: of an http server its `http.IncomingMessage`, which `instanceof` tells the compiler;
 * else an object with these properties.
 */
export interface HandshakeRequest {
  /** `GET`, where `strict`. */
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** `1.1`, where `strict`. */
  readonly httpVersion: string;
  /** The part before the dot. */
  readonly httpVersionMajor: number;
  /** The part behind the dot. */
  readonly httpVersionMinor: number;
  /** Names in lower case; the values of a name that repeats are joined, those of `set-cookie` a list. */
  readonly headers: IncomingHttpHeaders;
  /** The socket that it came on. */
  readonly socket: Socket;
  /** The subprotocols that the client offers (§1.9), in its order. */
  readonly protocols: string[];
}

/** A server's answer that has opened a connection. */
export interface HandshakeResponse {
  /** The URL that answered: after redirects the last one. No user, no password. */
  url: string;
  /** 101. */
  status: number;
  /** Names in lower case; the values of a name that repeats are joined, those of `set-cookie` a list. */
  headers: IncomingHttpHeaders;
}

/**
 * What `upgrade` says: nothing or `true` to accept; `false` to refuse with 403; a status from 300 to
 * 599 to refuse with it; or an object that does either, by properties of its own. Where `Data` is more than
 * `undefined`, only an object with `data` accepts.
 */
export type UpgradeAnswer<Data = undefined, Text extends TextForm = 'buffer', Stream extends boolean = false> =
  | false
  | number
  | UpgradeRefusal
  | UpgradeAcceptance<Data, Text, Stream> & { data: Data }
  | (undefined extends Data ? true | void | UpgradeAcceptance<Data, Text, Stream> : never);

/** Refuses a handshake. */
export interface UpgradeRefusal {
  /** The HTTP status, 300 to 599. */
  status: number;
  /** Further fields, as in {@link UpgradeAcceptance.headers}: `Location`, `WWW-Authenticate`. */
  headers?: HandshakeFields | undefined;
}

/** Accepts a handshake. The options, where given, count for this connection. */
export interface UpgradeAcceptance<
  Data = undefined, Text extends TextForm = 'buffer', Stream extends boolean = false
> extends ConnectionOptions<Text, Stream> {
  /** Only in a refusal. */
  status?: undefined;
  /**
   * The subprotocol, if the client has offered it; else, or with `false`, there is none. Default: as
   * {@link ListenOptions.protocols} says.
   */
  protocol?: string | false | undefined;
  /**
   * Further fields of the response, in printable ASCII. Those that the handshake writes itself, or that
   * announce a body (`Connection`, `Sec-WebSocket-…`, `Content-Length` and the like), are an error of the
   * program's: `ERR_INVALID_ARG_VALUE`. Default: none.
   */
  headers?: HandshakeFields | undefined;
  /** Handed on to `open`. Default: undefined. */
  data?: Data;
}

/** Header fields of an answer; one that is to repeat has a list. */
export interface HandshakeFields {
  /** Names in any case. */
  readonly [name: string]: string | readonly string[];
}

/** The limits of every connection. */
export interface LimitOptions {
  /**
   * Bytes of one message, all its fragments together; past it the connection is failed with 1009, on
   * the header where the header shows it. 1 to 2^53 - 1; default: 104,857,600 (100 MiB). A message that
   * is not handed on as a stream is never more than one Buffer holds (4 GiB at most).
   */
  maxPayload?: number | undefined;
  /**
   * Frames of one message, empty ones counted; past it the connection is failed with 1008.
   * 1 to 2^32 - 1; default: 131,072.
   */
  maxFragments?: number | undefined;
  /**
   * Pongs that wait for a peer who pings and does not read; older ones are dropped, which §5.5.3
   * allows. 1 to 65,535; default: 16.
   */
  maxPendingPongs?: number | undefined;
  /**
   * Milliseconds from our close frame, or from the peer's FIN, to the end of the connection; then the
   * socket is destroyed (§7.1.1). So it is where a close frame waits for a Readable of which nothing
   * can be sent for that long. A handshake refused by `WS.listen` has as long to take its answer.
   * 1 to 2^31 - 1; default: 5000.
   */
  closeTimeout?: number | undefined;
}

/** What `WS.upgrade` may be told. */
export interface UpgradeOptions extends LimitOptions {
  /**
   * The subprotocols (§1.9) that the server speaks, in its order of preference; or a function that
   * gets the client's offer in the client's order and the headers, and picks one of the offer, or
   * `false` for none. Default: the first one offered.
   */
  protocols?: readonly string[] | ((offered: string[], headers: HandshakeHeaders) => string | false) | undefined;
  /**
   * Also wants what §4.2.1 asks of a client beyond key and version: `Host`, the token `websocket`
   * in `Upgrade`, the token `Upgrade` in `Connection`, a version, a key of 16 bytes. Default: false.
   */
  strict?: boolean | undefined;
  /** permessage-deflate, where the client offers it: `true`, or how. Default: false. */
  perMessageDeflate?: boolean | DeflateSettings | undefined;
}

/**
 * permessage-deflate (RFC 7692). A server answers with these settings, a client offers them; to
 * `WS.attach` they tell what a handshake has agreed to that somebody else has made.
 */
export interface DeflateSettings {
  /** Messages of fewer bytes are sent as they are, always. 0 to 2^53 - 1; default: 1024. */
  threshold?: number | undefined;
  /**
   * How hard to try, in all of the window: 0 (not at all) to 9. Default: 3; for messages of up to 4 KiB 1, and a
   * window of 13 bits. A context keeps what it begins with.
   */
  level?: number | undefined;
  /** How much memory a block of compressed data may take: 1 to 9. Default: 8. */
  memLevel?: number | undefined;
  /**
   * The server compresses each of its messages by itself (§7.1.1.1): no memory of a connection's own, and
   * less compression of small messages. Default: true for servers, false for clients and `WS.attach`.
   */
  serverNoContextTakeover?: boolean | undefined;
  /** The same for the client's messages (§7.1.1.2), with the same defaults. */
  clientNoContextTakeover?: boolean | undefined;
  /** The most bits that the server's window may have (§7.1.2.1): 8 to 15. Default: 15. */
  serverMaxWindowBits?: number | undefined;
  /**
   * The most bits that the client's window may have (§7.1.2.2): 8 to 15. Default: 15. A server with less
   * than 15 declines offers that do not let it choose.
   */
  clientMaxWindowBits?: number | undefined;
}

/** The guards of every connection whose socket the library reads. */
export interface GuardOptions extends LimitOptions {
  /**
   * Bytes that may wait for a peer to read them where one more message is sent, of any size; where more do,
   * the socket is destroyed with `ERR_WS13_BUFFER_OVERFLOW`. Control frames may wait behind that message.
   * 1 to 2^53 - 1; default: 67,108,864 (64 MiB).
   */
  maxBufferedAmount?: number | undefined;
  /** Messages that the peer may send; past it the connection is failed with 1008. Default: any number. */
  maxMessageRate?: MessageRate | undefined;
  /** permessage-deflate, where the peer wants it too: `true`, or how. Default: false. */
  perMessageDeflate?: boolean | DeflateSettings | undefined;
  /**
   * Milliseconds; after one to two times as much silence the peer is pinged. As much again without a byte
   * from it, or one read of those that wait for it, and the socket is destroyed with
   * `ERR_WS13_HEARTBEAT`. 0 (off) to 2^31 - 1; default: 60,000 in `WS.listen` and `WS.connect`, 0 in
   * `WS.attach`, `WS.stream` and `WS.messages`.
   */
  heartbeat?: number | undefined;
  /**
   * `'stream'`: Node reads the socket, and its stream is written to. `'auto'`: plain TCP and unix
   * sockets are read and written by the reactor instead, where there is one (Linux, macOS); the
   * environment variable `WS13_TRANSPORT=stream` switches it off for the process. Default: `'auto'`.
   */
  transport?: 'auto' | 'stream' | undefined;
}

/** A token bucket. */
export interface MessageRate {
  /** Messages a second, in the long run: 1 to 1,000,000,000. */
  rate: number;
  /** Messages at once, after a rest: 1 to 1,000,000,000. */
  burst: number;
}

/** What every connection may be told whose handlers get its messages. */
export interface ConnectionOptions<Text extends TextForm = 'buffer', Stream extends boolean = false>
  extends GuardOptions {
  /** `'string'`: text messages reach the handler as strings. Default: `'buffer'`. */
  text?: Text | undefined;
  /**
   * Hands each message on as an {@link IncomingMessage} as soon as it begins, so that it need not fit
   * into memory. With `text: 'string'` those of text messages give strings. Default: false.
   */
  stream?: Stream | undefined;
}

/** What `WS.listen` may be told. */
export interface ListenOptions<Text extends TextForm = 'buffer', Stream extends boolean = false>
  extends ConnectionOptions<Text, Stream> {
  /** As in `WS.upgrade`, and also a GET of HTTP/1.1. Default: true. */
  strict?: boolean | undefined;
  /** As {@link UpgradeOptions.protocols}; the function gets the request in place of its headers. */
  protocols?: readonly string[] | ((offered: string[], request: HandshakeRequest) => string | false) | undefined;
  /**
   * Where connections may come from, by the `Origin` field (§10.2); others get 403. Strings are
   * compared whole, so they are as a browser writes them, without a path or a `/` at the end, or
   * `ERR_INVALID_ARG_VALUE` is thrown; a request without the field, which no browser sends, is admitted; a function
   * gets such ones too, as `undefined`. Default: from anywhere.
   */
  origins?:
    | readonly (string | RegExp)[]
    | ((origin: string | undefined, request: HandshakeRequest) => boolean)
    | undefined;
  /**
   * Connections at a time, those included about which `upgrade` has not decided; more get 503.
   * 1 to 2^53 - 1; default: any number.
   */
  maxConnections?: number | undefined;
  /**
   * Milliseconds from the new socket (of an http server: from the request) to the end of the
   * handshake; then 408, or 503 while `upgrade` has not decided. 1 to 2^31 - 1; default: 10,000.
   */
  handshakeTimeout?: number | undefined;
}

/** Where to listen: the options of `server.listen`, checked by Node. Exactly one of port, path, fd is needed. */
export interface ListenPlace {
  /** 0 (any) to 65,535. */
  port?: number | undefined;
  /** Default: all addresses. */
  host?: string | undefined;
  /** Of a unix socket, or of a named pipe on Windows. */
  path?: string | undefined;
  /** Connections that wait to be accepted. Default: 511. */
  backlog?: number | undefined;
  /** Whether the workers of a cluster do not share the port. Default: false. */
  exclusive?: boolean | undefined;
  /** Whether `::` is not `0.0.0.0` as well. Default: false. */
  ipv6Only?: boolean | undefined;
  /** Whether all users may read from the pipe. Default: false. */
  readableAll?: boolean | undefined;
  /** Whether all users may write to the pipe. Default: false. */
  writableAll?: boolean | undefined;
  /** Whether processes share the port, where Node and the system can. Default: false. */
  reusePort?: boolean | undefined;
  /** Closes the server when it is aborted; its connections stay. */
  signal?: AbortSignal | undefined;
  /** A descriptor that listens already. */
  fd?: number | undefined;
}

/** What `WS.connect` may be told. `S` is what `createConnection` makes. */
export interface ConnectOptions<
  Text extends TextForm = 'buffer', Stream extends boolean = false, S extends Duplex = Socket
> extends ConnectionOptions<Text, Stream> {
  /** The subprotocols to offer (§1.9), in the order of preference: different tokens. Default: none. */
  protocols?: readonly string[] | undefined;
  /** Further fields of the request, in printable ASCII; the handshake's own are refused. Default: none. */
  headers?: { readonly [name: string]: string } | undefined;
  /** The `Origin` field (§4.1). Default: none. */
  origin?: string | undefined;
  /** Options of `tls.connect` for `wss:`, but for where to connect, which the URL says. Default: none. */
  tls?: Omit<TlsOptions, 'host' | 'port' | 'path' | 'socket'> | undefined;
  /**
   * Ends the handshake, and later the connection, with an `AbortError` (`ABORT_ERR`); for the handshake alone
   * there is `handshakeTimeout`. Default: none.
   */
  signal?: AbortSignal | undefined;
  /**
   * Redirects that are followed; one more is `WS_ERR_HANDSHAKE_REDIRECT`. 0 to 100; default: 0, where a
   * redirect is an answer like any other: `WS_ERR_HANDSHAKE_STATUS`.
   */
  maxRedirects?: number | undefined;
  /** Makes the socket: one of http for `ws:`, of https for `wss:`, or of a package for proxies. Default: none. */
  agent?: Agent | undefined;
  /**
   * Makes the socket, in place of `net.connect` and `tls.connect`: returns it, or calls back. For `wss:`
   * it has to be one that `tls.connect` has made. Not beside `agent`. Default: none.
   */
  createConnection?:
    | ((options: ConnectPlace, callback: (error: Error | null, socket?: S) => void) => S | null | undefined | void)
    | undefined;
  /**
   * Milliseconds from the call to the open connection, redirects included; then
   * `WS_ERR_HANDSHAKE_TIMEOUT`. 1 to 2^31 - 1; default: 10,000.
   */
  handshakeTimeout?: number | undefined;
}

/** Where `createConnection` is to connect to: options for `net.connect`, and for `tls.connect` with `wss:`. */
export type ConnectPlace = NetConnectOpts & TlsOptions;

/** What `WS.attach` may be told. */
export interface AttachOptions<Text extends TextForm = 'buffer', Stream extends boolean = false>
  extends ConnectionOptions<Text, Stream> {
  /** Bytes that arrived behind the handshake, as the 'upgrade' event of http gives them. Default: none. */
  head?: Uint8Array | undefined;
}

/** What `WS.stream` may be told. */
export interface StreamOptions extends GuardOptions {
  /** As in {@link AttachOptions.head}. */
  head?: Uint8Array | undefined;
  /** `true`: what is written is sent as binary; `false`: as text. Default: strings as text, all else as binary. */
  binary?: boolean | undefined;
  /** Each message is read as one chunk: a string where it is text, else a Buffer. Default: false. */
  readableObjectMode?: boolean | undefined;
  /** Whatever `WS.send` takes may be written. Default: false. */
  writableObjectMode?: boolean | undefined;
}

/** What `WS.shutdown` may be told. */
export interface ShutdownOptions {
  /** Of the close frame: 1000 to 1003, 1007 to 1014 or 3000 to 4999 (§7.4). Default: 1001, going away. */
  code?: number | undefined;
  /** Milliseconds until whoever is left is destroyed. 0 to 2^31 - 1; default: 5000. */
  timeout?: number | undefined;
}

/** What `WS.send` may be told. An unknown name is refused, no value is coerced. */
export interface SendOptions {
  /** `true` for a binary message, `false` for text. Default: false for a string, true for all else. */
  binary?: boolean | undefined;
  /**
   * `false`: the message is not compressed. `true`, the default: it is where permessage-deflate was
   * agreed to, and it has as many bytes as `threshold`; of a message in parts the first one counts.
   */
  compress?: boolean | undefined;
  /**
   * `false` for a fragment with more to come; the message ends with the first send without it, and
   * control frames may go between. Default: true.
   */
  fin?: boolean | undefined;
}

/** Bytes that are there at once: text, Buffer, TypedArray, DataView, ArrayBuffer or SharedArrayBuffer. */
export type WholePayload = string | NodeJS.ArrayBufferView | ArrayBufferLike;

/** A message's bytes, or where they come from. The chunks of a stream are each a {@link WholePayload}. */
export type Payload = WholePayload | Blob | Readable | ReadableStream | Frame;

/** A control frame's bytes: at most 125 (§5.5). */
export type ControlPayload = WholePayload;

/** A message that is encoded once; made by `WS.frame`, for `WS.send` and `WS.broadcast` only. */
export interface Frame {
  /** For the compiler alone: what looks like a frame is none. */
  readonly [madeByFrame]: true;
}

declare const madeByFrame: unique symbol;

/** None beside what is a frame for certain; what may be another payload, too, may have some. */
type OptionsBeside<P> = [P] extends [Frame] ? undefined : SendOptions | undefined;

/** `accepted` is what `WS.upgrade` returns. */
export type UpgradeCallback = (accepted: boolean) => void;

/** `payload` is the program's to keep and to change, for text (checked UTF-8) and binary alike. */
export type MessageCallback = (payload: Buffer, isBinary: boolean) => void;

/** `error` is there where the frame could not be sent. */
export type SendCallback = (error?: Error | null) => void;

/** A connection at one moment; the object is the caller's. */
export interface ConnectionInfo {
  /** `null` while the socket carries neither flag. */
  role: 'server' | 'client' | null;
  /** `connecting`: a handshake of `WS.connect` or `WS.listen` is under way. `closing`: a close frame went one
   * way. `closed`: both ways, a violation, or the socket is gone. The peer's close frame counts once the
   * messages before it are delivered. */
  state: 'connecting' | 'open' | 'closing' | 'closed';
  /**
   * What reads and writes the socket at this moment. Node's streams do so until `open` has returned, and at
   * the end of every connection.
   */
  transport: 'stream' | 'reactor';
  /** The subprotocol agreed on, `''` for none. */
  protocol: string;
  /** The extensions agreed on, as in the response's header, `''` for none. */
  extensions: string;
  /** Bytes accepted by `WS` and the socket that the operating system has not taken yet. */
  bufferedAmount: number;
  /** Bytes of frames, headers included, that were taken from the peer. */
  bytesReceived: number;
  /** Bytes of frames, headers included, handed to the socket. */
  bytesSent: number;
  /** The code of the close frame that decided the close (§7.1.5): 1005 for an empty one, 1006 where none
   * came; `null` before. */
  closeCode: number | null;
  /** The reason beside it, `''` for none; `null` before. */
  closeReason: string | null;
  /** What permessage-deflate has done; `null` where it was not agreed to. */
  compression: Compression | null;
  /** Milliseconds from the last answered ping to its pong; `null` before the first. */
  latency: number | null;
  /** How the peer broke the protocol, or `null`. */
  error: ViolationError | null;
}

/** What permessage-deflate has done, both ways. */
export interface Compression {
  /** Messages that came in compressed. */
  received: CompressionVolume;
  /** Messages that went out compressed. */
  sent: CompressionVolume;
}

/** Compressed messages, one way. */
export interface CompressionVolume {
  /** Whole messages. */
  messages: number;
  /** Bytes of their payloads on the wire. */
  compressed: number;
  /** Bytes of their payloads as the program has them. */
  plain: number;
}

/** A peer's fault: what it did, and the code that the connection was failed with (§7.1.7). */
export interface ViolationError extends Error {
  /** Stable, `WS_ERR_` and what was wrong. */
  code: string;
  /** 1002, 1007, 1008 or 1009. */
  closeCode: number;
}

/** A handshake of `WS.connect` that came to nothing. */
export interface HandshakeError extends Error {
  /**
   * Stable, `WS_ERR_HANDSHAKE_` and what was wrong: `STATUS` (no 101), `STATUS_LINE`, `HEAD`, `UPGRADE`,
   * `CONNECTION`, `ACCEPT`, `EXTENSIONS`, `PROTOCOL`, `REDIRECT`, `ENDED`, `TIMEOUT`.
   */
  code: string;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The answer's fields, where there was one: names in lower case. */
  headers?: IncomingHttpHeaders;
  /** The start of the answer's body, at most 4096 bytes, where there was an answer. */
  body?: Buffer;
}

/** Counters since the thread has loaded the library; the object is the caller's. */
export interface Stats {
  /**
   * Connections whose socket is not closed, all there ever were, and those that the reactor reads and
   * writes.
   */
  connections: { open: number; total: number; reactor: number };
  /** Whole messages, control frames not among them. */
  messages: { received: number; sent: number };
  /** Bytes of frames, headers and control frames included. */
  bytes: { received: number; sent: number };
  /** What permessage-deflate has done on all connections. */
  compression: Compression;
  /** Handshakes that `WS.upgrade` or `WS.listen` has refused, by the name of the reason. */
  refusals: { [reason: string]: number };
}

// Without this line, all that is declared above would be exported.
export {};
