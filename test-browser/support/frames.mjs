// Frames made by hand, so that no test asks the library what is right.

const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** A frame: `first` is its first byte (FIN, RSV, opcode). The shortest length form is taken. */
export function makeFrame(first, payload = new Uint8Array(0), masked = false) {
  const bit = masked ? 0x80 : 0;
  return Uint8Array.from([
    first,
    ...lengthBytes(payload.length, bit),
    ...(masked ? KEY : []),
    ...(masked ? payload.map((byte, index) => byte ^ KEY[index % 4]) : payload)
  ]);
}

/** Bytes without a short period. */
export function pattern(length) {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
}

export function fromHex(digits) {
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export function toHex(bytes) {
  return Buffer.from(bytes).toString('hex');
}

function lengthBytes(length, bit) {
  if (length < 126) return [bit | length];
  if (length < 65_536) return [bit | 126, length >> 8, length & 0xff];
  return [bit | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
}
