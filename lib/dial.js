'use strict';

const net = require('node:net');
const tls = require('node:tls');
const { EventEmitter } = require('node:events');
const errors = require('./errors.js');
const { ignore } = require('./unhandled.js');

/**
 * A stream to a target: a socket of Node's own, or what the program's agent or function makes.
 * @param done called with `(error, stream)`, later, where there is nothing to return
 * @returns the stream, or undefined
 */
function dial(target, options, done) {
  const { agent, createConnection } = options;
  const where = whereTo(target, options.tls, agent?.options);
  if (agent === undefined && createConnection === undefined) {
    return target.secure ? tls.connect(where) : net.connect(where);
  }
  // A second call counts for nothing, nor does one behind a stream that was returned.
  let isAnswered = false;
  const receive = (error, stream) => {
    if (isAnswered) return;
    isAnswered = true;
    process.nextTick(finish, target, done, error, stream);
  };
  const stream = createConnection === undefined
    ? fromAgent(agent, target, where, receive)
    : createConnection(where, receive);
  if (stream === undefined || stream === null) return undefined;
  isAnswered = true;
  return checkStream(target, stream);
}

/** What `net.connect` and `tls.connect` take; an agent's own options are among it. */
function whereTo(target, tlsOptions, agentOptions) {
  if (target.socketPath !== null) return { ...agentOptions, path: target.socketPath };
  const { host, port } = target;
  if (!target.secure) return { ...agentOptions, host, port };
  // RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"".
  const servername = net.isIP(host) === 0 ? host : '';
  return { servername, ALPNProtocols: ['http/1.1'], ...agentOptions, ...tlsOptions, host, port };
}

/**
 * An http.Agent makes a socket by `createConnection(options, callback)`. Those of the packages that
 * tunnel through proxies (agent-base and its kin) have `connect(request, options)` for that; it may
 * lead to another agent.
 */
function fromAgent(agent, target, where, receive) {
  if (typeof agent.connect === 'function') {
    tunnel(agent, target, where, receive);
    return undefined;
  }
  const expected = target.secure ? 'https:' : 'http:';
  if (typeof agent.protocol === 'string' && agent.protocol !== expected) {
    throw errors.invalidArgValue('options.agent', `must be an agent for ${expected}`, agent);
  }
  return agent.createConnection(where, receive);
}

async function tunnel(agent, target, where, receive) {
  try {
    const request = requestFor(target);
    const made = await agent.connect(request, { ...where, secureEndpoint: target.secure });
    const isAgent = typeof made?.createConnection === 'function';
    const stream = isAgent ? fromAgent(made, target, where, receive) : made;
    if (isAgent && (stream === undefined || stream === null)) return;
    receive(null, stream);
    // A proxy's refusal is handed on once somebody reads.
    process.nextTick(() => { if (stream?.destroyed === false) request.emit('socket', stream); });
  } catch (error) {
    receive(error);
  }
}

/** As much of an http.ClientRequest as such agents look at. */
function requestFor({ authority, path }) {
  const headers = { host: authority, upgrade: 'websocket' };
  const getHeader = (name) => headers[name.toLowerCase()];
  return Object.assign(new EventEmitter(), { method: 'GET', path, getHeader });
}

function finish(target, done, error, stream) {
  let fault = error ?? null;
  try {
    if (fault === null) checkStream(target, stream);
  } catch (wrong) {
    fault = wrong;
  }
  done(fault, stream);
}

const METHODS = ['on', 'write', 'end', 'destroy'];

function checkStream(target, stream) {
  if (!METHODS.every((name) => typeof stream?.[name] === 'function')) {
    throw errors.invalidArgType('options.createConnection()', 'a Duplex', stream);
  }
  // Who asks for wss: must not get a connection in the clear by somebody's mistake. A stream that
  // takes nothing only holds a proxy's refusal.
  if (target.secure && stream.encrypted !== true && stream.writable !== false) {
    stream.on('error', ignore).destroy();
    throw errors.invalidArgValue('options.createConnection()', 'must be a TLSSocket for wss:', stream);
  }
  return stream;
}

module.exports = { dial };
