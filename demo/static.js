// The page's files. They are read once and looked up by their exact path, so no request reaches
// the file system.
'use strict';

const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const JAVASCRIPT = 'text/javascript; charset=utf-8';
const SVG = 'image/svg+xml';

const FILES = new Map([
  ['/', load('index.html', HTML)],
  ['/index.html', load('index.html', HTML)],
  ['/style.css', load('style.css', CSS)],
  ['/app.js', load('app.js', JAVASCRIPT)],
  ['/tab.js', load('tab.js', JAVASCRIPT)],
  ['/fields.js', load('fields.js', JAVASCRIPT)],
  ['/figure.js', load('figure.js', JAVASCRIPT)],
  ['/frame.js', load('frame.js', JAVASCRIPT)],
  ['/icon.svg', load('icon.svg', SVG)]
]);

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff'
};

/** An http request handler. */
function serveStatic({ method, url }, response) {
  const file = FILES.get(url.split('?', 1)[0]);
  if (file === undefined) {
    answer(response, 404, { type: 'text/plain', body: 'There is no such page.\n' });
  } else if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    answer(response, 405, { type: 'text/plain', body: 'Only GET and HEAD are answered.\n' });
  } else {
    answer(response, 200, file);
  }
}

// Node sends no body in answer to HEAD.
function answer(response, status, { type, body }) {
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body)
  });
  response.end(body);
}

function load(name, type) {
  return { type, body: readFileSync(join(__dirname, 'public', name)) };
}

module.exports = { serveStatic };
