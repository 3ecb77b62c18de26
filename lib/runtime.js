'use strict';

const { versions } = process;

/** Whether this is Node as it is: another program may have Node's functions, and not have them work. */
const isNode = versions.bun === undefined && versions.deno === undefined;

/** Whether that is all there is: programs that have Node within them decide over V8 themselves. */
const isNodeAlone = isNode && versions.electron === undefined && versions.nw === undefined;

module.exports = { isNode, isNodeAlone };
