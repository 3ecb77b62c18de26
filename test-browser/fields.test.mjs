// demo/public/fields.js, in Node: the figure's fields as data.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePayload, fieldsOf, hexOf, segmentsOf } from '../demo/public/fields.js';
import { parseFrames, parseHeader } from '../demo/public/frame.js';
import { fromHex, makeFrame, pattern } from './support/frames.mjs';

const ascii = (text) => Uint8Array.from(Buffer.from(text));

test('the fields of RFC 6455 §5.7, a masked "Hello"', () => {
  const fields = fieldsOf(frameOf(fromHex('818537fa213d7f9f4d5158')), 100);
  assert.deepEqual(fields.map(({ name, bit, bits, value, plain }) => [name, bit, bits, value, plain]), [
    ['FIN', 0, 1, '1', ''],
    ['RSV1', 1, 1, '0', ''],
    ['RSV2', 2, 1, '0', ''],
    ['RSV3', 3, 1, '0', ''],
    ['opcode (4)', 4, 4, '0001', 'text'],
    ['MASK', 8, 1, '1', ''],
    ['payload len (7)', 9, 7, '0000101', '5'],
    ['masking key (32)', 16, 32, '37 fa 21 3d', ''],
    ['payload byte 0', 48, 8, '7f', 'H'],
    ['payload byte 1', 56, 8, '9f', 'e'],
    ['payload byte 2', 64, 8, '4d', 'l'],
    ['payload byte 3', 72, 8, '51', 'l'],
    ['payload byte 4', 80, 8, '58', 'o']
  ]);
});

for (const [length, form, value, text] of [
  [200, 16, '00 c8', '200'],
  [70_000, 64, '00 00 00 00 00 01 11 70', '70,000']
]) {
  test(`the extended payload length of ${form} bits`, () => {
    for (const masked of [false, true]) {
      const fields = fieldsOf(frameOf(makeFrame(0x82, pattern(length), masked)), 4);
      const extended = fields.find(({ name }) => name === `extended payload length (${form})`);
      assert.equal(extended.bit, 16);
      assert.equal(extended.bits, form);
      assert.equal(extended.value, value);
      assert.equal(extended.plain, text);
      assert.equal(fields.filter(({ kind }) => kind === 'payload').length, 4);
      assertGapless(fields);
    }
  });
}

test('no more payload fields than there are bytes', () => {
  const fields = fieldsOf(frameOf(makeFrame(0x81, ascii('ab'))), 100);
  assert.deepEqual(fields.filter(({ kind }) => kind === 'payload').map(({ plain }) => plain), ['a', 'b']);
});

test('segments end where the rows of 32 bits end', () => {
  assert.deepEqual(segmentsOf({ bit: 16, bits: 64 }), [
    { column: 16, bits: 16, from: 16 },
    { column: 0, bits: 32, from: 32 },
    { column: 0, bits: 16, from: 64 }
  ]);
  assert.deepEqual(segmentsOf({ bit: 32, bits: 32 }), [{ column: 0, bits: 32, from: 32 }]);
  assert.deepEqual(segmentsOf({ bit: 9, bits: 7 }), [{ column: 9, bits: 7, from: 9 }]);
});

for (const [title, first, payload, expected] of [
  ['text', 0x81, ascii('Grüße'), 'Payload: “Grüße”'],
  ['binary', 0x82, ascii('abc'), 'Payload: 61 62 63'],
  ['empty', 0x82, ascii(''), 'No payload.'],
  ['a continuation that is no text', 0x80, fromHex('c3'), 'Payload: c3'],
  ['ping', 0x89, ascii('ping 1'), 'Payload: “ping 1”'],
  ['close without a code', 0x88, ascii(''), 'No code.'],
  ['close with a known code', 0x88, fromHex('03e8627965'), 'Code 1000, normal closure: “bye”'],
  ['close with a code of the application', 0x88, fromHex('0bb8'), 'Code 3000, of the application'],
  ['close with a reserved code', 0x88, fromHex('03ed'), 'Code 1005, reserved'],
  ['close with bad UTF-8', 0x88, fromHex('03e8ff'), 'Code 1000, normal closure: “no valid UTF-8”']
]) {
  test(`in words: ${title}`, () => {
    assert.equal(describePayload(frameOf(makeFrame(first, payload))), expected);
  });
}

test('in words: the mask is taken off', () => {
  assert.equal(describePayload(frameOf(makeFrame(0x81, ascii('Hello'), true))), 'Payload, unmasked: “Hello”');
});

test('in words: a text cut inside of a character', () => {
  const whole = makeFrame(0x81, ascii('aß'.repeat(100)));
  const bytes = whole.subarray(0, whole.length - 1);
  const said = describePayload({ ...parseHeader(bytes), bytes });
  assert.match(said, /^Payload: “(aß){99}a” …$/);
});

test('in words: of long binary, 32 bytes', () => {
  const payload = pattern(33);
  assert.equal(describePayload(frameOf(makeFrame(0x82, payload))), `Payload: ${hexOf(payload.subarray(0, 32))} …`);
});

function frameOf(bytes) {
  const { frames, rest } = parseFrames(bytes);
  assert.equal(frames.length, 1);
  assert.equal(rest.length, 0);
  return frames[0];
}

function assertGapless(fields) {
  fields.reduce((bit, field) => {
    assert.equal(field.bit, bit, field.name);
    return field.bit + field.bits;
  }, 0);
}
