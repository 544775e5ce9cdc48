import { join } from 'node:path';
import { createMillrace, defineApp, defineDecider, defineEvent, type Millrace, verifyLog } from 'millrace';
import { openPostgres } from 'millrace/postgres';
import { startServer } from 'millrace/server';
import { openSqlite } from 'millrace/sqlite';
import type { Storage } from 'millrace/storage';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { needsPostgres, startPostgres } from '../postgres/postgres-server.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const server = needsPostgres.skip === true ? undefined : await startPostgres();
afterAll(() => server?.stop());

const Counted = defineEvent('Counted', { schema: z.object({ n: z.number(), text: z.string().optional() }) });
const counter = defineDecider('counter', {
  events: [Counted],
  initial: () => ({ count: 0 }),
  evolve: { Counted: ({ count }) => ({ count: count + 1 }) },
  decide: { count: (by: number) => Array.from({ length: by }, (_, n) => Counted({ n })) },
  snapshot: { version: 1, every: 5 },
});
const shop = defineApp({ define: [counter] });
let schemas = 0;

const stores: Record<string, () => Promise<Storage>> = {
  'SQLite on a file': () => openSqlite({ file: join(temporaryFolder(), 'store.db') }),
  'SQLite in memory': () => openSqlite({ file: ':memory:' }),
  PostgreSQL: () => openPostgres({ url: `${server?.url}?schema=lifecycle_${++schemas}&pool=3` }),
};

