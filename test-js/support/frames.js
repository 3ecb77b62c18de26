'use strict';

// Builds and parses RFC 6455 frames without a line of the library's code: the tests' oracle.

const assert = require('node:assert/strict');

const OP = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };
const ROLES = ['server', 'client'];

/** The bytes of one frame. `form` (7, 16 or 64) and `length` let a frame lie about its length. */
function frame(opcode, payload = '', { fin = true, rsv = 0, key = null, form, length } = {}) {
  const body = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  head.push(...lengthBytes(BigInt(length ?? body.length), form, key === null ? 0 : 0x80));
  if (key === null) return Buffer.concat([Buffer.from(head), body]);
  for (let at = 0; at < body.length; at++) body[at] ^= key[at & 3];
  return Buffer.concat([Buffer.from(head), key, body]);
}

function lengthBytes(length, form = length < 126n ? 7 : length < 65536n ? 16 : 64, mask) {
  if (form === 7) return [mask | Number(length)];
  const size = form / 8;
  const bytes = Buffer.from(length.toString(16).padStart(size * 2, '0'), 'hex');
  return [mask | (form === 16 ? 126 : 127), ...bytes];
}

function closePayload(code, reason = '') {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.from(`..${reason}`);
  payload.writeUInt16BE(code);
  return payload;
}

/** Builds frames as the other side of `role` would: masked where `role` is the server. */
function peerOf(role) {
  let keys = 0;
  const nextKey = () => Buffer.from([0x37 + keys, 0xfa, 0x21 ^ keys, 0x3d + 3 * keys++]);
  const build = (opcode, payload, options) =>
    frame(opcode, payload, { key: role === 'server' ? nextKey() : null, ...options });
  return {
    frame: build,
    text: (payload, options) => build(OP.TEXT, payload, options),
    binary: (payload, options) => build(OP.BINARY, payload, options),
    more: (payload, options) => build(OP.CONTINUATION, payload, options),
    ping: (payload, options) => build(OP.PING, payload, options),
    pong: (payload, options) => build(OP.PONG, payload, options),
    close: (code, reason) => build(OP.CLOSE, closePayload(code, reason))
  };
}

/** The whole frames at the start of `bytes`, and what is left behind them. */
function parse(bytes) {
  const frames = [];
  let rest = bytes;
  for (let one = parseOne(rest); one !== null; one = parseOne(rest)) {
    frames.push(one);
    rest = rest.subarray(one.size);
  }
  return { frames, rest };
}

function parseOne(bytes) {
  if (bytes.length < 2) return null;
  const masked = bytes[1] >= 0x80;
  const form = { 126: 2, 127: 8 }[bytes[1] & 0x7f] ?? 0;
  const start = 2 + form + (masked ? 4 : 0);
  if (bytes.length < start) return null;
  const length = form === 0 ? bytes[1] & 0x7f
    : Number(`0x${bytes.toString('hex', 2, 2 + form)}`);
  if (bytes.length < start + length) return null;
  const key = masked ? bytes.subarray(start - 4, start) : null;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked) for (let at = 0; at < length; at++) payload[at] ^= key[at & 3];
  return {
    fin: bytes[0] >= 0x80, rsv: (bytes[0] >> 4) & 7, opcode: bytes[0] & 15,
    masked, key, form: form * 8 || 7, payload, size: start + length
  };
}

/**
 * What the side called `role` has put on the wire, in the words of the shared vectors. Fails where
 * it is no whole number of frames, or where one is masked the wrong way for the role.
 */
function readable(bytes, role) {
  const { frames, rest } = parse(bytes);
  assert.equal(rest.length, 0, `half a frame on the wire: ${rest.subarray(0, 20).toString('hex')}`);
  return frames.map((one) => {
    assert.equal(one.masked, role !== 'server', `masked the wrong way for ${role}`);
    assert.equal(one.rsv, 0);
    return describe(one);
  });
}

function describe({ opcode, fin, payload }) {
  const part = fin ? {} : { fin };
  switch (opcode) {
    case OP.CONTINUATION: return { more: payload.toString('hex'), ...part };
    case OP.TEXT: return { text: fin ? payload.toString('utf8') : payload.toString('hex'), ...part };
    case OP.BINARY: return { binary: payload.toString('hex'), ...part };
    case OP.PING: return { ping: payload.toString('hex'), ...part };
    case OP.PONG: return { pong: payload.toString('hex'), ...part };
    case OP.CLOSE: return {
      close: payload.length === 0 ? null : payload.readUInt16BE(),
      reason: payload.toString('utf8', 2), ...part
    };
    default: return assert.fail(`opcode ${opcode} on the wire`);
  }
}

module.exports = { OP, ROLES, frame, closePayload, peerOf, parse, readable, describe };
