import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createMillrace, defineApp, defineEvent, defineProjection, type Millrace } from 'millrace';
import { type RunningServer, startServer } from 'millrace/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

/*
 * Projections as an operator meets them: over HTTP and from the command line, against a served app.
 */

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });
const totals = defineProjection('totals', {
  version: 1,
  events: [Added],
  key: event => event.data.key,
  initial: () => ({ sum: 0 }),
  evolve: {
    Added: ({ sum }, { data }) => {
      if (data.n === 13) throw new Error('13 cannot be added');
      return { sum: sum + data.n };
    },
  },
  indexes: ['sum'],
  failure: { retry: { attempts: 1, base: 1 }, afterwards: 'park' },
});

let app: Millrace;
let server: RunningServer;
let head = 0;

beforeAll(async () => {
  app = await createMillrace({ app: defineApp({ define: [totals] }), store: 'memory:' });
  server = await startServer({ app });
  for (const [key, n] of [
    ['a', 1],
    ['b', 13],
    ['b', 2],
    ['c', 9],
  ] as const) {
    ({ position: head } = await app.append(`s-${key}`, [Added({ key, n })]));
  }
  await app.query(totals, { id: 'c', after: head });
});

afterAll(async () => {
  await server.close();
  await app.close();
});

async function ask(path: string, method = 'GET', body?: unknown) {
  const request =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${server.address}${path}`, { method, ...request });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function command(...args: string[]) {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args, '--url', server.address], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', chunk => (stdout += chunk));
  child.stderr.on('data', chunk => (stderr += chunk));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('a projection is shown, held and let go on over HTTP', async () => {
  expect((await ask('/v1/projections/totals')).body).toMatchObject({ state: 'running', phase: 'live', parked: 1 });
  expect(await ask('/v1/projections/totals', 'PATCH', { desired: 'paused' })).toMatchObject({
    status: 200,
    body: { state: 'paused', position: head },
  });
  expect((await ask('/v1/projections/totals', 'PATCH', { desired: 'running' })).body.state).toBe('running');
  expect((await ask('/v1/projections/nobody')).body).toMatchObject({ status: 404, code: 'PROJECTION_NOT_FOUND' });
  expect((await ask('/v1/projections/deployments', 'POST', { names: ['totals', 'nobody'] })).body).toMatchObject({
    projections: [{ state: 'RUNNING' }, { state: 'FAILED', reason: { code: 'PROJECTION_NOT_FOUND' } }],
  });
});

test('read models are listed, queried, and answer as of a position over HTTP', async () => {
  expect((await ask('/v1/read-models')).body.items).toMatchObject([{ name: 'totals', documents: 3 }]);
  const where = encodeURIComponent(JSON.stringify({ sum: { gte: 2 } }));
  const query = await ask(`/v1/read-models/totals?where=${where}&orderBy=sum&direction=descending`);
  expect(query.body).toMatchObject({
    items: [
      { key: 'c', document: { sum: 9 } },
      { key: 'b', document: { sum: 2 } },
    ],
  });
  expect((await ask('/v1/read-models/totals/b?position=2')).body).toMatchObject({
    code: 'PROJECTION_FAILED',
    position: 2,
  });
  expect((await ask('/v1/read-models/totals/a?position=1')).body).toEqual({ sum: 1 });
  expect((await ask('/v1/read-models/totals/b/history')).body.items).toMatchObject([{ position: 2 }, { position: 3 }]);
  expect((await ask('/v1/read-models/totals?where=1')).body).toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('parked events are listed, edited and skipped over HTTP', async () => {
  const [parked] = (await ask('/v1/projections/totals/parked')).body.items;
  expect(parked).toMatchObject({ position: 2, type: 'Added', reason: { details: { stack: expect.any(String) } } });
  const edited = await ask(`/v1/projections/totals/parked/${parked.id}`, 'PATCH', { data: { key: 'b', n: 3 } });
  expect(edited.status).toBe(202);
  await expect.poll(() => app.query(totals, { id: 'b' })).toEqual({ sum: 5 });
  expect((await ask(`/v1/projections/totals/parked/${parked.id}`, 'DELETE')).status).toBe(404);
});

test('the command line rebuilds, compares, swaps and rolls back', async () => {
  const rebuilt = await command('projection', 'rebuild', 'totals', '--json');
  expect(JSON.parse(rebuilt.stdout)).toMatchObject([{ projection: 'totals', build: '1.1', state: 'done' }]);
  const compared = await command('projection', 'compare', 'totals');
  // The rebuild has met the event again that was edited.
  expect(compared).toMatchObject({ code: 7, stdout: expect.stringContaining('same 2, different 1') });
  expect((await command('projection', 'swap', 'totals')).stdout).toContain('live is totals@1.1');
  expect(await app.query(totals, { id: 'b' })).toEqual({ sum: 2 });
  expect((await command('projection', 'rollback', 'totals')).stdout).toContain('live is totals@1\n');
  expect(JSON.parse((await command('readmodel', 'get', 'totals', 'b', '--fresh-to', String(head))).stdout)).toEqual({
    sum: 5,
  });
  expect((await command('projection', 'ls')).stdout).toMatch(/^totals {2}version 1 {2}running \(live\)/);
  expect(await command('projection', 'info', 'nobody')).toMatchObject({ code: 3 });
});
