'use strict';

const { WS } = require('./lib/ws.js');

// This exact form is what Node's CommonJS lexer reads: `import { WS }` finds the name.
module.exports = { WS };
