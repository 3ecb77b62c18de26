// demo/public/frame.js, in Node. The bytes are the examples of RFC 6455 §5.7 where it has one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader, opcodeName, parseFrames, parseHeader, payloadOf } from '../demo/public/frame.js';
import { fromHex, makeFrame, pattern, toHex } from './support/frames.mjs';

const HELLO = '810548656c6c6f';
const HELLO_MASKED = '818537fa213d7f9f4d5158';

test('an unmasked text frame', () => {
  const { frames, rest } = parseFrames(fromHex(HELLO));
  assert.equal(rest.length, 0);
  assert.equal(frames.length, 1);
  const { bytes, ...header } = frames[0];
  assert.equal(toHex(bytes), HELLO);
  assert.deepEqual(header, {
    fin: true,
    rsv1: false,
    rsv2: false,
    rsv3: false,
    opcode: 1,
    masked: false,
    shortLength: 5,
    lengthForm: 7,
    length: 5,
    keyOffset: 2,
    key: null,
    payloadOffset: 2,
    size: 7
  });
  assert.equal(text(frames[0]), 'Hello');
});

test('a masked text frame', () => {
  const [frame] = parseFrames(fromHex(HELLO_MASKED)).frames;
  assert.equal(frame.masked, true);
  assert.equal(toHex(frame.key), '37fa213d');
  assert.equal(frame.payloadOffset, 6);
  assert.equal(frame.size, 11);
  assert.equal(text(frame), 'Hello');
});

test('each bit of the first byte', () => {
  const names = ['fin', 'rsv1', 'rsv2', 'rsv3'];
  names.forEach((name, index) => {
    const header = parseHeader(Uint8Array.of(0x80 >> index, 0));
    assert.deepEqual(names.filter((each) => header[each]), [name]);
    assert.equal(header.opcode, 0);
  });
  for (let opcode = 0; opcode < 16; opcode++) {
    assert.equal(parseHeader(Uint8Array.of(0x80 | opcode, 0)).opcode, opcode);
  }
});

test('the names of the opcodes', () => {
  const names = Array.from({ length: 16 }, (_, opcode) => opcodeName(opcode));
  assert.deepEqual(names, [
    'continuation', 'text', 'binary', ...Array(5).fill('reserved'),
    'close', 'ping', 'pong', ...Array(5).fill('reserved')
  ]);
});

for (const [length, form, offset] of [
  [0, 7, 2], [125, 7, 2], [126, 16, 4], [65_535, 16, 4], [65_536, 64, 10], [70_000, 64, 10]
]) {
  test(`a payload of ${length} bytes has the ${form}-bit length`, () => {
    for (const masked of [false, true]) {
      const [frame, ...others] = parseFrames(makeFrame(0x82, pattern(length), masked)).frames;
      assert.deepEqual(others, []);
      assert.equal(frame.lengthForm, form);
      assert.equal(frame.length, length);
      assert.equal(frame.payloadOffset, offset + (masked ? 4 : 0));
      assert.deepEqual(payloadOf(frame), pattern(length));
    }
  });
}

test('lengths past 32 bits', () => {
  assert.equal(parseHeader(fromHex('827f0000010000000000')).length, 2 ** 40);
  assert.equal(parseHeader(fromHex('827f001fffffffffffff')).length, Number.MAX_SAFE_INTEGER);
});

test('several frames, and the beginning of another', () => {
  const { frames, rest } = parseFrames(fromHex(HELLO + HELLO_MASKED + '8900' + '810548'));
  assert.deepEqual(frames.map(({ opcode }) => opcode), [1, 1, 9]);
  assert.equal(toHex(rest), '810548');
});

test('no cut of a frame is taken for the whole', () => {
  for (const frame of [fromHex(HELLO_MASKED), makeFrame(0x82, pattern(300), true)]) {
    for (let cut = 0; cut < frame.length; cut++) {
      const { frames, rest } = parseFrames(frame.subarray(0, cut));
      assert.deepEqual(frames, []);
      assert.equal(rest.length, cut);
    }
  }
});

const STREAM = [
  makeFrame(0x01, pattern(3), true), makeFrame(0x89, pattern(0), true), makeFrame(0x80, pattern(126), true),
  makeFrame(0x82, pattern(200)), makeFrame(0x88, Uint8Array.of(3, 232))
];

test('the reader gives the same frames for every chunk size', () => {
  const stream = Uint8Array.from(STREAM.flatMap((frame) => [...frame]));
  for (let size = 1; size <= stream.length; size++) {
    const reader = new FrameReader(1000);
    const frames = chunksOf(stream, size).flatMap((chunk) => reader.push(chunk));
    assert.deepEqual(frames.map(({ bytes }) => toHex(bytes)), STREAM.map(toHex), `chunks of ${size}`);
  }
});

test('the reader keeps the beginning of a long payload and says its true size', () => {
  const long = makeFrame(0x82, pattern(70_000), true);
  for (const size of [1, 13, 64, 4096, long.length]) {
    const reader = new FrameReader(20);
    const chunks = chunksOf(Buffer.concat([long, fromHex(HELLO)]), size);
    const frames = chunks.flatMap((chunk) => reader.push(chunk));
    assert.equal(frames.length, 2, `chunks of ${size}`);
    assert.equal(frames[0].size, long.length);
    assert.equal(toHex(frames[0].bytes), toHex(long.subarray(0, 14 + 20)));
    assert.deepEqual(payloadOf(frames[0]), pattern(20));
    assert.equal(toHex(frames[1].bytes), HELLO);
  }
});

test('the reader holds no part of the chunk it was given', () => {
  const chunk = Buffer.from(HELLO, 'hex');
  const [frame] = new FrameReader(100).push(chunk);
  chunk.fill(0);
  assert.equal(text(frame), 'Hello');
});

function chunksOf(bytes, size) {
  const chunks = [];
  for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
  return chunks;
}

function text(frame) {
  return new TextDecoder().decode(payloadOf(frame));
}
