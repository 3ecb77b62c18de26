// A frame's fields in the order of RFC 6455 §5.2: what figure.js draws, as plain data.
import { opcodeName, payloadOf } from './frame.js';

/** How wide the RFC's figure is. */
export const ROW_BITS = 32;

const CLOSE_CODES = {
  1000: 'normal closure',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1007: 'invalid payload data',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'mandatory extension',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway'
};

/**
 * The fields of `frame` (of frame.js), with at most `maxPayload` bytes of its payload, one field each:
 * `{ name, kind, bit, bits, value, plain, hint }`. `bit` counts from the frame's first bit. `value`
 * is what is on the wire, `plain` what a payload byte means, `hint` a sentence for people.
 */
export function fieldsOf(frame, maxPayload) {
  return [
    ...flagFields(frame),
    ...lengthFields(frame),
    ...keyFields(frame),
    ...payloadFields(frame, maxPayload)
  ];
}

/** The parts that the figure's rows cut a field into: `{ column, bits, from }`; `from` is the first bit. */
export function segmentsOf({ bit, bits }) {
  const segments = [];
  for (let at = bit; at < bit + bits;) {
    const column = at % ROW_BITS;
    const width = Math.min(ROW_BITS - column, bit + bits - at);
    segments.push({ column, bits: width, from: at });
    at += width;
  }
  return segments;
}

/** What the payload says, in words; of a long one, what its beginning says. */
export function describePayload(frame) {
  const payload = payloadOf(frame);
  const cut = frame.bytes.length < frame.size;
  if (frame.opcode === 0x8) return describeClose(payload);
  if (frame.length === 0) return 'No payload.';
  const text = frame.opcode === 0x2 ? null : decode(payload, cut);
  const shown = text === null ? hexOf(payload.subarray(0, 32)) : `“${text}”`;
  const all = text === null ? payload.length <= 32 && !cut : !cut;
  return `${frame.masked ? 'Payload, unmasked' : 'Payload'}: ${shown}${all ? '' : ' …'}`;
}

/** Bytes as two hex digits each, with spaces. */
export function hexOf(bytes) {
  return Array.from(bytes, hexByte).join(' ');
}

function hexByte(byte) {
  return byte.toString(16).padStart(2, '0');
}

function flagFields({ fin, rsv1, rsv2, rsv3, opcode }) {
  return [
    flag('FIN', 0, fin, 'flags', fin ? 'the last frame of its message' : 'more frames of this message follow'),
    ...[rsv1, rsv2, rsv3].map((set, index) => flag(
      `RSV${index + 1}`, index + 1, set, 'flags', 'for extensions; 0 where none uses it'
    )),
    {
      name: 'opcode (4)',
      kind: 'opcode',
      bit: 4,
      bits: 4,
      value: binary(opcode, 4),
      plain: opcodeName(opcode),
      hint: `0x${opcode.toString(16)}, ${opcodeName(opcode)}`
    }
  ];
}

function lengthFields({ masked, shortLength, lengthForm, length, bytes, keyOffset }) {
  const follows = lengthForm === 7 ? null : `the length is in the next ${lengthForm} bits`;
  const fields = [
    flag('MASK', 8, masked, 'key', masked ? 'masked: a client masks all' : 'not masked: a server never does'),
    {
      name: 'payload len (7)',
      kind: 'length',
      bit: 9,
      bits: 7,
      value: binary(shortLength, 7),
      plain: String(shortLength),
      hint: follows === null ? `${bytesText(length)} of payload` : `${shortLength}: ${follows}`
    }
  ];
  if (lengthForm !== 7) {
    fields.push({
      name: `extended payload length (${lengthForm})`,
      kind: 'length',
      bit: 16,
      bits: lengthForm,
      value: hexOf(bytes.subarray(2, keyOffset)),
      plain: count(length),
      hint: `${bytesText(length)} of payload`
    });
  }
  return fields;
}

function keyFields({ masked, key, keyOffset }) {
  if (!masked) return [];
  return [{
    name: 'masking key (32)',
    kind: 'key',
    bit: keyOffset * 8,
    bits: 32,
    value: hexOf(key),
    plain: '',
    hint: 'chosen at random for this frame; XORed with the payload, over and over'
  }];
}

function payloadFields(frame, maxPayload) {
  const wire = frame.bytes.subarray(frame.payloadOffset, frame.payloadOffset + maxPayload);
  const payload = payloadOf(frame);
  return Array.from(wire, (byte, index) => {
    const plain = printable(payload[index]);
    const key = frame.masked ? ` XOR key byte ${index % 4} (${hexByte(frame.key[index % 4])})` : '';
    const result = frame.masked ? ` = ${hexByte(payload[index])}` : '';
    return {
      name: `payload byte ${count(index)}`,
      kind: 'payload',
      bit: (frame.payloadOffset + index) * 8,
      bits: 8,
      value: hexByte(byte),
      plain: plain ?? (frame.masked ? hexByte(payload[index]) : ''),
      hint: `${hexByte(byte)}${key}${result}${plain === null ? '' : `, “${plain}”`}`
    };
  });
}

function flag(name, bit, set, kind, meaning) {
  return { name, kind, bit, bits: 1, value: set ? '1' : '0', plain: '', hint: `${set ? 1 : 0}, ${meaning}` };
}

function describeClose(payload) {
  if (payload.length < 2) return 'No code.';
  const code = payload[0] * 256 + payload[1];
  const name = CLOSE_CODES[code] ?? (code >= 3000 && code < 5000 ? 'of the application' : 'reserved');
  const reason = decode(payload.subarray(2), false);
  return `Code ${code}, ${name}${reason === '' ? '' : `: “${reason ?? 'no valid UTF-8'}”`}`;
}

/** Text, or null when the bytes are none. The last character of a cut one may be missing. */
function decode(bytes, cut) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}

/** The ASCII character of a byte, if people can see it. */
function printable(byte) {
  if (byte === 0x20) return 'space';
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : null;
}

function binary(number, digits) {
  return number.toString(2).padStart(digits, '0');
}

/** A number for people: 70,000. */
export function count(number) {
  return number.toLocaleString('en');
}

/** `1 byte`, `5 bytes`. */
export function bytesText(number) {
  return `${count(number)} ${number === 1 ? 'byte' : 'bytes'}`;
}
