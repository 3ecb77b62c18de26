'use strict';

/** The next uncaught exception of this process, which the test runner does not get to see. */
function uncaught() {
  const others = process.listeners('uncaughtException');
  return new Promise((resolve) => {
    process.removeAllListeners('uncaughtException').once('uncaughtException', (error) => {
      for (const listener of others) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
}

module.exports = { uncaught };
