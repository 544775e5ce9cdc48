/**
 * Takes the pictures of the dashboard that the documentation shows: runs the demo, opens its dashboard in Chromium, and writes
 * docs/images.
 *
 *     node tools/screenshot.ts           all pictures
 *     node tools/screenshot.ts <folder>  into another folder
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { buildIfStale } from './build.ts';
import { findChromium, launchChromium } from './chromium.ts';

interface View {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  /** Everything, however long it is; else what fits. */
  readonly fullPage: boolean;
}

interface SagaDetail {
  readonly id: string;
  readonly timeline: readonly { readonly type: string }[];
}

const root = dirname(import.meta.dirname);
/** Enough goes wrong to see how it is dealt with; waits are nearly those of real life. */
const DEMO = ['--decline-rate', '0.04', '--flaky-rate', '0.08', '--time-scale', '4', '--seed', '7'];
const TYPE = 'OrderProcessing';
const DESKTOP: View = { name: 'desktop', width: 1440, height: 900, scale: 1.5, fullPage: true };
const NARROW: View = { name: 'narrow', width: 390, height: 844, scale: 2, fullPage: false };
const THEMES = ['light', 'dark'] as const;
/** The overview is taken shortly before the last order, while everything is at work. */
const TAKEN_AT = 0.94;
const POLL_MS = 100;
const COMPENSATED_LOOKED_AT = 200;
const BYTES_MAX = 400 * 1024;

async function main(folder: string): Promise<void> {
  const executable = findChromium();
  if (executable === undefined) throw new Error('Chromium is missing. Install it, or name it in CHROMIUM.');
  buildIfStale({ check: false });
  mkdirSync(folder, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'millrace-screenshots-'));
  const demo = spawn(process.execPath, [join(root, 'bin/millrace.js'), 'demo', '--data', data, ...DEMO], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>(resolve => demo.once('close', () => resolve()));
  const browser = await launchChromium(executable);
  try {
    const said = listen(demo.stderr);
    const [, address = ''] = await said(/Dashboard: (http:\S+?)\/ui\//);
    const [, orders = ''] = await said(/of ([\d,]+)/);
    await takeOverviews(browser, address, Number(orders.replaceAll(',', '')), folder);
    await said(/Serving/);
    await takeSagas(browser, address, folder);
  } finally {
    await browser.close();
    demo.kill('SIGINT');
    await ended;
    rmSync(data, { recursive: true, force: true });
  }
}

async function takeOverviews(browser: Browser, address: string, orders: number, folder: string): Promise<void> {
  const pages = await openAll(browser, `${address}/ui/`, [DESKTOP, NARROW]);
  for (;;) {
    const { counts } = await getJson<{ counts: Record<string, Record<string, number>> }>(`${address}/v1/sagas`);
    const { COMPLETED = 0, COMPENSATED = 0, FAILED = 0 } = counts[TYPE] ?? {};
    if (COMPLETED + COMPENSATED + FAILED >= orders * TAKEN_AT) break;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  for (const { suffix, ...shot } of pages) await take(shot, join(folder, `overview-${suffix}.png`));
}

/** The saga that was undone after the most trouble has the most to show. */
async function takeSagas(browser: Browser, address: string, folder: string): Promise<void> {
  const { items } = await getJson<{ items: readonly { id: string }[] }>(
    `${address}/v1/sagas/${TYPE}?status=COMPENSATED&limit=${COMPENSATED_LOOKED_AT}`,
  );
  const sagas = await Promise.all(items.map(({ id }) => getJson<SagaDetail>(`${address}/v1/sagas/${TYPE}/${id}`)));
  const failures = ({ timeline }: SagaDetail): number =>
    timeline.filter(({ type }) => type === 'SagaAttemptFailed').length;
  const [shown] = sagas.sort((one, other) => failures(other) - failures(one));
  if (shown === undefined) throw new Error('No saga was compensated; raise --decline-rate.');
  for (const { suffix, ...shot } of await openAll(browser, `${address}/ui/#/sagas/${TYPE}/${shown.id}`, [DESKTOP])) {
    await take(shot, join(folder, `saga-${suffix}.png`));
  }
}

/** The same address in some sizes and every theme. */
async function openAll(
  browser: Browser,
  url: string,
  views: readonly View[],
): Promise<readonly { page: Page; suffix: string; fullPage: boolean }[]> {
  const opened: { page: Page; suffix: string; fullPage: boolean }[] = [];
  for (const view of views) {
    for (const colorScheme of THEMES) {
      const { width, height, scale } = view;
      const viewport = { width, height };
      const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: scale });
      const page = await context.newPage();
      await page.goto(url);
      await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
      opened.push({ page, suffix: `${view.name}-${colorScheme}`, fullPage: view.fullPage });
    }
  }
  return opened;
}

async function take({ page, fullPage }: { page: Page; fullPage: boolean }, path: string): Promise<void> {
  await page.locator('.card').first().waitFor();
  await page.evaluate('document.fonts.ready.then(() => undefined)');
  await page.screenshot({ path, fullPage, animations: 'disabled' });
  const { size } = statSync(path);
  process.stdout.write(`${relative(root, path)}  ${Math.round(size / 1024)} kB\n`);
  if (size > BYTES_MAX) throw new Error(`${path} has ${size} bytes; at most ${BYTES_MAX} are shown in a README.`);
}

/** Waits for what a program says. */
function listen(output: NodeJS.ReadableStream): (pattern: RegExp) => Promise<RegExpExecArray> {
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return async pattern => {
    for (;;) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      if (!output.readable) throw new Error(`The demo ended before it said ${pattern}:\n${text}`);
      await new Promise(resolve => setTimeout(resolve, POLL_MS));
    }
  };
}

async function getJson<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as Answer;
}

await main(process.argv[2] ?? join(root, 'docs/images'));
