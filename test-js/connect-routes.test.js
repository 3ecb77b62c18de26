'use strict';

// connect: redirects, agents and createConnection.

const assert = require('node:assert/strict');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { describe, it } = require('node:test');
const { Duplex } = require('node:stream');
const { connect } = require('../lib/connect.js');
const { selfSigned } = require('./support/certificate.js');
const { accepting, attempt, failure, serve } = require('./support/clients.js');
const { parseHead, readHead } = require('./support/handshake.js');
const { HOST, listen } = require('./support/sockets.js');

const identity = selfSigned();
const trusting = { ca: identity.cert, servername: 'localhost' };
const secrets = { authorization: 'Bearer x', Cookie: 'a=b', 'proxy-authorization': 'Basic y', 'X-Other': 'z' };

function to(location, status = '302 Found') {
  return `HTTP/1.1 ${status}\r\nLocation: ${location}\r\n\r\n`;
}

describe('redirects', () => {
  it('are refused by default', async (t) => {
    const { url } = await serve(t, () => 'HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n');
    const error = await failure(url);
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_STATUS');
    assert.equal(error.headers.location, '/x');
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`within one origin, by ${status}`, async (t) => {
      const { url, requests, sockets } = await serve(t, (head, _socket, count) =>
        (count === 1 ? to('next?x=1#y', `${status} x`) : accepting(head)));
      const { socket, returned, response } = await attempt(`${url}a/b`, { maxRedirects: 1, headers: secrets });
      assert.equal(response.url, `${url}a/next?x=1`);
      assert.equal(requests[1].first, 'GET /a/next?x=1 HTTP/1.1');
      assert.equal(requests[1].headers.authorization, 'Bearer x');
      assert.equal(requests[1].headers.cookie, 'a=b');
      const keys = requests.map(({ headers }) => headers['sec-websocket-key']);
      assert.notEqual(keys[0], keys[1]);
      assert.notEqual(socket, returned);
      assert.equal(returned.destroyed, true);
      assert.equal(sockets.size, 2);
      socket.destroy();
    });
  }

  it('to another origin go without credentials, and stay without them', async (t) => {
    const first = await serve(t, (head, _socket, count) =>
      (count === 1 ? to(`http://u:p@${HOST}:${second.port}/there`) : accepting(head)));
    const second = await serve(t, () => to(`${first.url}back`));
    const { socket } = await attempt(first.url.replace('//', '//user:pass@'), {
      maxRedirects: 2, headers: secrets
    });
    socket.destroy();
    assert.equal(first.requests[0].headers.cookie, 'a=b');
    for (const { headers } of [second.requests[0], first.requests[1]]) {
      for (const name of ['authorization', 'cookie', 'proxy-authorization']) assert.equal(headers[name], undefined);
      assert.equal(headers['x-other'], 'z');
    }
    assert.equal(second.requests[0].headers.host, `${HOST}:${second.port}`);
  });

  it('do not take the user and password of the URL along', async (t) => {
    const second = await serve(t, (head) => accepting(head));
    const first = await serve(t, () => to(second.url));
    const { socket } = await attempt(first.url.replace('//', '//user:pass@'), { maxRedirects: 1 });
    socket.destroy();
    assert.match(first.requests[0].headers.authorization, /^Basic /);
    assert.equal(second.requests[0].headers.authorization, undefined);
  });

  it('do not take a client\'s certificate along', async (t) => {
    const asked = [];
    const secure = async (answer) => {
      const server = tls.createServer({ ...identity, requestCert: true, rejectUnauthorized: false });
      server.on('secureConnection', async (socket) => {
        asked.push(socket.getPeerCertificate().serialNumber !== undefined);
        socket.on('error', () => {});
        socket.write(answer(await readHead(socket)));
      });
      const port = await listen(server);
      t.after(() => new Promise((resolve) => { server.close(resolve); }));
      return `wss://localhost:${port}/`;
    };
    const second = await secure((head) => accepting(head));
    const first = await secure(() => to(second));
    const lookup = (_host, options, found) => {
      if (options.all) found(null, [{ address: HOST, family: 4 }]);
      else found(null, HOST, 4);
    };
    const { ca } = trusting;
    const client = { ca, lookup, cert: identity.cert, key: identity.key };
    const { socket, error } = await attempt(first, { maxRedirects: 1, tls: client });
    assert.equal(error, undefined);
    assert.deepEqual(asked, [true, false]);
    socket.destroy();
    await once(socket, 'close');
  });

  it('from wss: to ws: are refused, those to wss: are not', async (t) => {
    const plain = await serve(t, () => to(secured.url.replace('wss', 'https')));
    const answer = (head) => (head.first.includes('down') ? to(plain.url) : accepting(head));
    const secured = await serve(t, answer, { identity });
    const options = { maxRedirects: 5, tls: { ca: identity.cert, checkServerIdentity: () => undefined } };
    const { socket, error } = await attempt(plain.url, options);
    assert.equal(error, undefined);
    assert.equal(socket.encrypted, true);
    socket.destroy();
    const refused = await failure(`${secured.url}down`, options);
    assert.equal(refused.code, 'WS_ERR_HANDSHAKE_REDIRECT');
    assert.equal(refused.status, 302);
    assert.match(refused.message, /wss: to ws:/);
    assert.equal(plain.requests.length, 1);
  });

  it('in a loop are counted', async (t) => {
    const { url, requests } = await serve(t, () => to('/'));
    const error = await failure(url, { maxRedirects: 5 });
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_REDIRECT');
    assert.match(error.message, /more than 5/);
    assert.equal(requests.length, 6);
  });

  it('that take too long together', async (t) => {
    const { url } = await serve(t, (_head, socket) => { setTimeout(() => socket.write(to('/')), 20); });
    const error = await failure(url, { maxRedirects: 100, handshakeTimeout: 150 });
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_TIMEOUT');
  });

  for (const location of ['ftp://localhost/', 'ws+unix:///x.sock', 'http://', 'javascript:x', '']) {
    it(`to ${JSON.stringify(location)}`, async (t) => {
      const bytes = location === '' ? 'HTTP/1.1 302 Found\r\n\r\n' : to(location);
      const { url } = await serve(t, () => bytes);
      assert.equal((await failure(url, { maxRedirects: 3 })).code, 'WS_ERR_HANDSHAKE_REDIRECT');
    });
  }

  it('to a server that is not there', async (t) => {
    const { url } = await serve(t, () => to(`ws://${HOST}:1/`));
    assert.equal((await failure(url, { maxRedirects: 3 })).code, 'ECONNREFUSED');
  });

  it('stay on a unix socket, or leave it', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ws13-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const other = await serve(t, (head) => accepting(head));
    const seen = [];
    const server = net.createServer(async (socket) => {
      const head = await readHead(socket);
      seen.push([head.first, head.headers.cookie]);
      socket.end(to(seen.length === 1 ? 'http://localhost/two' : other.url));
    });
    server.listen(join(folder, 'a:b.sock'));
    await once(server, 'listening');
    t.after(() => server.close());
    const { socket, response } = await attempt(`ws+unix://${folder}/a%3Ab.sock:/one`, { maxRedirects: 2, headers: secrets });
    assert.deepEqual(seen, [['GET /one HTTP/1.1', 'a=b'], ['GET /two HTTP/1.1', 'a=b']]);
    assert.equal(response.url, other.url);
    assert.equal(other.requests[0].headers.cookie, undefined);
    socket.destroy();
  });

  it('from a unix socket with any name, whose URL leads there again', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ws13-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const server = net.createServer(async (socket) => {
      const head = await readHead(socket);
      socket.write(head.first.startsWith('GET /one ') ? to('/two?x') : accepting(head));
    });
    const path = join(folder, 'a?b#c%:d e.sock');
    server.listen(path);
    await once(server, 'listening');
    t.after(() => server.close());
    let url = `ws+unix://${folder}/a%3Fb%23c%25%3Ad%20e.sock:/one`;
    for (const maxRedirects of [1, 0]) {
      const { socket, response, error } = await attempt(url, { maxRedirects });
      assert.equal(error, undefined);
      socket.destroy();
      url = response.url;
    }
    assert.equal(url, `ws+unix://${folder}/a%3Fb%23c%25%3Ad%20e.sock:/two?x`);
  });
});

