// npm run types: index.d.ts as users meet it, under each way in which TypeScript resolves a package.
import { fileURLToPath } from 'node:url';
import { runMain, runTool } from './run.mjs';
import { setup } from './setup.mjs';

/** Each with the form of modules that goes with it. */
const RESOLUTIONS = { node16: 'node16', nodenext: 'nodenext', bundler: 'preserve' };

/** Compiles test-types/ without output; a line marked @ts-expect-error that compiles is an error. */
export async function checkTypes() {
  for (const [name, modules] of Object.entries(RESOLUTIONS)) {
    await runTool('typescript/bin/tsc', ['--project', 'tsconfig.json', '--module', modules, '--moduleResolution', name], {
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
