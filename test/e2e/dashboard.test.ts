import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium, launchChromium } from '../../tools/chromium.ts';
import { type MillraceRun, millrace } from '../child-process.ts';
import { freePort } from '../free-port.ts';
import { skipUnless } from '../skip-unless.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const executable = findChromium();
const chromiumIsThere = skipUnless('chromium', executable !== undefined, 'apt-get install chromium');
const sample = new URL('../../examples/order-processing/cdnow/cdnow-sample.txt', import.meta.url);
const ORDERS = 300;
const FLAGS = ['--decline-rate', '0.1', '--flaky-rate', '0.2', '--time-scale', '200', '--seed', '5'];
const TYPE = 'OrderProcessing';
const DESKTOP = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };

let browser: Browser;
let demo: MillraceRun;
let folder: string;
let address: string;

interface Opened {
  readonly viewport?: { width: number; height: number };
  readonly colorScheme?: 'light' | 'dark';
  /** What the console may complain of. */
  readonly expected?: RegExp;
}

/** Opens a page; at the end of the test it must have complained of nothing and asked nobody but its server. */
async function open(url: string, { viewport = DESKTOP, colorScheme = 'light', expected }: Opened = {}): Promise<Page> {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on('console', message => {
    if (message.type() === 'error' && expected?.test(message.text()) !== true) complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  page.on('request', request => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  await page.goto(url);
  return page;
}

async function get<Answer>(path: string): Promise<Answer> {
  const response = await fetch(`${address}/v1/${path}`);
  expect(response.status, path).toBe(200);
  return (await response.json()) as Answer;
}

const numberIn = async (page: Page, selector: string): Promise<number> =>
  Number((await page.locator(selector).innerText()).replaceAll(',', ''));

async function place(orderId: string): Promise<void> {
  const data = {
    orderId,
    customerId: 'c-1',
    date: '1997-06-01',
    items: [{ product: 'disc', quantity: 1 }],
    cents: 999,
  };
  const response = await fetch(`${address}/v1/streams/${encodeURIComponent(`order-${orderId}`)}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ type: 'OrderPlaced', data }]),
  });
  expect(response.status, await response.text()).toBe(201);
}

interface SagaDetail {
  readonly id: string;
  readonly timeline: readonly { readonly type: string }[];
}

const compensated = async (): Promise<SagaDetail> => {
  const { items } = await get<{ items: SagaDetail[] }>(`sagas/${TYPE}?status=COMPENSATED&limit=1`);
  return get<SagaDetail>(`sagas/${TYPE}/${items[0]?.id}`);
};

describe('the dashboard of a whole system', chromiumIsThere, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-dashboard-'));
    const orders = join(folder, 'orders.txt');
    writeFileSync(orders, readFileSync(sample, 'utf8').split('\n').slice(0, ORDERS).join('\n'));
    demo = millrace(['demo', '--orders', orders, '--data', folder, ...FLAGS]);
    browser = await launchChromium(executable as string);
    address = (await demo.said(/Dashboard: (http:\S+?)\/ui\//))[1] as string;
    await demo.said(/Serving/);
  });

  afterAll(async () => {
    await browser?.close();
    demo?.process.kill('SIGINT');
    await demo?.ended;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('shows the figures that the API answers', async () => {
    const page = await open(`${address}/ui/`);
    const { counts } = await get<{ counts: Record<string, Record<string, number>> }>('sagas');
    const { items } = await get<{ items: { name: string; lag: number }[] }>('projections');
    const { head } = (await (await fetch(`${address}/readyz`)).json()) as { head: number };
    await expect.poll(() => numberIn(page, '[data-value=head]')).toBe(head);
    for (const [status, count] of Object.entries(counts[TYPE] ?? {})) {
      expect(await numberIn(page, `[data-saga-count="${TYPE}:${status}"]`), status).toBe(count);
    }
    expect(counts[TYPE]?.['COMPENSATED']).toBeGreaterThan(5);
    for (const { name } of items) await expect.poll(() => numberIn(page, `[data-lag="${name}"]`)).toBe(0);
    const delivered = await get<{ items: unknown[] }>('deliveries?route=big-orders&state=delivered&limit=1000');
    expect(await numberIn(page, '[data-route=big-orders] [data-delivery-count=Delivered]')).toBe(
      delivered.items.length,
    );
    expect(await page.locator('[data-health]').getAttribute('data-health')).toBe('good');
  });

  test('draws weekly revenue, and shows the same as a table', async () => {
    const page = await open(`${address}/ui/`);
    const card = page.getByRole('region', { name: 'Weekly revenue' });
    await card.locator('canvas').waitFor();
    const { items } = await get<{ items: { start: number; value: { cents: number } }[] }>(
      'topologies/weekly-revenue/stores/revenue?limit=1000',
    );
    expect(items.length).toBeGreaterThan(0);
    await expect.poll(() => inkOf(page, '.chart canvas')).toBeGreaterThan(500);
    await card.getByRole('button', { name: 'Show as table' }).click();
    const rows = await card.locator('tbody tr').allInnerTexts();
    const shown = rows.map(row => row.split('\t')).filter(([, cents]) => cents !== '0.00');
    const expected = items.map(({ start, value }) => [
      new Date(start).toISOString().slice(0, 10),
      (value.cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2 }),
    ]);
    expect(shown).toEqual(expected.reverse());
    await card.getByLabel('Field').selectOption('orders');
    const orders = (await card.locator('tbody td.number').allInnerTexts()).map(Number);
    expect(orders.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(ORDERS);
  });

  test('shows an append, and all that follows from it, without being loaded again', async () => {
    const page = await open(`${address}/ui/`);
    await page.locator('[data-tile=head]').waitFor();
    const ended = async (): Promise<number> => {
      const counts = ['COMPLETED', 'COMPENSATED'].map(each => numberIn(page, `[data-saga-count="${TYPE}:${each}"]`));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const [head, before] = [await numberIn(page, '[data-value=head]'), await ended()];
    await place('live-1');
    await expect.poll(ended, { timeout: 20_000 }).toBe(before + 1);
    expect(await numberIn(page, '[data-value=head]')).toBeGreaterThan(head);
  });

  test('leads from the counts to the timeline of a saga, under an address that can be shared', async () => {
    const page = await open(`${address}/ui/`);
    await page.getByRole('link', { name: /^Compensated/ }).click();
    const { id, timeline } = await compensated();
    await page.getByRole('link', { name: id, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await expect.poll(() => page.locator('[data-moment]').count()).toBe(timeline.length);
    expect(await page.locator('[data-step=ValidateOrder]').getAttribute('data-standing')).toBe('COMPLETED');
    expect(await page.locator('[data-step=ProcessPayment]').getAttribute('data-standing')).toBe('FAILED');
    expect(await page.locator('[data-step=ReleaseInventory]').getAttribute('data-standing')).toBe('COMPENSATED');
    const shared = await open(page.url());
    await shared.getByRole('heading', { level: 1, name: id }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: id, exact: true }).waitFor();
    expect(await page.locator('.chip[aria-current]').innerText()).toMatch(/^Compensated/);
  });

  test('opens a saga by its id, from the keyboard, and says when there is none', async () => {
    const page = await open(`${address}/ui/`, { expected: /404/ });
    await page.locator('[data-tile=head]').waitFor();
    const { id } = await compensated();
    await page.keyboard.press('/');
    await page.keyboard.type('nobody');
    await page.keyboard.press('Enter');
    await page.getByText('No saga has the id nobody').waitFor();
    await page.getByRole('searchbox').fill(id);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await page.goto(`${address}/ui/#/sagas/${TYPE}/nobody`);
    await page.getByRole('alert').filter({ hasText: 'SAGA_NOT_FOUND' }).waitFor();
    expect(await page.getByRole('alert').innerText()).toMatch(/Check the id/);
  });

  test('shows what comes from data as text', async () => {
    const id = '<img src=x onerror=alert(1)>';
    await place(id);
    const page = await open(`${address}/ui/#/sagas/${TYPE}/${encodeURIComponent(id)}`, { expected: /404/ });
    await page.getByRole('heading', { level: 1, name: id }).waitFor();
    await page.locator('[data-moment=SagaCompleted]').waitFor();
    expect(await page.locator('img').count()).toBe(0);
  });

  test('is light or dark as the system is, until the reader chooses', async () => {
    const ground = (page: Page): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const page = await open(`${address}/ui/`, { colorScheme: 'dark' });
    const dark = await ground(page);
    const light = await ground(await open(`${address}/ui/`));
    expect(dark).not.toBe(light);
    await page.getByRole('button', { name: 'Theme: system' }).click();
    expect(await ground(page)).toBe(light);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await ground(page)).toBe(dark);
    await page.getByRole('button', { name: 'Theme: dark' }).click();
    await page.getByRole('button', { name: 'Theme: system' }).waitFor();
  });

  test('fits a narrow screen and a wide one without scrolling sideways', async () => {
    const { id } = await compensated();
    for (const viewport of [NARROW, DESKTOP]) {
      for (const view of ['', `#/sagas/${TYPE}?status=COMPENSATED`, `#/sagas/${TYPE}/${id}`]) {
        const page = await open(`${address}/ui/${view}`, { viewport });
        await page.locator('.card').first().waitFor();
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width, `${view} at ${viewport.width}`).toBeLessThanOrEqual(viewport.width);
      }
    }
  });

  test('has names for everything that can be used, and one heading above all', async () => {
    const { id } = await compensated();
    for (const view of ['', `#/sagas/${TYPE}`, `#/sagas/${TYPE}/${id}`]) {
      const page = await open(`${address}/ui/${view}`);
      await page.locator('.card').first().waitFor();
      const tree = await page.locator('body').ariaSnapshot();
      expect(tree.match(/^\s*- (button|link|searchbox|combobox|img)(:| \[[^\]]*\]:?)?$/gm)).toBeNull();
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
      for (const landmark of ['banner', 'main', 'search'] as const) {
        expect(await page.getByRole(landmark).count(), landmark).toBe(1);
      }
    }
  });
});

