'use strict';

/** Whether this is Node: another program may have Node's functions, and not have them work. */
const isNode = process.versions.bun === undefined && process.versions.deno === undefined;

module.exports = { isNode };
