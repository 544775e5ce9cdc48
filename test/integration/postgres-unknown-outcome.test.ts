import { openPostgres } from 'millrace/postgres';
import pg from 'pg';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { CuttingProxy } from '../postgres/cutting-proxy.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

/** Holds what everybody who appends has to pass, until it is let go. */
async function holdLog(schema: string): Promise<() => Promise<void>> {
  const client = new pg.Client(server.url);
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('millrace log ${schema}', 0))`);
  return async () => void (await client.query('COMMIT'));
}

/** Resolves when so many calls of the commit function wait at the server for something. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const [row] = await server.query(
      "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%commit_group%'",
    );
    if (row?.[0] === count) return;
  }
}

describe('a commit whose connection is lost', needsPostgres, () => {
  test('is stored once and answered when the server was still at work on it', async () => {
    const proxy = await CuttingProxy.open(server.url);
    onTestFinished(() => proxy.close());
    const storage = await openPostgres({ url: `${proxy.addressOf(server.url)}?schema=at_work` });
    onTestFinished(() => storage.close());
    await storage.commit({ appends: [sampleAppend('warm-1')] });
    const letGo = await holdLog('at_work');
    const commit = storage.commit({
      appends: [sampleAppend('a-1', 'noStream', sampleEvents(3))],
      work: [{ op: 'enqueue', queue: 'q', key: 'k', payload: '1', dueAt: 0 }],
    });
    await waiting(1);
    proxy.cutAll();
    // The same group, sent again, waits for the first one beside it.
    await waiting(2);
    await letGo();
    expect((await commit).appends).toEqual([{ stream: 'a-1', revision: 2, position: 4 }]);
    expect(await storage.log.head()).toBe(4);
    expect((await storage.work.counts('q')).ready).toBe(1);
  });

  test('is stored when the server had not begun with it', async () => {
    const proxy = await CuttingProxy.open(server.url);
    onTestFinished(() => proxy.close());
    const storage = await openPostgres({ url: `${proxy.addressOf(server.url)}?schema=not_begun` });
    onTestFinished(() => storage.close());
    await storage.commit({ appends: [sampleAppend('a-1')] });
    proxy.cutAll();
    expect((await storage.commit({ appends: [sampleAppend('a-1', 0)] })).appends[0]?.revision).toBe(1);
  });

  test('gets the answer of the first one when that was stored already, also a refusal', async () => {
    const storage = await openPostgres({ url: `${server.url}?schema=answered` });
    onTestFinished(() => storage.close());
    await storage.commit({ appends: [sampleAppend('a-1')] });
    const [[text, result]] = (await server.query('SELECT id::text, result::text FROM answered.commit_groups')) as [
      [string, string],
    ];
    const [signature] = await server.query(
      "SELECT pronargs::int FROM pg_proc WHERE proname = 'commit_group' AND pronamespace = 'answered'::regnamespace",
    );
    const empty = Array.from({ length: (signature?.[0] as number) - 1 }, () => "'{}'").join(', ');
    const [[again]] = (await server.query(`SELECT answered.commit_group('${text}', ${empty})::text`)) as [[string]];
    expect(JSON.parse(again)).toEqual(JSON.parse(result));
    expect(await storage.log.head()).toBe(1);
  });

  test('is given up after a while, with word that its outcome is unknown, and nothing is lost of what was answered', async () => {
    const proxy = await CuttingProxy.open(server.url);
    const storage = await openPostgres({ url: `${proxy.addressOf(server.url)}?schema=given_up` });
    await storage.commit({ appends: [sampleAppend('a-1')] });
    await proxy.close();
    const commit = storage.commit({ appends: [sampleAppend('a-1')] });
    const refused = expect(commit).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('unknown'),
    });
    await storage.close();
    await refused;
    expect(await server.query('SELECT count(*)::int FROM given_up.events')).toEqual([[1]]);
  });
});
