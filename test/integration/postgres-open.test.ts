import { readFileSync } from 'node:fs';
import { openStorage } from 'millrace';
import { openPostgres, postgresSchema } from 'millrace/postgres';
import { afterAll, describe, expect, test } from 'vitest';
import { silentTelemetry, systemClock } from '../../src/core/index.ts';
import { MIGRATIONS } from '../../src/postgres/postgres-schema.ts';
import { claimOne, enqueue, heldWrite } from '../../src/testing/conformance/claimed-work.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { SampleWorld } from '../../src/testing/conformance/sample-world.ts';
import { freePort } from '../free-port.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';

/** The steps of the schema, by number. */
const steps = MIGRATIONS.map((_, index) => index + 1);

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

describe('addresses of a store in PostgreSQL', () => {
  test.each([
    ['nonsense', 'INVALID_ARGUMENT', /postgres:\/\//],
    ['mysql://localhost/x', 'INVALID_ARGUMENT', /mysql:/],
    ['postgres://localhost/x?schema=Upper', 'INVALID_ARGUMENT', /schema=Upper/],
    ['postgres://localhost/x?schema=pg_mine', 'INVALID_ARGUMENT', /schema=pg_mine/],
    ['postgres://localhost/x?pool=2', 'INVALID_ARGUMENT', /pool=2.*3 to/],
    ['postgres://localhost/x?pool=many', 'INVALID_ARGUMENT', /pool=many/],
    ['postgres://localhost/x?pooler=session', 'INVALID_ARGUMENT', /pooler=session/],
  ])('%s is refused with %s', async (url, code, message) => {
    await expect(openPostgres({ url })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a server that is not there is named without the password', async () => {
    const url = `postgres://somebody:secret@127.0.0.1:${await freePort()}/shop`;
    const thrown = (await openPostgres({ url }).catch(e => e)) as Error;
    expect(thrown).toMatchObject({ code: 'STORAGE_UNAVAILABLE', message: expect.stringContaining('somebody@') });
    expect(JSON.stringify([thrown, thrown.message])).not.toContain('secret');
  });
});

describe('opening a store in PostgreSQL', needsPostgres, () => {
  const at = (schema: string): string => `${server.url}?schema=${schema}`;

  test('by its address, as an app does', async () => {
    const storage = await openStorage(at('by_address'), { clock: systemClock, logger: silentTelemetry.logger });
    expect(storage.capabilities).toEqual({ durable: server.durable, shared: true });
    await storage.close();
  });

  test('makes the schema once, however many processes begin at the same time', async () => {
    const storages = await Promise.all(
      Array.from({ length: 8 }, () => openPostgres({ url: `${at('together')}&pool=3` })),
    );
    expect(await server.query('SELECT version FROM together.migrations')).toEqual(steps.map(step => [step]));
    await Promise.all(storages.map(storage => storage.close()));
  });

  test('says before which steps it would make, and makes none of them', async () => {
    const { version, newest, pending } = await postgresSchema({ url: at('planned') });
    expect([version, newest, pending.map(step => step.version)]).toEqual([0, steps.length, steps]);
    expect(pending[0]?.sql).toContain('CREATE TABLE events');
    expect(await server.query("SELECT 1 FROM pg_namespace WHERE nspname = 'planned'")).toEqual([]);
    await expect(openPostgres({ url: at('planned'), migrations: 'check' })).rejects.toMatchObject({
      code: 'STORAGE_VERSION',
      details: { version: 0, known: steps.length },
    });
    await (await openPostgres({ url: at('planned') })).close();
    expect(await postgresSchema({ url: at('planned') })).toEqual({
      version: steps.length,
      newest: steps.length,
      pending: [],
    });
    await (await openPostgres({ url: at('planned'), migrations: 'check' })).close();
  });

  test('brings the schema of an earlier version up to date, and goes on with what is in it', async () => {
    const before = await openPostgres({ url: at('earlier') });
    await before.commit({ appends: [sampleAppend('a-1')] });
    await before.close();
    await server.query('DELETE FROM earlier.migrations WHERE version > 1');
    await server.query('DROP INDEX earlier.events_long');
    const { pending } = await postgresSchema({ url: at('earlier') });
    expect(pending.map(step => step.version)).toEqual(steps.slice(1));
    const storage = await openPostgres({ url: at('earlier') });
    const { appends } = await storage.commit({ appends: [sampleAppend('a-1', 0)] });
    expect(appends).toEqual([{ stream: 'a-1', revision: 1, position: 2 }]);
    expect(await server.query("SELECT count(*)::int FROM pg_indexes WHERE indexname = 'events_long'")).not.toEqual([
      [0],
    ]);
    await storage.close();
  });

  test('refuses a schema of a newer Millrace and leaves it as it is', async () => {
    await (await openPostgres({ url: at('newer') })).close();
    await server.query("INSERT INTO newer.migrations (version, name) VALUES (99, 'of the future')");
    for (const open of [openPostgres, postgresSchema]) {
      await expect(open({ url: at('newer') })).rejects.toMatchObject({
        code: 'STORAGE_VERSION',
        details: { version: 99, known: steps.length },
      });
    }
  });

  test('refuses a database whose transactions are isolated differently, and one that keeps texts differently', async () => {
    const level = encodeURIComponent('-c default_transaction_isolation=serializable');
    await expect(openPostgres({ url: `${at('isolated')}&options=${level}` })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { isolation: 'serializable' },
    });
    await server.query("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const url = new URL(server.url);
    url.pathname = 'latin';
    await expect(openPostgres({ url: url.href })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { encoding: 'LATIN1' },
    });
  });

  test('commits nothing in a transaction that is isolated differently', async () => {
    const storage = await openPostgres({ url: at('isolation') });
    const [row] = await server.query(
      "SELECT pronargs::int FROM pg_proc WHERE proname = 'commit_group' AND pronamespace = 'isolation'::regnamespace",
    );
    const empty = Array.from({ length: (row?.[0] as number) - 1 }, () => "'{}'").join(', ');
    const call = `SELECT isolation.commit_group(gen_random_uuid(), ${empty})`;
    await expect(server.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${call}`)).rejects.toThrow(/read committed/);
    await storage.close();
  });

  test('lets a role work that may only do what the documentation lists', async () => {
    const owner = await openPostgres({ url: at('least') });
    await server.query('CREATE ROLE shop_app LOGIN');
    for (const statement of documentedGrants()) {
      await server.query(statement.replace('SCHEMA millrace', 'SCHEMA least').replaceAll('millrace.', 'least.'));
    }
    await owner.close();
    const url = new URL(at('least'));
    url.username = 'shop_app';
    const storage = await openPostgres({ url: url.href, migrations: 'check' });
    const world = await SampleWorld.fill(storage);
    const before = await world.look();
    await storage.commit(world.batch());
    await world.assertApplied(before);
    await storage.commit({ work: [enqueue('again')] });
    const item = await claimOne(storage);
    expect(await storage.work.renew(item.queue, [item], 1_000)).toEqual([]);
    await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
    await storage.documents.drop('snapshots');
    await storage.close();
    for (const forbidden of [
      'DELETE FROM least.events',
      'UPDATE least.work SET payload = $$$$',
      'DROP TABLE least.kinds',
    ]) {
      await expect(server.query(`SET ROLE shop_app; ${forbidden}`)).rejects.toThrow(/permission denied|must be owner/);
    }
  });
});

/** What `docs/postgresql.md` says that a role needs. */
function documentedGrants(): string[] {
  const text = readFileSync(new URL('../../docs/postgresql.md', import.meta.url), 'utf8');
  const [, block = ''] = /```sql\n([\s\S]*?)```/.exec(text) ?? [];
  return block.split(/;\s*/).filter(statement => statement !== '');
}