describe('the dashboard of a store', chromiumIsThere, () => {
  beforeAll(async () => {
    browser = await launchChromium(executable as string);
  });
  afterAll(() => browser?.close());

  test('says how to begin, shows the first event, and finds a server again that was away', async () => {
    const port = await freePort();
    const store = `sqlite:${join(temporaryFolder(), 'store.db')}`;
    const serve = async (): Promise<MillraceRun> => {
      const run = millrace(['start', '--store', store, '--port', String(port)]);
      onTestFinished(async () => {
        await run.kill();
      });
      await run.said(/dashboard/);
      return run;
    };
    const before = await serve();
    const page = await open(`http://127.0.0.1:${port}/ui/`, { expected: /net::ERR_/ });
    await page.getByText('The log is empty').waitFor();
    await page.getByText('No saga is defined').waitFor();
    const sent = await fetch(`http://127.0.0.1:${port}/v1/streams/order-42/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ type: 'OrderPlaced', data: { cents: 1250 } }]),
    });
    expect(sent.status).toBe(201);
    await expect.poll(() => numberIn(page, '[data-value=head]')).toBe(1);
    expect(await page.getByText('The log is empty').count()).toBe(0);

    await before.kill();
    await page.getByRole('banner').getByText('Reconnecting').waitFor();
    expect(await numberIn(page, '[data-value=head]')).toBe(1);
    await page.getByText(/last update .* next try in/).waitFor();
    await serve();
    await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => numberIn(page, '[data-value=head]')).toBe(1);
  });
});

/** How many pixels of the last canvas that a selector finds are drawn. */
function inkOf(page: Page, selector: string): Promise<number> {
  return page.evaluate(`{
    const canvas = [...document.querySelectorAll(${JSON.stringify(selector)})].at(-1);
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] > 0) ink++;
    ink;
  }`);
}
