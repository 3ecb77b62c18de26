// Just as much of RFC 6455 as those need who know what is coming: net.mjs, here and among the clients.

/** The request of the RFC's example (§1.2), which is that of the load, too. */
export const REQUEST = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n'
].join('\r\n');

/** Its answer (§1.3). */
export const SWITCHING_PROTOCOLS = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  '\r\n'
].join('\r\n');

/** A close frame with 1000 (§5.5.1). */
export const CLOSE = Buffer.from([0x88, 2, 0x03, 0xe8]);

/** A frame that is a message (§5.2), masked where there is a `key` (§5.3). */
export function frame(payload, kind, key) {
  const { length } = payload;
  const header = Buffer.alloc(headerLength(length));
  header[0] = kind === 'binary' ? 0x82 : 0x81;
  header[1] = length < 126 ? length : length <= 0xffff ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  if (!key) return Buffer.concat([header, payload]);
  header[1] |= 0x80;
  return Buffer.concat([header, key, masked(payload, key)]);
}

/** Bytes of a header without a masking key, for a payload of `length`. */
export function headerLength(length) {
  if (length < 126) return 2;
  return length <= 0xffff ? 4 : 10;
}

/** The payload of the frame at the start of `bytes`. */
export function payloadOf(bytes) {
  const short = bytes[1] & 0x7f;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const at = headerLength(length);
  if (!(bytes[1] & 0x80)) return bytes.subarray(at, at + length);
  return masked(bytes.subarray(at + 4, at + 4 + length), bytes.subarray(at, at + 4));
}

function masked(payload, key) {
  return payload.map((byte, index) => byte ^ key[index & 3]);
}
