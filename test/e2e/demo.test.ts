import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const sample = new URL('../../examples/order-processing/cdnow/cdnow-sample.txt', import.meta.url);

/** A file with the first so many purchases of the sample. */
function someOrders(folder: string, count: number): string {
  const file = join(folder, 'orders.txt');
  const lines = readFileSync(sample, 'utf8').split('\n');
  writeFileSync(file, lines.slice(0, count).join('\n'));
  return file;
}

test('the demo processes all real orders and verifies every figure', async () => {
  const folder = temporaryFolder();
  const run = await millrace(['demo', '--no-serve', '--json'], { cwd: folder }).ended;
  expect(run.code, run.stderr).toBe(0);
  expect(run.stdout.trim().split('\n')).toHaveLength(1);
  expect(JSON.parse(run.stdout)).toMatchObject({
    orders: 6919,
    confirmed: 6911,
    rejected: 8,
    cancelled: 0,
    customers: 2357,
    units: 16471,
    confirmedCents: 24409194,
    bigOrders: 303,
    sessions: { count: 4632, longestOrders: 56 },
    sagas: { completed: 6911, compensated: 0, failed: 8, parked: 0 },
    deliveries: { delivered: 303, deadLettered: 0 },
    effects: { duplicates: 0, missing: 0 },
    verified: true,
  });
});

test('the demo verifies a run with declined payments and failing services', async () => {
  const folder = temporaryFolder();
  const orders = someOrders(folder, 400);
  const flags = ['--decline-rate', '0.1', '--flaky-rate', '0.3', '--time-scale', '200', '--seed', '5'];
  const run = await millrace(['demo', '--orders', orders, '--data', folder, '--no-serve', '--json', ...flags]).ended;
  expect(run.code, run.stderr).toBe(0);
  const summary = JSON.parse(run.stdout);
  expect(summary).toMatchObject({ orders: 400, verified: true, effects: { duplicates: 0, missing: 0 } });
  expect(summary.sagas.compensated).toBeGreaterThan(10);
});

test('the demo tells people what it found, and serves its dashboard until it is stopped', async () => {
  const folder = temporaryFolder();
  const run = millrace(['demo', '--orders', someOrders(folder, 100), '--data', folder]);
  const [, address] = await run.said(/Dashboard: (http:\S+?)\/ui\//);
  await run.said(/Serving/);
  const summary = await (await fetch(`${address}/v1/sagas`)).json();
  expect(summary).toEqual({ counts: { OrderProcessing: { COMPLETED: 100 } } });
  expect((await fetch(`${address}/ui/`)).status).toBe(200);
  run.process.kill('SIGINT');
  const { code, stdout } = await run.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('Verified: every figure equals');
  expect(stdout).toMatch(/1997-01 +\S* +\d/);
});

for (const [what, content, message] of [
  ['a missing file', undefined, /cannot be read \(ENOENT/],
  ['an empty file', '', /has no purchases/],
  ['a line with too few columns', '00004 19970101 2\n', /line 1: it has 3 columns.*00004 19970101 2/],
  ['a day that does not exist', ' 00004 0001 19970230  2   29.33\n', /line 1: 19970230 is not a day/],
  ['an amount that is no number', 'id date n dollars\n00004 19970101 2 abc\n', /line 2: abc is not an amount/],
] as const) {
  test(`the demo refuses ${what} and says where`, async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'orders.txt');
    if (content !== undefined) writeFileSync(file, content);
    const run = await millrace(['demo', '--orders', file, '--data', folder, '--no-serve']).ended;
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/^INVALID_INPUT_FILE/m);
    expect(run.stderr).toMatch(message);
    expect(run.stdout).toBe('');
  });
}

test('the demo reads the full layout, which has a header line and no sample number', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'full.txt');
  writeFileSync(
    file,
    'customer date cds dollars\n 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n',
  );
  const run = await millrace(['demo', '--orders', file, '--data', folder, '--no-serve', '--json']).ended;
  expect(JSON.parse(run.stdout)).toMatchObject({
    orders: 3,
    customers: 2,
    units: 7,
    confirmedCents: 10077,
    verified: true,
  });
});

test('the demo refuses wrong flags before it touches anything', async () => {
  const folder = temporaryFolder();
  for (const flags of [['--decline-rate', '2'], ['--port', '0'], ['--seed', 'x'], ['--time-scale', '-1'], ['--what']]) {
    const run = await millrace(['demo', '--data', folder, ...flags]).ended;
    expect(run.code, flags.join(' ')).toBe(2);
  }
  const resumed = await millrace(['demo', '--data', folder, '--resume']).ended;
  expect(resumed).toMatchObject({ code: 2, stderr: expect.stringContaining('holds no run of the demo to resume') });
});
