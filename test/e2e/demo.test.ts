import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
});

/** The command of a run on a few orders, all in one folder. */
function smallRun(folder: string, ...flags: string[]): string[] {
  return ['demo', '--orders', someOrders(folder, 60), '--data', join(folder, 'data'), '--no-serve', '--json', ...flags];
}

test('the demo resumes a run that was killed before it had written anything, by starting it', async () => {
  const folder = temporaryFolder();
  const run = await millrace(smallRun(folder, '--resume')).ended;
  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ orders: 60, verified: true });
});

test('the demo starts a run over that was killed while an earlier one was being removed', async () => {
  const folder = temporaryFolder();
  expect((await millrace(smallRun(folder, '--seed', '2')).ended).code).toBe(0);
  rmSync(join(folder, 'data', 'orders.db'));
  const run = await millrace(smallRun(folder, '--seed', '3', '--decline-rate', '0.5', '--resume')).ended;
  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ orders: 60, verified: true });
});

test('the demo resumes a finished run, and comes to the same', async () => {
  const folder = temporaryFolder();
  const [first, second] = [await millrace(smallRun(folder)).ended, await millrace(smallRun(folder, '--resume')).ended];
  const { seconds: _, rssMb: __, ...figures } = JSON.parse(first.stdout);
  expect(JSON.parse(second.stdout)).toMatchObject(figures);
});

test('the demo does not resume a run with other options', async () => {
  const folder = temporaryFolder();
  await millrace(smallRun(folder)).ended;
  for (const note of [undefined, 'garbage']) {
    if (note !== undefined) writeFileSync(join(folder, 'data', 'demo.json'), note);
    const run = await millrace(smallRun(folder, '--resume', '--seed', '9')).ended;
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(JSON.parse(run.stderr)).toMatchObject({ code: 'INVALID_ARGUMENT', exitCode: 2 });
    expect(run.stderr).toContain('was started with other options');
  }
});

test('the demo removes nothing that it has not made', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'orders.db'), 'precious');
  const run = await millrace(['demo', '--data', folder, '--no-serve']).ended;
  expect(run).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('name another folder with --data'),
  });
  expect(readFileSync(join(folder, 'orders.db'), 'utf8')).toBe('precious');
});

test('the demo refuses a folder or a port that is in use, and harms nothing that runs', async () => {
  const folder = temporaryFolder();
  const command = ['demo', '--orders', someOrders(folder, 50), '--data', join(folder, 'data')];
  const running = millrace(command);
  const [, address = ''] = await running.said(/Serving (http:\S+?)\/ui\//);
  for (const flags of [[], ['--resume']]) {
    const second = await millrace([...command, '--no-serve', ...flags]).ended;
    expect(second).toMatchObject({ code: 6, stdout: '', stderr: expect.stringMatching(/^STORAGE_OWNED: /) });
    expect(second.stderr).toContain(address);
  }
  const other = ['--data', join(folder, 'other'), '--port', new URL(address).port];
  const third = await millrace([...command, '--no-serve', ...other]).ended;
  expect(third).toMatchObject({ code: 6, stdout: '', stderr: expect.stringMatching(/^PORT_IN_USE: /) });
  expect(await (await fetch(`${address}/v1/sagas`)).json()).toEqual({ counts: { OrderProcessing: { COMPLETED: 50 } } });
  running.process.kill('SIGINT');
  expect((await running.ended).code).toBe(0);
});

test('the demo says when its folder is no folder, or cannot be written', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  const file = await millrace(['demo', '--data', join(folder, 'file'), '--no-serve']).ended;
  expect(file).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^INVALID_ARGUMENT: \S+ is no folder/),
  });
  mkdirSync(join(folder, 'locked'), { mode: 0o555 });
  for (const data of [join(folder, 'locked'), join(folder, 'locked', 'deeper')]) {
    const run = await millrace(['demo', '--data', data, '--no-serve'], { heldBack: true }).ended;
    expect(run).toMatchObject({ code: 5, stdout: '', stderr: expect.stringMatching(/^STORAGE_READ_ONLY: .*--data/) });
    expect(run.stderr).not.toMatch(/^\s+at /m);
  }
});

test('the demo that is interrupted says how to go on, and does', async () => {
  const folder = temporaryFolder();
  const command = [
    'demo',
    '--data',
    join(folder, 'data'),
    '--orders',
    someOrders(folder, 2_000),
    '--no-serve',
    '--json',
  ];
  const run = millrace(command);
  await run.said(/Dashboard/);
  run.process.kill('SIGINT');
  expect(await run.ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('--resume') });
  const resumed = await millrace([...command, '--resume']).ended;
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ orders: 2_000, verified: true });
});
