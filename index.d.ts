/// <reference types="node" />

/**
 * WebSocket (RFC 6455, version 13) for Node's own sockets. Sections (§) are that RFC's.
 *
 * The socket is the connection: every function takes a socket, nothing wraps it. All of them are
 * synchronous, none uses `this`, and `WS` is a plain object whose members may be replaced.
 *
 * The role decides which frames are masked (§5.1). It is read from the socket's `_is_server` and
 * `_is_client` at every call: `WS.upgrade` sets them for a server, a client sets them by hand. A
 * socket with neither flag sends masked frames and accepts both kinds.
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
   * than 13 (and, where `strict`, for a request without `Upgrade`), `400` for every other reason. Then `callback(false)` is called and the socket
   * is ended. Where `headers` is no object, `callback(false)` is called and nothing is written.
   *
   * @param headers Names in lower case, as `http.IncomingMessage.headers` has them.
   * @param callback Called once, before the return. What it throws reaches the caller.
   * @returns Whether the connection is open.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`, or an option of
   * another type. `ERR_INVALID_ARG_VALUE`: an unknown option, or `protocols` chose what was not
   * offered.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a limit outside of its range.
   */
  upgrade(socket: SocketLike, headers: HandshakeHeaders, callback?: UpgradeCallback): boolean;
  upgrade(
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
   * Without a callback, one message a call is returned; `WS.receive(socket, Buffer.alloc(0))`
   * returns the next one that waits. More than `maxPayload` and 1 MiB waiting fails the connection
   * with 1008.
   *
   * @param buffer Never modified, and not kept: it may be reused after the return.
   * @returns The first message of this call, `undefined` where none was complete.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a socket without `write` and `end`.
   */
  receive(socket: SocketLike, buffer: Buffer, callback?: MessageCallback): Buffer | undefined;
  /**
   * Anything but a Buffer is no data: `callback(null)` is called and `undefined` returned; without
   * a callback the return value is `null`.
   */
  receive(
    socket: SocketLike,
    buffer: Buffer | null | undefined,
    callback?: (payload: Buffer | null, isBinary?: boolean) => void
  ): Buffer | null | undefined;

  /**
   * Sends a message, or a fragment of one (§5.4). A string is a text message in UTF-8 (§5.6), all
   * else is binary; {@link SendOptions.binary} changes that.
   *
   * The first frame of a tick is written inside of the call. Further ones of the same tick leave in
   * one write at its end, those sent from within `WS.receive` in one write when it returns. A server's payload of more than
   * 16 KiB takes what is gathered before it along and leaves inside of the call.
   *
   * @param payload Text that is sent as bytes has to be valid UTF-8. The bytes of a server's
   * message of more than 16 KiB are not copied: leave them as they are until `callback`. A Blob is
   * read first, and what is sent after it waits its turn.
   * @param callback Called once, with an error where the frame could not be sent: `ERR_SOCKET_CLOSED`
   * on a connection that is closing or closed. A socket whose `write` takes no callback never calls.
   * @returns `true`: accepted. `false`: accepted, but the socket's queue is full, so wait for
   * 'drain'; or nothing was sent, because the connection is closing or closed.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload, option or callback of another type.
   * `ERR_INVALID_ARG_VALUE`: an unknown option, or `binary: false` with bytes that are not UTF-8.
   */
  send(socket: SocketLike, payload: Payload, callback?: SendCallback): boolean;
  send(
    socket: SocketLike,
    payload: Payload,
    options: SendOptions | undefined,
    callback?: SendCallback
  ): boolean;

  /**
   * Sends a ping (§5.5.2); the peer answers with the same payload.
   *
   * @param payload 0 to 125 bytes; a string is counted and sent in UTF-8. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is closing or closed.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload of another type.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a payload of more than 125 bytes.
   */
  ping(socket: SocketLike, payload?: ControlPayload): boolean;

  /**
   * Sends a pong that no ping asked for (§5.5.3). Pings are answered without it.
   *
   * @param payload 0 to 125 bytes; a string is counted and sent in UTF-8. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is closing or closed.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a payload of another type.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a payload of more than 125 bytes.
   */
  pong(socket: SocketLike, payload?: ControlPayload): boolean;

  /**
   * Starts the close handshake (§7.1.2): sends a close frame, after which nothing more is sent and
   * no further message is delivered. The socket is ended when the peer's close frame arrives, and
   * destroyed where it has not closed within {@link UpgradeOptions.closeTimeout}.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999 (§7.4). Default: none, an empty frame.
   * @param reason Text of at most 123 bytes in UTF-8; needs a code. Default: empty.
   * @returns `false`, and nothing is written, on a connection that is closing or closed.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`: a code or a reason of another type.
   * `ERR_INVALID_ARG_VALUE`: a reason without a code.
   * @throws {RangeError} `ERR_OUT_OF_RANGE`: a code that may not be sent, or too long a reason.
   */
  close(socket: SocketLike, code?: number, reason?: string): boolean;

  /** What is known of the connection now; `null` for a socket that `WS` has never seen. */
  info(socket: SocketLike): ConnectionInfo | null;
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

/** What `WS.upgrade` may be told. An unknown name is refused, no value is coerced. */
export interface UpgradeOptions {
  /**
   * The subprotocols (§1.9) that the server speaks, in its order of preference; or a function that
   * gets the client's offer in the client's order and the headers, and picks one of the offer, or
   * `false` for none. Default: the first one offered.
   */
  protocols?: readonly string[] | ((offered: string[], headers: HandshakeHeaders) => string | false);
  /**
   * Also wants what §4.2.1 asks of a client beyond key and version: `Host`, the token `websocket`
   * in `Upgrade`, the token `Upgrade` in `Connection`, a version, a key of 16 bytes. Default: false.
   */
  strict?: boolean;
  /**
   * Bytes of one message, all its fragments together; past it the connection is failed with 1009,
   * on the header where the header shows it. 1 to 2^53 - 1, but never more than one Buffer holds (4 GiB
   * at most); default: 104,857,600 (100 MiB).
   */
  maxPayload?: number;
  /**
   * Frames of one message, empty ones counted; past it the connection is failed with 1008.
   * 1 to 2^32 - 1; default: 131,072.
   */
  maxFragments?: number;
  /**
   * Pongs that wait for a peer who pings and does not read; older ones are dropped, which §5.5.3
   * allows. 1 to 65,535; default: 16.
   */
  maxPendingPongs?: number;
  /**
   * Milliseconds from our close frame, or from the peer's FIN, to the end of the connection; then the
   * socket is destroyed (§7.1.1). 1 to 2^31 - 1; default: 5000.
   */
  closeTimeout?: number;
}

/** What `WS.send` may be told. An unknown name is refused, no value is coerced. */
export interface SendOptions {
  /** `true` for a binary message, `false` for text. Default: false for a string, true for all else. */
  binary?: boolean;
  /**
   * `false` for a fragment with more to come; the message ends with the first send without it, and
   * control frames may go between. Default: true.
   */
  fin?: boolean;
}

/** A message's bytes: text, Buffer, TypedArray, DataView, ArrayBuffer, SharedArrayBuffer or Blob. */
export type Payload = string | NodeJS.ArrayBufferView | ArrayBufferLike | Blob;

/** A control frame's bytes: at most 125 (§5.5). */
export type ControlPayload = string | NodeJS.ArrayBufferView | ArrayBufferLike;

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
  /** `closing`: a close frame went one way. `closed`: both ways, a violation, or the socket is gone. */
  state: 'open' | 'closing' | 'closed';
  /** The subprotocol agreed on, `''` for none. */
  protocol: string;
  /** The extensions agreed on, as in the response's header, `''` for none. */
  extensions: string;
  /** Bytes accepted by `WS` and the socket that the operating system has not taken yet. */
  bufferedAmount: number;
  /** Bytes of frames, headers included, that `WS.receive` has taken. */
  bytesReceived: number;
  /** Bytes of frames, headers included, handed to `socket.write`. */
  bytesSent: number;
  /** The code of the close frame that decided the close (§7.1.5): 1005 for an empty one, 1006 where none
   * came; `null` before. */
  closeCode: number | null;
  /** The reason beside it, `''` for none; `null` before. */
  closeReason: string | null;
  /** Milliseconds from the last answered ping to its pong; `null` before the first. */
  latency: number | null;
  /** How the peer broke the protocol, or `null`. */
  error: ViolationError | null;
}

/** A peer's fault: what it did, and the code that the connection was failed with (§7.1.7). */
export interface ViolationError extends Error {
  /** Stable, `WS_ERR_` and what was wrong. */
  code: string;
  /** 1002, 1007, 1008 or 1009. */
  closeCode: number;
}
