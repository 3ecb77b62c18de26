'use strict';

const { channel } = require('node:diagnostics_channel');

// Channels of node:diagnostics_channel. Without a subscriber they cost one property read.

const open = channel('ws13:open');
const close = channel('ws13:close');
const error = channel('ws13:error');
const message = channel('ws13:message');
const refuse = channel('ws13:refuse');

function opened({ socket, protocol }, request) {
  if (open.hasSubscribers) open.publish({ socket, protocol, request });
}

function closed({ socket, closeReason, wasClean }, code) {
  if (close.hasSubscribers) close.publish({ socket, code, reason: closeReason, wasClean });
}

function failed({ socket }, reason) {
  if (error.hasSubscribers) error.publish({ socket, error: reason });
}

function received({ socket }, payload, isBinary) {
  if (message.hasSubscribers) message.publish({ socket, payload, isBinary });
}

/** @param refusal of the core's: `reason` is what it is counted under, `response` begins with the status line */
function refused(socket, request, { reason, response }) {
  if (refuse.hasSubscribers) refuse.publish({ socket, request, status: Number(response.split(' ', 2)[1]), reason });
}

module.exports = { opened, closed, failed, received, refused };
