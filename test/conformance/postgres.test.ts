import { randomUUID } from 'node:crypto';
import { openPostgres } from 'millrace/postgres';
import { type OpenedStorage, storageConformance } from 'millrace/testing';
import { afterAll, describe, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { needsPooler, startPooler, type TransactionPooler } from '../postgres/transaction-pooler.ts';
import { runCount, seed } from '../runs.ts';

let server: PostgresServer;
let pooler: TransactionPooler | undefined;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  if (needsPooler.skip !== true) pooler = await startPooler(server.url);
  afterAll(async () => {
    await pooler?.stop();
    await server.stop();
  });
}

describe('PostgreSQL', needsPostgres, () => {
  if (needsPostgres.skip === true) return;
  const common = {
    capabilities: { durable: server.durable, shared: true },
    reopens: true,
    seed: seed(),
    runner: {
      describe,
      test: (title: string, body: () => Promise<void>) => test.concurrent(title, { timeout: 600_000 }, body),
      skip: (title: string, reason: string) =>
        test(title, { skip: true, meta: { skipReason: reason } }, () => undefined),
    },
  };

  storageConformance({
    ...common,
    name: 'PostgreSQL',
    open: () => openInSchema(''),
    runs: runCount(15, 500),
  });

  describe('behind PgBouncer', needsPooler, () => {
    if (needsPooler.skip === true) return;
    storageConformance({
      ...common,
      name: 'PostgreSQL behind a pooler that gives out connections by transaction',
      open: () => openInSchema('&pooler=transaction', pooler?.addressOf(server.url)),
      runs: runCount(5, 100),
    });
  });
});

/** Each storage has a schema of its own in the one database. */
async function openInSchema(parameters: string, address = server.url): Promise<OpenedStorage> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const url = `${address}?schema=${schema}&pool=4${parameters}`;
  return {
    storage: await openPostgres({ url }),
    reopen: () => openPostgres({ url }),
    destroy: async () => void (await server.query(`DROP SCHEMA ${schema} CASCADE`)),
  };
}
