'use strict';

const { info } = require('./info.js');
const { receive } = require('./receive.js');
const { close, ping, pong, send } = require('./send.js');
const { upgrade } = require('./upgrade.js');

/** The article's calls, and those that were missing. None of them uses `this`. */
const WS = { upgrade, receive, send, ping, pong, close, info };

module.exports = { WS };
