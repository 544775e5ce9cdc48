import {
  createMillrace,
  defineApp,
  defineEvent,
  defineRoute,
  defineSaga,
  defineTopology,
  http,
  tumbling,
} from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const Sold = defineEvent('Sold', { schema: z.object({ cents: z.number(), on: z.string() }) });
const sales = defineTopology('sales', topology =>
  topology
    .events([Sold], { name: 'sold', key: () => 'all', time: ({ data }) => Date.parse(data.on) })
    .groupByKey()
    .windowedBy(tumbling('7d', { grace: '1d' }))
    .aggregate('week', { initial: () => 0, add: (sum, { cents }) => sum + cents, retention: '30d' }),
);
const thanks = defineSaga('Thanks', 1)
  .input(Sold.schema)
  .startOn(Sold, event => ({ id: event.stream, input: event.data }))
  .step('say', { run: async () => undefined, compensate: 'none-needed' })
  .build();

async function serve() {
  const till = defineRoute('till', {
    match: { type: ['Sold'] },
    to: [
      http('http://127.0.0.1:9/', {
        allowNetworks: ['127.0.0.0/8'],
        retry: { kind: 'fixed', attempts: 1, base: '1s' },
      }),
    ],
  });
  const millrace = await createMillrace({ store: 'memory:', app: defineApp({ define: [sales, thanks, till] }) });
  const server = await startServer({ app: millrace });
  onTestFinished(async () => {
    await server.close();
    await millrace.close();
  });
  const get = async (path: string) => {
    const response = await fetch(`${server.address}${path}`);
    return { status: response.status, body: (await response.json()) as { items: Record<string, unknown>[] } };
  };
  return { millrace, get, address: server.address };
}

test('a topology says which stores it keeps', async () => {
  const { get } = await serve();
  const { body } = await get('/v1/topologies');
  expect(body.items).toMatchObject([
    { topology: 'sales', stores: [{ name: 'week', kind: 'window', sizeMs: 7 * 24 * 3_600_000 }] },
  ]);
});

test('a list of sagas gives times as all of the API does', async () => {
  const { millrace, get } = await serve();
  await millrace.append('sale-1', [{ type: 'Sold', data: { cents: 5, on: '2026-01-01' } }]);
  await expect.poll(async () => (await get('/v1/sagas/Thanks?status=COMPLETED')).body.items.length).toBe(1);
  const { body } = await get('/v1/sagas/Thanks?status=COMPLETED');
  expect(body.items[0]?.startedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(body.items[0]).toMatchObject({ id: 'sale-1', retryAt: null });
});

test('a delivery that was given up says why', async () => {
  const { millrace, get } = await serve();
  await millrace.append('sale-1', [{ type: 'Sold', data: { cents: 5, on: '2026-01-01' } }]);
  expect((await get('/v1/routes')).body.items).toMatchObject([{ name: 'till', destinations: [expect.any(String)] }]);
  await expect
    .poll(async () => (await get('/v1/deliveries?route=till&state=deadLettered')).body.items)
    .toMatchObject([{ route: 'till', position: 1, error: { code: 'DELIVERY_FAILED' } }]);
  expect(await get('/v1/deliveries?route=none&state=pending')).toMatchObject({ status: 400 });
});

test('whoever begins to look is told how the log grew, then where everything stands', async () => {
  const { address } = await serve();
  const controller = new AbortController();
  const response = await fetch(`${address}/v1/live`, { signal: controller.signal });
  let text = '';
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    if (text.includes('event: frame')) break;
  }
  controller.abort();
  const [, history = ''] = /event: history\ndata: (.*)\n/.exec(text) ?? [];
  expect(JSON.parse(history).samples[0]).toEqual({ at: expect.any(Number), head: 0 });
  expect(text.indexOf('event: history')).toBeLessThan(text.indexOf('event: frame'));
});

test('routes explain what they make of an event, without delivering it', async () => {
  const { address, millrace } = await serve();
  const explain = async (event: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${address}/v1/routes/explain`, {
      method: 'POST',
      headers,
      body: JSON.stringify(event),
    });
    return { status: response.status, body: await response.json() };
  };
  expect(await explain({ type: 'Sold', data: {} })).toEqual({
    status: 200,
    body: { items: [{ route: 'till', matches: true, failed: null }] },
  });
  const failed = { pointer: '/match/type', field: 'type', expected: ['Sold'], found: ['Bought'] };
  expect(await explain({ type: 'Bought', data: {} })).toMatchObject({ body: { items: [{ matches: false, failed }] } });
  expect(await explain({ data: {} })).toMatchObject({ status: 400 });
  expect(await millrace.router.deliveries()).toMatchObject({ pending: 0, delivered: 0 });
});

test('dead letters are listed, grouped, shown, redriven and discarded', async () => {
  const { address, millrace, get } = await serve();
  await millrace.append('till-1', [{ type: 'Sold', data: { cents: 1, on: '2026-01-01' } }]);
  await expect.poll(async () => (await millrace.router.deliveries()).deadLettered).toBe(1);
  const { body } = await get('/v1/dead-letters');
  expect(body.items).toMatchObject([{ route: 'till', state: 'deadLettered', error: { code: 'DELIVERY_FAILED' } }]);
  const id = String(body.items[0]?.['id']);
  expect((await get('/v1/dead-letters/groups?route=till')).body.items).toMatchObject([{ route: 'till', count: 1 }]);
  expect(await get(`/v1/dead-letters/${id}`)).toMatchObject({
    body: { id, event: { type: 'Sold', data: { cents: 1 } } },
  });
  expect((await get('/v1/dead-letters/nobody')).status).toBe(404);
  expect((await get('/v1/dead-letters?route=nobody')).status).toBe(400);
  const post = async (verb: string, body: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`${address}/v1/dead-letters/${verb}`, request);
    return { status: response.status, body: await response.json() };
  };
  expect(await post('discards', { filter: { route: 'till' }, dryRun: true })).toMatchObject({ body: { discarded: 1 } });
  expect(await post('redrives', { ids: [id] })).toMatchObject({ body: { redriven: 1 } });
  await expect.poll(async () => (await millrace.router.deliveries()).deadLettered).toBe(1);
  expect((await post('discards', {})).status).toBe(400);
  expect((await post('discards', { filter: { rout: 'till' } })).status).toBe(400);
  expect(await post('discards', { filter: { code: 'DELIVERY_FAILED' } })).toMatchObject({ body: { discarded: 1 } });
  expect((await get('/v1/dead-letters')).body.items).toEqual([]);
});
