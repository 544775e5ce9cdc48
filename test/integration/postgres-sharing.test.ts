import { createMillrace } from 'millrace';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { NodeProcess } from './node-process.ts';
import { customers, sharedShop } from './shared-shop.ts';

const PROCESSES = 3;
const ORDERS = 300;

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

describe('processes that run one app on one store in PostgreSQL', needsPostgres, () => {
  test('share its work, and go on with that of one that is killed', { timeout: 120_000 }, async () => {
    const store = `${server.url}?schema=shared_app`;
    const processes = Array.from({ length: PROCESSES }, () => new NodeProcess('postgres-sharing-process', [store]));
    for (const each of processes) await each.line(0);
    for (let n = 0; n < ORDERS; n++) processes[n % PROCESSES]?.tell(String(n));
    const [first, ...others] = processes as [NodeProcess, ...NodeProcess[]];
    // The first one has placed its orders, and is killed while it pays for some.
    const app = await createMillrace({ app: sharedShop(() => undefined), store });
    onTestFinished(() => app.close());
    let placed = 0;
    for await (const _ of app.subscribe({ types: ['OrderPlaced'] })) if (++placed === ORDERS) break;
    await first.kill();
    const paid = new Set<string>();
    for await (const event of app.subscribe({ types: ['OrderPaid'] })) {
      paid.add(event.stream);
      if (paid.size === ORDERS) break;
    }
    // One of the processes keeps the read model; when the one that was killed did, another takes over after its lease.
    const whole = Array(3).fill({ orders: ORDERS / 3, spentCents: (ORDERS / 3) * 100 });
    await expect
      .poll(async () => (await app.query(customers, {})).map(row => row.document), { timeout: 30_000 })
      .toEqual(whole);
    await expect.poll(() => app.sagas.counts(), { timeout: 30_000 }).toEqual({ payment: { COMPLETED: ORDERS } });
    // Beside the word that it is ready: how evenly work is shared is nothing that a busy machine could promise.
    for (const each of others) expect(each.said().length).toBeGreaterThan(1);
    for (const each of others) each.dismiss();
    await Promise.all(others.map(each => each.ended()));
  });
});