/** A proxy that tunnels by CONNECT. */
async function proxy(t) {
  const server = http.createServer();
  const asked = [];
  const sockets = [];
  server.on('connect', (request, socket) => {
    asked.push(request.url);
    const [host, port] = request.url.split(':');
    const far = net.connect(port, host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    for (const end of [far, socket]) sockets.push(end.on('error', () => {}));
  });
  const port = await listen(server);
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => { server.close(resolve); });
  });
  return { port, asked };
}

/** Through the proxy; for wss: with TLS in the tunnel. */
function tunnel(port, { host, port: farPort, ...options }, secure, callback) {
  const request = http.request({ host: HOST, port, method: 'CONNECT', path: `${host}:${farPort}` });
  request.on('error', callback).on('connect', (_response, socket) => {
    callback(null, secure ? tls.connect({ ...options, host, socket }) : socket);
  }).end();
}

const routes = [['ws', {}], ['wss', { identity }]];

for (const [scheme, how] of routes) {
  const secure = scheme === 'wss';
  const options = secure ? { tls: trusting } : {};

  describe(`${scheme}: through a proxy`, () => {
    it('by createConnection', async (t) => {
      const { url, port } = await serve(t, (head) => accepting(head), how);
      const { port: proxyPort, asked } = await proxy(t);
      const createConnection = (where, callback) => tunnel(proxyPort, where, secure, callback);
      const { socket, returned, error } = await attempt(url, { ...options, createConnection });
      assert.equal(error, undefined);
      assert.equal(returned, null);
      assert.deepEqual(asked, [`${HOST}:${port}`]);
      socket.destroy();
    });

    it('by an http.Agent of the program', async (t) => {
      const { url } = await serve(t, (head) => accepting(head), how);
      const { port: proxyPort, asked } = await proxy(t);
      class ProxyAgent extends (secure ? https : http).Agent {
        createConnection(where, callback) {
          tunnel(proxyPort, where, secure, callback);
        }
      }
      const { socket, error } = await attempt(url, { ...options, agent: new ProxyAgent() });
      assert.equal(error, undefined);
      assert.equal(asked.length, 1);
      socket.destroy();
    });

    it('by an agent with a connect method, even by way of another', async (t) => {
      const { url } = await serve(t, (head) => accepting(head), how);
      const { port: proxyPort, asked } = await proxy(t);
      const inner = {
        createConnection() { throw new Error('not this one'); },
        connect: (request, where) => new Promise((resolve, reject) => {
          assert.equal(where.secureEndpoint, secure);
          assert.equal(request.getHeader('Upgrade'), 'websocket');
          tunnel(proxyPort, where, secure, (error, socket) => (error ? reject(error) : resolve(socket)));
        })
      };
      const outer = { createConnection: inner.createConnection, connect: async () => inner };
      for (const agent of [inner, outer]) {
        const { socket, error } = await attempt(url, { ...options, agent });
        assert.equal(error, undefined);
        socket.destroy();
      }
      assert.equal(asked.length, 2);
    });
  });

  it(`${scheme}: an agent whose connect leads to one that calls back, or to nothing`, async (t) => {
    const { url } = await serve(t, (head) => accepting(head), how);
    const open = (where, callback) => {
      const socket = secure ? tls.connect({ ...where, ...trusting }) : net.connect(where);
      socket.once(secure ? 'secureConnect' : 'connect', () => callback(null, socket));
      return null;
    };
    const connect = async () => ({ createConnection: open });
    const { socket, error } = await attempt(url, { ...options, agent: { createConnection: open, connect } });
    assert.equal(error, undefined);
    socket.destroy();
    for (const nothing of [undefined, null]) {
      const agent = { createConnection: open, connect: async () => nothing };
      assert.equal((await failure(url, { ...options, agent })).code, 'ERR_INVALID_ARG_TYPE');
    }
  });

  it(`${scheme}: an agent that holds a proxy's refusal, to be read only`, async () => {
    const refusal = new net.Socket({ writable: false });
    const agent = {
      createConnection() { throw new Error('not this one'); },
      connect: async (request) => {
        request.once('socket', () => refusal.push('HTTP/1.1 407 Who are you?\r\nContent-Length: 2\r\n\r\nno'));
        return refusal;
      }
    };
    const error = await failure(`${scheme}://localhost/`, { agent });
    assert.equal(error.status, 407);
    assert.equal(error.body.toString(), 'no');
  });

  it(`${scheme}: by Node's own agent`, async (t) => {
    const { url } = await serve(t, (head) => accepting(head), how);
    const agent = secure ? new https.Agent(trusting) : new http.Agent({ keepAlive: true });
    const { socket, returned, error } = await attempt(url, { agent });
    assert.equal(error, undefined);
    assert.equal(socket, returned);
    socket.destroy();
  });
}

