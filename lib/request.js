'use strict';

const native = require('./native.js');

/** A client's request where no HTTP server has read it, with the names of http.IncomingMessage. */
class Request {
  constructor(socket, { method, url, versionMajor, versionMinor, headers, offer }) {
    this.method = method;
    this.url = url;
    this.httpVersion = `${versionMajor}.${versionMinor}`;
    this.httpVersionMajor = versionMajor;
    this.httpVersionMinor = versionMinor;
    /** Names in lower case; of a name that repeats the values are joined. */
    this.headers = headersOf(headers);
    this.socket = socket;
    /** The subprotocols that the client offers, in its order. */
    this.protocols = offer.protocols;
  }
}

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

/** Judges a request that Node's HTTP server has read: a refusal, or the offer. */
function judge({ method, url, httpVersion, rawHeaders }, strict) {
  return native.checkRequest(`${method} ${url} HTTP/${httpVersion}`, rawHeaders, strict);
}

module.exports = { Request, judge };
