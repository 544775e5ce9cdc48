import { afterAll, expect, test } from 'vitest';
import { defineRoute, toDatabase } from '../../src/router/index.ts';
import { createTestEnvironment } from '../../src/testing/index.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

test('an event takes effect once in PostgreSQL, however often and at once it is tried', needsPostgres, async () => {
  const { url } = server;
  const environment = await createTestEnvironment();
  try {
    await server.query('CREATE TABLE sales (day text PRIMARY KEY, cents bigint CHECK (cents < 1000))');
    const destination = toDatabase(url, {
      statement: 'INSERT INTO sales VALUES ($1, $2) ON CONFLICT (day) DO UPDATE SET cents = sales.cents + $2',
      values: ({ data }) => [(data as { day: string }).day, (data as { cents: number }).cents],
    });
    const route = defineRoute('r', { match: { type: ['Sold'] }, to: [destination] });
    const { clock } = environment;
    const http = { send: () => Promise.reject(new Error('not over HTTP')) };
    const sender = route.destinations[0]?.open({ clock, http, environment });
    const { signal } = new AbortController();
    const sold = [700, 400].map(cents => ({ type: 'Sold', data: { day: "mon'day", cents } }));
    await clock.resolve(environment.events.append('till-1', sold));
    const stored = await environment.storage.log.readStream('till-1');
    const [first, second] = await environment.codec.decodeAll(stored);
    const send = (id: string, event: typeof first) =>
      sender?.send({ id, event: event as NonNullable<typeof first>, traceparent: undefined }, signal);
    await Promise.all(Array.from({ length: 8 }, () => send('d1', first)));
    // What fails leaves no trace, its id included.
    await expect(send('d2', second)).rejects.toThrow(/check/);
    await server.query('ALTER TABLE sales DROP CONSTRAINT sales_cents_check');
    await send('d2', second);
    expect(await server.query('SELECT day, cents::int FROM sales')).toEqual([["mon'day", 1100]]);
    await sender?.close?.();
  } finally {
    await environment.storage.close();
  }
});
