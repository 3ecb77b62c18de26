// Reads frames as RFC 6455 §5.2 lays them out. It judges nothing: the page draws what was on the
// wire, right or wrong. Runs in the browser (drawing) and in the demo's server (cutting the stream).

/** RFC 6455 §11.8, for people. */
const OPCODES = {
  0x0: 'continuation',
  0x1: 'text',
  0x2: 'binary',
  0x8: 'close',
  0x9: 'ping',
  0xa: 'pong'
};

/** The name of an opcode (0-15). */
export function opcodeName(opcode) {
  return OPCODES[opcode] ?? 'reserved';
}

/**
 * The header at the start of `bytes`, or null while it is not whole.
 * `length` is the payload's, as declared; `lengthForm` says which of the three forms declares it
 * (7, 16 or 64 bits); `size` is that of the whole frame. Past 2^53 the numbers are rounded.
 */
export function parseHeader(bytes) {
  if (bytes.length < 2) return null;
  const masked = (bytes[1] & 0x80) !== 0;
  const shortLength = bytes[1] & 0x7f;
  const lengthForm = shortLength === 127 ? 64 : shortLength === 126 ? 16 : 7;
  const keyOffset = { 7: 2, 16: 4, 64: 10 }[lengthForm];
  const payloadOffset = keyOffset + (masked ? 4 : 0);
  if (bytes.length < payloadOffset) return null;

  const length = lengthForm === 7 ? shortLength : readNumber(bytes.subarray(2, keyOffset));
  return {
    fin: (bytes[0] & 0x80) !== 0,
    rsv1: (bytes[0] & 0x40) !== 0,
    rsv2: (bytes[0] & 0x20) !== 0,
    rsv3: (bytes[0] & 0x10) !== 0,
    opcode: bytes[0] & 0x0f,
    masked,
    shortLength,
    lengthForm,
    length,
    keyOffset,
    key: masked ? copy(bytes, keyOffset, payloadOffset) : null,
    payloadOffset,
    size: payloadOffset + length
  };
}

/**
 * Cuts `bytes` into `frames`: headers as `parseHeader` gives them, each with its own `bytes`.
 * `rest` is what follows the last whole frame. Nothing is copied.
 */
export function parseFrames(bytes) {
  const frames = [];
  let rest = bytes;
  for (;;) {
    const header = parseHeader(rest);
    if (header === null || header.size > rest.length) return { frames, rest };
    frames.push({ ...header, bytes: rest.subarray(0, header.size) });
    rest = rest.subarray(header.size);
  }
}

/** The payload of a frame, unmasked, as far as `frame.bytes` holds it. */
export function payloadOf({ bytes, key, payloadOffset }) {
  const payload = copy(bytes, payloadOffset);
  if (key === null) return payload;
  return payload.map((byte, index) => byte ^ key[index % 4]);
}

/**
 * Frames out of a byte stream that comes in chunks. It keeps a frame's header and the first `keep`
 * bytes of its payload, so memory stays flat whatever length a frame declares.
 */
export class FrameReader {
  #keep;
  // What came in and is no whole frame yet. INVARIANT: without an open frame, shorter than a header.
  #rest = new Uint8Array(0);
  // The frame that is longer than what came in: its header, what is kept of it, how much is missing.
  #open = null;

  constructor(keep) {
    this.#keep = keep;
  }

  /** The frames that `chunk` completes, in order. `bytes` of a long one is cut; `size` is the truth. */
  push(chunk) {
    const done = [];
    let bytes = chunk;
    if (this.#open !== null) {
      bytes = this.#fill(chunk);
      if (this.#open.missing > 0) return done;
      done.push(this.#open.frame);
      this.#open = null;
    }

    const { frames, rest } = parseFrames(concat(this.#rest, bytes));
    for (const frame of frames) done.push(this.#cut(frame, frame.bytes));

    const header = parseHeader(rest);
    if (header === null) {
      this.#rest = copy(rest);
    } else {
      this.#rest = new Uint8Array(0);
      this.#open = { frame: this.#cut(header, rest), missing: header.size - rest.length };
    }
    return done;
  }

  /** Gives the open frame its bytes, and returns those behind it. */
  #fill(chunk) {
    const { frame } = this.#open;
    const mine = chunk.subarray(0, Math.min(this.#open.missing, chunk.length));
    this.#open.missing -= mine.length;
    this.#open.frame = this.#cut(frame, concat(frame.bytes, mine.subarray(0, this.#room(frame))));
    return chunk.subarray(mine.length);
  }

  #room(frame) {
    return frame.payloadOffset + this.#keep - frame.bytes.length;
  }

  #cut(header, bytes) {
    return { ...header, bytes: copy(bytes, 0, header.payloadOffset + this.#keep) };
  }
}

function readNumber(bytes) {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

// Not `slice`: a Buffer's gives a view, which would hold the whole chunk.
function copy(bytes, from, to) {
  return new Uint8Array(bytes.subarray(from, to));
}

function concat(first, second) {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
