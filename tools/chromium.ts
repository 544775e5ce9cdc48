import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** Where Chromium is: what `CHROMIUM` says, else the first of its names on the path; undefined when there is none. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const candidates = named ? [named] : NAMES.flatMap(name => folders.map(folder => join(folder, name)));
  return candidates.find(isExecutable);
}

/** Starts Chromium without a window. Closing the browser ends its processes and deletes its folder. */
export async function launchChromium(executablePath: string): Promise<Browser> {
  // Root, as which containers run, may not use the sandbox; only pages of this machine are opened.
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath, args: isRoot ? ['--no-sandbox'] : [] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
