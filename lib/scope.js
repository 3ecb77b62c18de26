'use strict';

/**
 * Calls a function in the async context in which the connection was attached, and its handlers are to run, whoever
 * calls: the reactor, Node's socket, or a program that resumes it. There is none yet while it is being attached.
 */
function inScope({ scope }, f, self, ...args) {
  return scope === null ? Reflect.apply(f, self, args) : scope.runInAsyncScope(f, self, ...args);
}

module.exports = { inScope };