describe.each(Object.keys(stores))('%s', name => {
  const skip = name === 'PostgreSQL' && server === undefined;

  async function started(): Promise<{ app: Millrace; storage: Storage }> {
    const storage = await (stores[name] as () => Promise<Storage>)();
    const app = await createMillrace({ app: shop, store: storage });
    onTestFinished(async () => {
      await app.close();
      await storage.close();
    });
    return { app, storage };
  }

  test('archives a stream and brings it back', { skip }, async () => {
    const { app } = await started();
    await app.append('order-1', [Counted({ n: 1 })]);
    expect(await app.streams.archive('order-1', { reason: 'old', userId: 'ada' })).toEqual({
      ...{ stream: 'order-1', state: 'archived', revision: 0, changed: true },
    });
    expect(await app.streams.archive('order-1')).toMatchObject({ changed: false });
    await expect(app.append('order-1', [Counted({ n: 2 })])).rejects.toMatchObject({
      code: 'STREAM_ARCHIVED',
      details: { stream: 'order-1' },
    });
    expect(await app.events.readStream('order-1')).toEqual([]);
    expect(await app.events.readStream('order-1', { includeDeleted: true })).toHaveLength(1);
    expect((await app.streams.list()).streams).toEqual([]);
    expect((await app.streams.list({ includeDeleted: true })).streams).toMatchObject([{ state: 'archived' }]);
    expect((await app.scavenge()).events).toBe(0);
    await app.streams.restore('order-1');
    await app.append('order-1', [Counted({ n: 2 })]);
    expect(await app.events.readStream('order-1')).toHaveLength(2);
    const told = await app.events.readStream('$stream-order-1');
    expect(told.map(({ type }) => type)).toEqual(['StreamArchived', 'StreamRestored']);
    expect(told[0]).toMatchObject({ data: { stream: 'order-1', reason: 'old' }, metadata: { userId: 'ada' } });
  });

  test('ends a stream for good, its snapshot with it', { skip }, async () => {
    const { app, storage } = await started();
    await app.execute(counter, 'counter-1', 'count', 12);
    await expect.poll(() => storage.documents.get('$snapshots:counter', 'counter-1')).toBeDefined();
    await app.streams.tombstone('counter-1');
    expect(await storage.documents.get('$snapshots:counter', 'counter-1')).toBeUndefined();
    for (const call of [
      () => app.append('counter-1', [Counted({ n: 1 })]),
      () => app.execute(counter, 'counter-1', 'count', 1),
      () => app.events.load(counter, 'counter-1'),
      () => app.events.readStream('counter-1'),
      () => app.streams.restore('counter-1'),
      () => app.streams.setRetention('counter-1', { maxCount: 1 }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'STREAM_TOMBSTONED', details: { stream: 'counter-1' } });
    }
    expect(await app.streams.tombstone('counter-1')).toMatchObject({ changed: false });
  });

  test('refuses what cannot be done to a stream', { skip }, async () => {
    const { app } = await started();
    await app.append('order-1', [Counted({ n: 1 })]);
    for (const [call, code] of [
      [() => app.streams.archive('nobody'), 'NOT_FOUND'],
      [() => app.streams.archive('$scavenge'), 'INVALID_ARGUMENT'],
      [() => app.streams.archive('order-1', { expected: 7 }), 'REVISION_CONFLICT'],
      [() => app.streams.setRetention('order-1', { maxCount: 0 }), 'INVALID_ARGUMENT'],
      [() => app.streams.setCategoryRetention('order-1', { maxCount: 1 }), 'INVALID_ARGUMENT'],
      [() => app.scavenge({ eventsPerSecond: 0 }), 'INVALID_ARGUMENT'],
    ] as const) {
      await expect(call(), code).rejects.toMatchObject({ code });
    }
  });

  test('frees what tombstones and retention have let go, and the log stays whole', { skip }, async () => {
    const { app, storage } = await started();
    const many = (count: number) => Array.from({ length: count }, (_, n) => Counted({ n, text: `secret ${n}` }));
    await app.append('ended-1', many(250));
    for (let n = 0; n < 3; n++) await app.append(`sensor-${n}`, many(40));
    await app.append('order-1', many(3));
    await app.streams.tombstone('ended-1');
    await app.streams.setCategoryRetention('sensor', { maxCount: 10 });
    await app.streams.setRetention('sensor-2', { maxCount: 30 });
    const planned = await app.scavenge({ dryRun: true });
    expect(planned).toMatchObject({ events: 250 + 30 + 30 + 10, streams: 4, complete: true });
    expect(await app.events.readStream('ended-1', { includeDeleted: true, limit: 1 })).toHaveLength(1);
    expect(await app.scavenge()).toEqual(planned);
    expect(await app.scavenge()).toMatchObject({ events: 0, bytes: 0, complete: true });
    expect(await app.events.readStream('ended-1', { includeDeleted: true })).toEqual([]);
    expect(await app.events.readStream('sensor-2')).toHaveLength(30);
    const report = await verifyLog(storage);
    expect(report.findings).toEqual([]);
    const { events } = await app.events.readLog({ after: 0, limit: 1_000, filter: { types: ['Counted'] } });
    expect(events).toHaveLength(10 + 10 + 30 + 3);
    expect(await app.append('sensor-0', many(1))).toMatchObject({ revision: 40 });
  });

  test('ends a scavenge between two slices, and goes on with the next', { skip }, async () => {
    const { app } = await started();
    const many = Array.from({ length: 350 }, (_, n) => Counted({ n }));
    await app.append('ended-1', many);
    await app.streams.tombstone('ended-1');
    const ending = new AbortController();
    const first = await app.scavenge({ signal: ending.signal, onProgress: () => ending.abort() });
    expect(first).toMatchObject({ events: 100, complete: false });
    expect(await app.scavenge()).toMatchObject({ events: 250, complete: true });
  });

  test('is followed by secondaries, those that come later too', { skip }, async () => {
    const { app, storage } = await started();
    await app.append('ended-1', [Counted({ n: 1, text: 'secret' }), Counted({ n: 2 })]);
    await app.append('order-1', [Counted({ n: 1 }), Counted({ n: 2 }), Counted({ n: 3 })]);
    await app.streams.archive('order-1');
    await app.streams.restore('order-1');
    await app.append('order-1', [Counted({ n: 4 })]);
    await app.streams.setRetention('order-1', { maxCount: 2 });
    await app.streams.tombstone('ended-1');
    await app.scavenge();
    const copy = await openSqlite({ file: ':memory:' });
    const following = await createMillrace({ app: shop, store: storage, secondaries: { copy } });
    onTestFinished(() => following.close());
    const { replicated } = await following.append('order-2', [Counted({ n: 1 })]);
    await replicated();
    const seen = async (from: Storage) => [
      await from.log.readLog({ after: 0, limit: 100, scavenged: true }),
      await from.log.streams({ limit: 100 }),
    ];
    expect(await seen(copy)).toEqual(await seen(storage));
    expect(await copy.log.stream('ended-1')).toMatchObject({ state: 'tombstoned', firstRevision: 2 });
    expect((await verifyLog(copy)).findings).toEqual([]);
    await following.streams.archive('order-2');
    const later = await following.append('order-3', [Counted({ n: 1 })]);
    await later.replicated();
    expect(await copy.log.stream('order-2')).toMatchObject({ state: 'archived' });
  });

  test('is told over HTTP what to do', { skip }, async () => {
    const { app } = await started();
    const http = await startServer({ app, port: 0 });
    onTestFinished(() => http.close());
    await app.append('order-1', [Counted({ n: 1 }), Counted({ n: 2 })]);
    await app.append('orders', [Counted({ n: 1 })]);
    const call = async (method: string, path: string, body?: unknown, headers = {}) => {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await fetch(`${http.address}${path}`, { method, ...json, headers: { ...headers, ...type } });
      return {
        status: answer.status,
        etag: answer.headers.get('etag'),
        body: (await answer.json()) as { items?: unknown },
      };
    };
    const order = { stream: 'order-1', revision: 1 };
    const stands = { ...order, firstRevision: 0, maxCount: null, maxAgeMs: null };
    expect(await call('GET', '/v1/streams/order-1')).toEqual({
      ...{ status: 200, etag: '"1"', body: { ...stands, state: 'active' } },
    });
    const archived = { ...order, state: 'archived', changed: true };
    expect(await call('DELETE', '/v1/streams/order-1', undefined, { 'if-match': '"0"' })).toMatchObject({
      status: 412,
    });
    expect(await call('DELETE', '/v1/streams/order-1?reason=old', undefined, { 'if-match': '"1"' })).toMatchObject({
      ...{ status: 200, body: archived },
    });
    expect(await call('POST', '/v1/streams/order-1/events', [{ type: 'Counted', data: { n: 3 } }])).toMatchObject({
      ...{ status: 409, body: { code: 'STREAM_ARCHIVED' } },
    });
    expect((await call('GET', '/v1/streams/order-1/events')).body.items).toEqual([]);
    expect((await call('GET', '/v1/streams/order-1/events?includeDeleted=true')).body.items).toHaveLength(2);
    expect((await call('GET', '/v1/streams?category=order&includeDeleted=true')).body.items).toHaveLength(1);
    expect((await call('GET', '/v1/streams?prefix=order')).body.items).toMatchObject([{ stream: 'orders' }]);
    const restored = await call('POST', '/v1/streams/order-1/restore', {});
    expect(restored).toMatchObject({ status: 200, body: { state: 'active' } });
    expect(await call('PUT', '/v1/streams/order-1/retention', { maxCount: 1 })).toMatchObject({
      ...{ status: 200, body: { maxCount: 1, maxAgeMs: null } },
    });
    expect((await call('GET', '/v1/streams/order-1/events')).body.items).toHaveLength(1);
    expect(await call('PUT', '/v1/categories/order/retention', { maxAgeMs: 1_000 })).toMatchObject({ status: 200 });
    expect((await call('POST', '/v1/scavenge', { dryRun: true })).body).toMatchObject({ events: 1, complete: true });
    expect((await call('DELETE', '/v1/streams/order-1?mode=tombstone')).body).toMatchObject({ state: 'tombstoned' });
    expect(await call('GET', '/v1/streams/order-1/events')).toMatchObject({
      ...{ status: 410, body: { code: 'STREAM_TOMBSTONED' } },
    });
    expect((await call('POST', '/v1/scavenge', {})).body).toMatchObject({ events: 2, complete: true });
    expect(await call('GET', '/v1/streams/nobody')).toMatchObject({ status: 404 });
  });
});

test('a decider says what is kept of its streams', async () => {
  const limited = defineApp({ define: [{ ...counter, retention: { maxCount: 2, maxAge: '30d' } }] });
  const storage = await openSqlite({ file: ':memory:' });
  for (let start = 0; start < 2; start++) {
    const app = await createMillrace({ app: limited, store: storage });
    await app.execute(counter, 'counter-1', 'count', 4);
    expect(await app.events.readStream('counter-1')).toHaveLength(2);
    expect(await app.events.readStream('$category-counter')).toHaveLength(1);
    await app.close();
  }
  await storage.close();
});

test('content that is gone is found when no scavenge names it', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  const app = await createMillrace({ store: storage });
  await app.append('order-1', [
    { type: 'Counted', data: { n: 1 } },
    { type: 'Counted', data: { n: 2 } },
  ]);
  const [event] = await storage.log.readStream('order-1', { limit: 1 });
  expect(event?.revision).toBe(0);
  await storage.commit({ streams: [{ op: 'scavenge', stream: 'order-1', before: 1 }] });
  const { findings } = await verifyLog(storage);
  expect(findings).toMatchObject([{ kind: 'record-changed', position: 1, through: 1 }]);
  await app.close();
  await storage.close();
});
