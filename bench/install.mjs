// Peers that only the benchmark needs, in a folder of their own: neither this project's
// package.json nor its lock file knows of them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNpm } from '../scripts/run.mjs';
import { PEERS } from './servers/peers.mjs';

// Optional, because each of them has binaries for some platforms only.
const manifest = {
  private: true,
  description: 'Peers of the benchmark',
  optionalDependencies: {
    '@trufflesuite/uws-js-unofficial': '20.30.0-unofficial.0',
    '@oven/bun-linux-x64': '1.4.5'
  }
};

/** Installs them, or brings them to these versions. Nothing of theirs is run by it. */
export async function installPeers() {
  mkdirSync(PEERS, { recursive: true });
  writeFileSync(join(PEERS, 'package.json'), JSON.stringify(manifest, null, 2) + '\n');
  await runNpm([
    'install', '--prefix', PEERS, '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'
  ]);
}
