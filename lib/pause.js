'use strict';

const { PROGRAM, connectionOf } = require('./connection.js');
const { resumeNow } = require('./feed.js');

/** Reads no more from a socket, and delivers nothing, until `resume`. */
function pause(socket) {
  pauseFor(connectionOf(socket), PROGRAM);
}

/** Takes up where `pause` left off. */
function resume(socket) {
  resumeFor(connectionOf(socket), PROGRAM);
}

function pauseFor(connection, reason) {
  // The peer's close frame is still to be read.
  if (connection.closing && reason !== PROGRAM) return;
  // What a handshake still wants to read is no message: the pause begins behind it.
  if (connection.paused === 0 && connection.handshake === null) connection.socket.pause?.();
  connection.paused |= reason;
}

/** Lifts one reason, or several; with the last of them the connection goes on. */
function resumeFor(connection, reasons) {
  if ((connection.paused & reasons) === 0) return;
  connection.paused &= ~reasons;
  if (connection.paused === 0) process.nextTick(resumeNow, connection);
}

module.exports = { pause, pauseFor, resume, resumeFor };
