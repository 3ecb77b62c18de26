'use strict';

/**
 * The fields of a head by their names.
 * @param flat names in lower case and values in turn, as native code tells them
 */
function headersOf(flat) {
  const headers = Object.create(null);
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at];
    // As in Node, this one is always a list: its values hold commas of their own.
    if (name === 'set-cookie') (headers[name] ??= []).push(flat[at + 1]);
    else headers[name] = flat[at + 1];
  }
  return headers;
}

module.exports = { headersOf };
