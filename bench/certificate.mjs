// A certificate for the scenarios with TLS.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { selfSigned } = createRequire(import.meta.url)('../test-js/support/certificate.js');

const FOLDER = fileURLToPath(new URL('../.cache/bench/', import.meta.url));

/** Makes a new one; returns the paths of its two files, which some of the servers want. */
export function certificate() {
  const { key, cert } = selfSigned();
  const paths = { key: join(FOLDER, 'key.pem'), cert: join(FOLDER, 'cert.pem') };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(paths.key, key, { mode: 0o600 });
  writeFileSync(paths.cert, cert);
  return paths;
}
