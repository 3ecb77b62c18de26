// ws falls back to JavaScript in silence, so ask for the native part by name: the row that is
// headed "with bufferutil" must not be measured without it.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const ws = require('ws/package.json').version;

/** Of ws, and of bufferutil unless WS_NO_BUFFER_UTIL switches it off. */
export const version = process.env.WS_NO_BUFFER_UTIL ? ws : `${ws}, ${bufferutil()}`;

function bufferutil() {
  const { mask } = require('bufferutil');
  if (mask.toString().includes('[native code]')) {
    return `bufferutil ${require('bufferutil/package.json').version}`;
  }
  throw new Error('bufferutil has no native part here');
}
