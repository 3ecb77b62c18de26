// Peers that are not dependencies of this project: from a folder of their own, see ../install.mjs.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Where `npm run bench -- --install-peers` puts them. */
export const PEERS = fileURLToPath(new URL('../../.cache/bench-peers/', import.meta.url));

const requireOwn = createRequire(import.meta.url);
const requireInstalled = createRequire(PEERS);

/** `require`, also of what is installed beside the project. */
export function requirePeer(name) {
  try {
    return requireOwn(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return requireInstalled(name);
  }
}
