'use strict';

const { attach } = require('./attach.js');
const { broadcast } = require('./broadcast.js');
const { connect } = require('./connect.js');
const { frame } = require('./frame.js');
const { info } = require('./info.js');
const { listen } = require('./listen.js');
const { messages } = require('./messages.js');
const { pause, resume } = require('./pause.js');
const { receive } = require('./receive.js');
const { close } = require('./close.js');
const { ping, pong } = require('./control.js');
const { send } = require('./send.js');
const { shutdown } = require('./shutdown.js');
const { stats } = require('./stats.js');
const { stream } = require('./stream.js');
const { upgrade } = require('./upgrade.js');

/** The article's calls, then those for whole connections. None of them uses `this`. */
const WS = {
  upgrade,
  receive,
  send,
  ping,
  pong,
  close,
  info,
  listen,
  connect,
  attach,
  pause,
  resume,
  stream,
  messages,
  frame,
  broadcast,
  shutdown,
  stats
};

module.exports = { WS };