describe('createConnection', () => {
  it('may return the stream', async (t) => {
    const { url, port } = await serve(t, (head) => accepting(head));
    let where;
    const createConnection = (options) => { where = options; return net.connect(options); };
    const { socket, returned } = await attempt(url, { createConnection });
    assert.equal(socket, returned);
    assert.deepEqual(where, { host: HOST, port });
    socket.destroy();
  });

  it('may return a stream that answers from within its write', async () => {
    for (const [handler, answer] of [['open', accepting], ['error', () => 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n']]) {
      const stream = new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          this.push(answer(parseHead(chunk)));
          done();
        }
      });
      // Who has been read before hands on what it is given at once.
      stream.push('before');
      await once(stream, 'data');
      let isReturned = false;
      const called = new Promise((resolve) => {
        connect('ws://x/', { [handler]: () => resolve(isReturned) }, { createConnection: () => stream });
      });
      isReturned = true;
      assert.equal(await called, true, handler);
      stream.destroy();
    }
  });

  it('may return a socket that is paused', async (t) => {
    const { url } = await serve(t, (head) => accepting(head));
    for (const isLate of [false, true]) {
      const createConnection = (where, callback) => {
        const made = net.connect(where).pause();
        if (!isLate) return made;
        made.once('connect', () => callback(null, made));
        return undefined;
      };
      const { socket, error } = await attempt(url, { createConnection });
      assert.equal(error, undefined);
      socket.destroy();
    }
  });

  it('must not return a socket with an encoding', async (t) => {
    const { url } = await serve(t, (head) => accepting(head));
    const createConnection = (where) => net.connect(where).setEncoding('latin1');
    const error = await failure(url, { createConnection });
    assert.equal(error.code, 'ERR_INVALID_STATE');
    assert.match(error.message, /setEncoding/);
  });

  it('may fail, now or later', async () => {
    const mine = new Error('mine');
    assert.throws(() => attempt('ws://x/', { createConnection() { throw mine; } }), mine);
    const now = (_where, callback) => callback(mine);
    const later = (_where, callback) => { setImmediate(callback, mine); };
    for (const createConnection of [now, later]) {
      assert.equal(await failure('ws://x/', { createConnection }), mine);
    }
    const late = (_where, callback) => callback(null, 7);
    assert.equal((await failure('ws://x/', { createConnection: late })).code, 'ERR_INVALID_ARG_TYPE');
  });

  it('may give a stream that has ended', async () => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    stream.resume().push(null);
    await once(stream, 'end');
    const error = await failure('ws://x/', { createConnection: () => stream });
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_ENDED');
  });

  it('may give wss: a socket that is ended before its handshake', async (t) => {
    const { url, requests } = await serve(t, () => undefined, { identity });
    const createConnection = (where) => tls.connect({ ...where, ...trusting }).end();
    assert.equal((await failure(url, { createConnection })).code, 'WS_ERR_HANDSHAKE_ENDED');
    assert.deepEqual(requests, []);
  });

  it('that is too late loses its stream', async (t) => {
    let give;
    // A deadline alone keeps no process alive.
    const { url } = await serve(t, () => undefined);
    const createConnection = (_where, callback) => { give = callback; };
    const error = await failure(url, { handshakeTimeout: 20, createConnection });
    assert.equal(error.code, 'WS_ERR_HANDSHAKE_TIMEOUT');
    const stream = new net.Socket();
    give(null, stream);
    await once(stream, 'close');
  });

  it('must not give wss: a connection in the clear', async (t) => {
    const { port, requests } = await serve(t, () => undefined);
    const url = `wss://${HOST}:${port}/`;
    const clear = { port, host: HOST };
    assert.throws(() => attempt(url, { createConnection: () => net.connect(clear) }), { code: 'ERR_INVALID_ARG_VALUE' });
    const later = { createConnection: (_where, callback) => callback(null, net.connect(clear)) };
    assert.equal((await failure(url, later)).code, 'ERR_INVALID_ARG_VALUE');
    assert.equal(requests.length, 0);
  });
});
