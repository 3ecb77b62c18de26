import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEFAULT_CHROMIUM = '/usr/bin/chromium';

/** Starts Chromium; the caller closes it. Rejects with what to install where something is missing. */
export async function launchBrowser() {
  const executablePath = process.env.CHROMIUM || DEFAULT_CHROMIUM;
  if (!existsSync(executablePath)) {
    throw new Error(`There is no Chromium at ${executablePath}. On Debian, \`apt-get install chromium\` brings it;`
      + ' elsewhere, set CHROMIUM to the path of the browser.');
  }
  const { chromium } = await importPlaywright();
  return chromium.launch({
    executablePath,
    args: [
      // Containers and root have no sandbox; the only pages here are our own.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  });
}

/** A new folder for screenshots. */
export function screenshotFolder() {
  return mkdtempSync(join(tmpdir(), 'ws13-screenshots-'));
}

async function importPlaywright() {
  try {
    return await import('playwright-core');
  } catch (cause) {
    throw new Error('playwright-core is missing: run `npm ci` first.', { cause });
  }
}
