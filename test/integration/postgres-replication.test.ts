import { join } from 'node:path';
import { createMillrace, promoteStore } from 'millrace';
import { afterAll, describe, expect, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { runCount } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { NodeProcess } from './node-process.ts';
import { storedLog } from './stored-log.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres({ durable: true });
  afterAll(() => server.stop());
}

describe('replication between backends', needsPostgres, () => {
  test('copies each kind of store into each, record by record', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const postgres = (schema: string): string => `${server.url}?schema=${schema}`;
    const pairs = [
      [`sqlite:${join(folder, 'millrace.db')}`, postgres('secondary_log')],
      [postgres('primary_log'), `sqlite:${join(folder, 'copy.db')}`],
      [postgres('one_log'), postgres('other_log')],
    ] as const;
    for (const [store, copy] of pairs) {
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

  test.skipIf(server?.restart === undefined)(
    'goes on when the server of a primary, or of a secondary, crashes',
    {
      timeout: 1_200_000,
    },
    async () => {
      const crashes = runCount(2, 40);
      const folder = temporaryFolder();
      const pairs = [
        [`sqlite:${join(folder, 'first.db')}`, `${server.url}?schema=crashed_secondary`],
        [`${server.url}?schema=crashed_primary`, `sqlite:${join(folder, 'second.db')}`],
      ] as const;
      const apps = await Promise.all(
        pairs.map(([store, standby]) => createMillrace({ store, secondaries: { standby } })),
      );
      let ending = false;
      const last = [0, 0];
      const appended = apps.map(async (app, index) => {
        for (let n = 0; !ending; n++) {
          ({ position: last[index] = 0 } = await app.append(`thing-${n % 7}`, [{ type: 'Happened', data: { n } }]));
        }
      });
      for (let crash = 0; crash < crashes; crash++) {
        const before = [...last];
        await expect
          .poll(() => last.every((position, index) => position > (before[index] ?? 0) + 40), { timeout: 60_000 })
          .toBe(true);
        await server.restart?.();
      }
      ending = true;
      await Promise.all(appended);
      for (const [index, app] of apps.entries()) {
        await app.replication.replicated(last[index] ?? 0, 'standby', { timeout: '60s' });
        expect(await app.replication.compare('standby')).toBe(last[index]);
        await app.close();
      }
    },
  );

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
