'use strict';

// permessage-deflate by Node's own zlib: the tests' oracle.

const { constants, deflateRawSync, inflateRawSync } = require('node:zlib');
const { parse } = require('./frames.js');

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };
/** For `peerOf(role).text` and its like: the mark of a compressed message. */
const MARKED = { rsv: 4 };

/** The payload of a compressed message that stands alone. */
function deflated(payload) {
  return deflateRawSync(payload, FLUSH).subarray(0, -TAIL.length);
}

/** What a compressed message's payload stands for, or several ones of one context. */
function inflated(...payloads) {
  return inflateRawSync(Buffer.concat(payloads.flatMap((payload) => [payload, TAIL])), FLUSH);
}

/** The same with options of zlib's for one payload. */
inflated.with = (options, payload) => inflateRawSync(Buffer.concat([payload, TAIL]), { ...FLUSH, ...options });

/** The frames that arrive at `socket`, whole: a function that takes the next so many of them. */
function rawFrames(socket) {
  let rest = Buffer.alloc(0);
  const frames = [];
  let wake = () => {};
  socket.on('data', (chunk) => {
    const parsed = parse(Buffer.concat([rest, chunk]));
    rest = parsed.rest;
    frames.push(...parsed.frames);
    wake();
  });
  return async (count) => {
    while (frames.length < count) await new Promise((resolve) => { wake = resolve; });
    return frames.splice(0, count);
  };
}

/** Bytes that are like a program's, and compress as those do. */
function json(length) {
  const rows = [];
  for (let size = 0, id = 0; size < length; id++) {
    rows.push(JSON.stringify({ id, name: `user${id * 7919 % 1000}`, value: Math.sin(id) }));
    size += rows.at(-1).length + 1;
  }
  return rows.join('\n').slice(0, length);
}

module.exports = { MARKED, deflated, inflated, json, rawFrames };
