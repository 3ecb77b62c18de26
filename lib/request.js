'use strict';

const { headersOf } = require('./headers.js');
const native = require('./native.js');

/** A client's request where no HTTP server has read it, with the names of http.IncomingMessage. */
class Request {
  constructor(socket, { head, offer }) {
    const [method, url, httpVersion, ...fields] = head.split('\n');
    const [major, minor] = httpVersion.split('.');
    this.method = method;
    this.url = url;
    this.httpVersion = httpVersion;
    this.httpVersionMajor = Number(major);
    this.httpVersionMinor = Number(minor);
    /** Names in lower case; of a name that repeats the values are joined. */
    this.headers = headersOf(fields);
    this.socket = socket;
    /** The subprotocols that the client offers, in its order. */
    this.protocols = offer.protocols;
  }
}

/** Judges a request that Node's HTTP server has read: a refusal, or the offer. */
function judge({ method, url, httpVersion, rawHeaders }, strict) {
  return native.checkRequest(`${method} ${url} HTTP/${httpVersion}`, rawHeaders, strict);
}

module.exports = { Request, judge };
