'use strict';

const errors = require('./errors.js');

// Sends that cannot be done at once: those of Blobs and Readables, and all that come behind them.

/**
 * Runs `job` when everything that was deferred before it is done.
 * @param job may return a promise, which does not reject
 * @param size bytes that wait with it
 * @returns false where as much waits as the socket's queue is to hold; 'drain' follows then
 */
function inTurn(connection, size, job) {
  const { socket } = connection;
  connection.deferredBytes += size;
  const turn = Promise.resolve(connection.deferred).then(() => {
    connection.deferredBytes -= size;
    connection.renewCloseTimer();
    return job();
  }).then(() => {
    if (connection.deferred !== turn) return;
    connection.deferred = null;
    // Out of the promise's reach: what a listener throws is an uncaught exception, as ever.
    if (connection.owesDrain) process.nextTick(tellDrain, connection);
  });
  connection.deferred = turn;
  if (!(socket.writableLength + connection.deferredBytes >= socket.writableHighWaterMark)) return true;
  connection.owesDrain = true;
  return false;
}

/** The same for a message, in front of which only so much may wait. */
function messageInTurn(connection, size, job) {
  const { deferredBytes: waiting, outbox: { bound }, socket } = connection;
  const accepted = inTurn(connection, size, job);
  // What waits here waits because of the program, but takes the same memory.
  if (waiting > bound) socket.destroy(errors.bufferOverflow(connection.deferredBytes, bound));
  return accepted;
}

/** Tells of 'drain' where nothing waits any more, and the socket has no reason to. */
function tellDrain(connection) {
  const { canSend, deferred, socket } = connection;
  if (deferred !== null || !canSend) return;
  connection.owesDrain = false;
  if (socket.writableNeedDrain !== true) socket.emit?.('drain');
}

/**
 * Sends the chunks of a Readable as they come, no faster than the peer reads. Ends early where the
 * connection does.
 * @param sendPart sends a part of the message → false, or a promise of it, where the peer is to be
 *   waited for
 * @throws what the Readable fails with
 */
async function pump(connection, readable, sendPart) {
  const { outbox, socket } = connection;
  if (!connection.canSend) return;
  // The connection may end while nothing comes from the Readable.
  const stop = () => readable.destroy();
  socket.once?.('close', stop);
  try {
    for await (const chunk of readable) {
      if (!connection.canSend) return;
      const accepted = await sendPart(chunk);
      connection.renewCloseTimer();
      if (accepted) continue;
      outbox.flush();
      if (socket.writableNeedDrain === true) await drained(socket);
      if (!connection.canSend) return;
      connection.renewCloseTimer();
    }
  } catch (error) {
    // Stopped by ourselves, it complains of that.
    if (connection.canSend) throw error;
  } finally {
    socket.off?.('close', stop);
  }
}

/** Resolves when the socket takes more, or is closed. */
function drained(socket) {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

module.exports = { inTurn, messageInTurn, pump };
