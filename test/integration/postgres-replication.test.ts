import { join } from 'node:path';
import { createMillrace, promoteStore } from 'millrace';
import { afterAll, describe, expect, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { NodeProcess } from './node-process.ts';
import { storedLog } from './stored-log.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

describe('replication between backends', needsPostgres, () => {
  test('copies each kind of store into the other, record by record', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const stores = [`sqlite:${join(folder, 'millrace.db')}`, `${server.url}?schema=primary_log`] as const;
    const copies = [`${server.url}?schema=secondary_log`, `sqlite:${join(folder, 'copy.db')}`] as const;
    for (const [index, store] of stores.entries()) {
      const copy = copies[index] as string;
      const app = await createMillrace({ store, secondaries: { standby: copy } });
      const results = await Promise.all(
        Array.from({ length: 600 }, (_, n) =>
          app.append(`thing-${n % 17}`, [
            { type: `Type${n % 5}`, data: { n, text: 'ä"\\\n' }, tags: [`n:${n % 3}`], metadata: { userId: `u${n}` } },
          ]),
        ),
      );
      await Promise.all(results.map(({ replicated }) => replicated('standby', { timeout: '60s' })));
      await app.replication.compare('standby');
      const { text } = await app.metrics();
      expect(text).toContain('millrace_replication_lag_events{secondary="standby"} 0');
      expect(text).toContain('millrace_replication_lag_seconds{secondary="standby"} 0');
      await app.close();
      expect(await storedLog(copy)).toEqual(await storedLog(store));
      expect((await storedLog(copy)).length).toBe(600);
    }
  });

  test('a primary that was paused while its secondary was promoted writes nothing more to either', {
    timeout: 120_000,
  }, async () => {
    const [old, next] = ['old', 'next'].map(name => `${server.url}?schema=${name}_primary`) as [string, string];
    const primary = new NodeProcess('replicating-process', [old, next]);
    await primary.line(50);
    process.kill(primary.pid, 'SIGSTOP');
    const promoted = await promoteStore(next);
    const said = primary.said<{ position: number }>().map(({ position }) => position);
    expect(promoted.position).toBeGreaterThanOrEqual(Math.max(...said));
    const app = await createMillrace({ store: next });
    const { position } = await app.append('thing-0', [{ type: 'Happened', data: {} }]);
    expect(position).toBe(promoted.position + 1);
    process.kill(primary.pid, 'SIGCONT');
    await primary.ended();
    expect(primary.said<object>().at(-1)).toEqual({ refused: 'STORAGE_FENCED' });
    await app.close();
    expect((await storedLog(next)).length).toBe(position);
    await expect(createMillrace({ store: old })).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
  });
});
