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

/**
 * Starts Chromium without a window, and without its sandbox, which root and containers may not use: it opens only pages of this
 * machine. Closing the browser ends its processes and deletes its folder.
 */
export async function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, chromiumSandbox: false });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
