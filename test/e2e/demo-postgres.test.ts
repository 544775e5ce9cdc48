import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { runCount } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const sample = new URL('../../examples/order-processing/cdnow/cdnow-sample.txt', import.meta.url);
const ORDERS = runCount(600, 6_919);
/** What tells of the run and the machine, not of the orders. */
const OF_THE_RUN = ['seconds', 'rssMb', 'eventsAppended'];

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

describe('the demo on PostgreSQL', needsPostgres, () => {
  const flags = ['--decline-rate', '0.1', '--flaky-rate', '0.2', '--time-scale', '100', '--no-serve', '--json'];

  function someOrders(folder: string): string {
    const file = join(folder, 'orders.txt');
    writeFileSync(file, readFileSync(sample, 'utf8').split('\n').slice(0, ORDERS).join('\n'));
    return file;
  }

  async function summaryOn(store: readonly string[]): Promise<Record<string, unknown>> {
    const folder = temporaryFolder();
    const run = await millrace(['demo', '--orders', someOrders(folder), '--data', folder, ...flags, ...store]).ended;
    expect(run.code, run.stderr).toBe(0);
    const summary = JSON.parse(run.stdout) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(summary).filter(([name]) => !OF_THE_RUN.includes(name)));
  }

  test('comes to the same summary as on SQLite, with nothing changed but the address', async () => {
    const summary = await summaryOn(['--store', `${server.url}?schema=demo_same`]);
    expect(summary).toMatchObject({ orders: ORDERS, verified: true, effects: { duplicates: 0, missing: 0 } });
    expect(summary).toEqual(await summaryOn([]));
  });

  test('goes on with a run that was killed', async () => {
    const folder = temporaryFolder();
    const store = `${server.url}?schema=demo_killed`;
    const args = ['demo', '--orders', someOrders(folder), '--data', folder, '--store', store, ...flags];
    const killed = millrace(args);
    await killed.said(/Dashboard/);
    for (;;) {
      const [[head]] = (await server.query('SELECT count(*) FROM demo_killed.events')) as [[string]];
      if (Number(head) > 1_000) break;
    }
    await killed.kill();
    const again = await millrace(args).ended;
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('The store holds') });
    const resumed = await millrace([...args, '--resume']).ended;
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ orders: ORDERS, verified: true });
  });
});
