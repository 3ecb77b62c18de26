// node scripts/check-version.mjs v1.2.3: that a tag, package.json, Cargo.toml and CHANGELOG.md agree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, root, runMain, say } from './run.mjs';

await runMain(async () => {
  const tag = process.argv[2];
  if (!/^v\d+\.\d+\.\d+(-[\w.]+)?$/.test(tag ?? '')) {
    throw new Failure(`A tag such as v1.2.3 is wanted, not ${tag}.`);
  }
  const version = tag.slice(1);
  const found = {
    'package.json': JSON.parse(read('package.json')).version,
    'package-lock.json': JSON.parse(read('package-lock.json')).version,
    'Cargo.toml': read('Cargo.toml').match(/^version = "(.+)"$/m)?.[1],
    'CHANGELOG.md': read('CHANGELOG.md').includes(`\n## [${version}] - `) ? version : 'no section'
  };
  const wrong = Object.entries(found).filter(([, each]) => each !== version);
  if (wrong.length > 0) {
    throw new Failure(`${tag} is tagged, but: ${wrong.map((pair) => pair.join(' has ')).join(', ')}.`);
  }
  say(`${tag}: all files agree`);
});

function read(name) {
  return readFileSync(join(root, name), 'utf8');
}
