// npm run types: index.d.ts as users meet it, under each way in which TypeScript resolves a package.
import { fileURLToPath } from 'node:url';
import { runMain, runTool } from './run.mjs';
import { setup } from './setup.mjs';

const RESOLUTIONS = ['node16', 'nodenext'];

/** Compiles test-types/ without output; a line marked @ts-expect-error that compiles is an error. */
export async function checkTypes() {
  for (const name of RESOLUTIONS) {
    await runTool('typescript/bin/tsc', ['--project', 'tsconfig.json', '--module', name, '--moduleResolution', name], {
      label: `tsc (${name})`
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    await setup();
    await checkTypes();
  });
}
