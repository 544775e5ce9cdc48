import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMillrace, defineApp, defineEvent, defineRoute, toFunction, toQueue } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { millrace } from '../child-process.ts';

/*
 * The router of a served app by HTTP and by the command line: what is switched off, given up, moved and replayed.
 */

const Sold = defineEvent('Sold', { schema: z.object({ n: z.number() }) });

async function serve() {
  const taken: number[] = [];
  const world = { works: true };
  const take = (name: string) =>
    toFunction(
      ({ data }) => {
        if (!world.works) throw new Error('out of order');
        taken.push((data as { n: number }).n);
      },
      { name, retry: { attempts: 1, base: 1 }, breaker: false },
    );
  const define = [
    Sold,
    defineRoute('till', { match: { type: ['Sold'], data: { n: [{ numeric: ['<', 10] }] } }, to: [take('desk')] }),
    defineRoute('spare', { match: { type: ['Never'] }, to: [toQueue('spare', { name: 'queue' })] }),
  ];
  const app = await createMillrace({ store: 'memory:', app: defineApp({ define }) });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  const ask = async (path: string, method = 'GET', body?: unknown) => {
    const response = await fetch(`${server.address}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const append = (...numbers: number[]) =>
    app.append(
      'sale-1',
      numbers.map(n => Sold({ n })),
    );
  const cli = async (...args: string[]) => {
    const { code, stdout: out, stderr: err } = await millrace([...args, '--url', server.address]).ended;
    return { code, out, err };
  };
  return { app, ask, append, cli, taken, world };
}

test('a route replays the past under the ids of old, and leaves alone what is pending', async () => {
  const { ask, append, taken, app } = await serve();
  await append(1, 2, 30);
  await expect.poll(async () => (await app.router.deliveries()).delivered).toBe(2);
  const { body: first } = await ask('/v1/deliveries?route=till&state=delivered');
  const ids = (first['items'] as { id: string }[]).map(({ id }) => id);
  expect(await ask('/v1/routes/till/replays', 'POST', { dryRun: true })).toMatchObject({
    body: { matched: 2, deliveries: 2, pending: 0 },
  });
  expect(taken).toEqual([1, 2]);
  expect(await ask('/v1/routes/till/replays', 'POST', { from: 2 })).toMatchObject({
    body: { matched: 1, deliveries: 1 },
  });
  await expect.poll(() => taken).toEqual([1, 2, 2]);
  expect(await ask(`/v1/deliveries/${ids[0]}/replays`, 'POST')).toMatchObject({ body: { deliveries: 1 } });
  await expect.poll(() => taken).toEqual([1, 2, 2, 1]);
  await expect.poll(async () => (await ask(`/v1/deliveries/${ids[0]}`)).body).toMatchObject({ state: 'delivered' });
  expect((await app.router.list({ route: 'till', state: 'delivered' })).map(({ id }) => id).sort()).toEqual(ids.sort());
  expect(await ask('/v1/routes/none/replays', 'POST', {})).toMatchObject({ status: 400 });
  expect(await ask('/v1/deliveries/none')).toMatchObject({ status: 404 });
});

test('endpoints and routes are switched off and on; what waited is delivered then', async () => {
  const { ask, append, taken } = await serve();
  const off = { enabled: false, reason: 'maintenance' };
  expect(await ask('/v1/endpoints/till/desk', 'PATCH', off)).toMatchObject({ status: 200, body: off });
  expect((await ask('/v1/endpoints')).body['items']).toMatchObject([
    {
      route: 'till',
      destination: 'desk',
      kind: 'function',
      breaker: 'closed',
      ...off,
      at: expect.stringMatching(/Z$/),
    },
    { route: 'spare', destination: 'queue', kind: 'queue', enabled: true, at: null },
  ]);
  await append(1);
  await expect
    .poll(async () => (await ask('/v1/deliveries?route=till&state=pending')).body['items'])
    .toMatchObject([{ position: expect.any(Number) }]);
  await ask('/v1/endpoints/till/desk', 'PATCH', { enabled: true, reason: 'over' });
  await expect.poll(() => taken).toEqual([1]);
  expect(await ask('/v1/routes/none', 'PATCH', off)).toMatchObject({ status: 400 });
  expect(await ask('/v1/routes/till', 'PATCH', { enabled: false })).toMatchObject({ status: 400 });
});

test('a dead letter is moved to another destination', async () => {
  const { ask, append, app, world } = await serve();
  world.works = false;
  await append(1);
  await expect.poll(async () => (await app.router.deliveries()).deadLettered).toBe(1);
  const to = { route: 'spare', destination: 'queue' };
  expect(await ask('/v1/dead-letters/moves', 'POST', { filter: { route: 'till' }, to })).toMatchObject({
    body: { moved: 1 },
  });
  const handled: unknown[] = [];
  app.router.consume('spare', ({ data }) => handled.push(data));
  await expect.poll(() => handled).toEqual([{ n: 1 }]);
  expect(await ask('/v1/dead-letters/moves', 'POST', { filter: {}, to })).toMatchObject({ body: { moved: 0 } });
});

test('the command line shows, tries, switches, redrives and replays', async () => {
  const { append, app, cli, taken, world } = await serve();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-router-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'event.json');
  await writeFile(file, JSON.stringify({ type: 'Sold', data: { n: 50 } }));
  world.works = false;
  await append(1);
  await expect.poll(async () => (await app.router.deliveries()).deadLettered).toBe(1);
  const [routes, tried, letters, refused, replayed] = await Promise.all([
    cli('route', 'ls'),
    cli('route', 'test', file),
    cli('dlq', 'groups'),
    cli('dlq', 'redrive'),
    cli('route', 'replay', 'till', '--dry-run', '--json'),
  ]);
  expect(routes.out).toContain('till  on  to desk');
  expect(tried.out).toMatch(/^till {2}leaves it: \/match\/data\/n: .*\nspare {2}leaves it/);
  expect(letters.out).toMatch(/^1 {2}till\/desk {2}DELIVERY_FAILED/);
  expect(refused.code).toBe(2);
  expect(JSON.parse(replayed.out)).toEqual({ matched: 1, deliveries: 1, pending: 0 });
  world.works = true;
  expect((await cli('dlq', 'redrive', '--all')).out).toBe('1 dead letters are delivered once more\n');
  await expect.poll(() => taken).toEqual([1]);
  const switched = await cli('endpoint', 'disable', 'till', 'desk', '--reason', 'rest');
  expect(switched).toMatchObject({ code: 0, out: 'endpoints/till/desk is switched off\n' });
  expect((await cli('endpoint', 'ls')).out).toContain('till/desk  function desk  off (rest)  breaker closed');
});
