import { join } from 'node:path';
import { createMillrace, type Millrace, type Projection } from 'millrace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orderSystem } from '../../examples/order-processing/app.ts';
import { customersWithAverage, monthsWithGreatest } from '../../examples/order-processing/changed-read-models.ts';
import type { PlacedOrder } from '../../examples/order-processing/events.ts';
import { Faults } from '../../examples/order-processing/faults.ts';
import { order } from '../../examples/order-processing/order.ts';
import { customers, months } from '../../examples/order-processing/read-models.ts';
import { Ledger } from '../../examples/order-processing/services/ledger.ts';
import { createServices } from '../../examples/order-processing/services/services.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { RouterReceiver } from './router-receiver.ts';

/*
 * The order system gets changed definitions of both read models while orders come in: they are built beside the live ones, compared, swapped together and
 * rolled back, and whoever reads meanwhile sees one or the other.
 */

const faults = new Faults({ seed: 3, declineRate: 0.2, flakyRate: 0, endpointFailureRate: 0 });

let ledger: Ledger;
let warehouse: RouterReceiver;
let endpoint: string;

beforeAll(async () => {
  ledger = new Ledger(':memory:');
  warehouse = new RouterReceiver();
  endpoint = await warehouse.start();
});

afterAll(async () => {
  await warehouse.stop();
  ledger.close();
});

function start(store: string, readModels: readonly Projection[]): Promise<Millrace> {
  const services = createServices(ledger, faults);
  return createMillrace({ app: orderSystem({ services, endpoint, timeScale: 1_000, readModels }), store });
}

let placed = 0;

async function place(app: Millrace): Promise<number> {
  const number = placed++;
  const data: PlacedOrder = {
    orderId: String(number),
    customerId: `c-${number % 5}`,
    date: `1997-0${1 + (number % 3)}-01`,
    items: [{ product: 'disc', quantity: 1 + (number % 2) }],
    cents: 1_000 + number,
  };
  return (await app.execute(order, `order-${number}`, 'place', data)).position;
}

/** Customers as they must be, given how many orders were placed. */
function expectedSpent(): number {
  return Array.from({ length: placed }, (_, number) => 1_000 + number).reduce((sum, cents) => sum + cents, 0);
}

async function spent(app: Millrace, after: number): Promise<{ spent: number; withAverage: boolean }> {
  const rows = await app.query(customers, { after, limit: 100 });
  return {
    spent: rows.reduce((sum, { document }) => sum + document.spentCents, 0),
    withAverage: rows.every(({ document }) => 'averageCents' in document),
  };
}

test('both read models are changed under the running system, compared, swapped and rolled back', async () => {
  const store = `sqlite:${join(temporaryFolder(), 'orders.db')}`;
  const before = await start(store, [customers, months]);
  let last = 0;
  for (let n = 0; n < 40; n++) last = await place(before);
  expect(await spent(before, last)).toEqual({ spent: expectedSpent(), withAverage: false });
  await before.close();

  const app = await start(store, [customers, months, customersWithAverage, monthsWithGreatest]);
  let isPlacing = true;
  const placing = (async () => {
    while (isPlacing) last = await place(app);
  })();
  const seen: number[] = [];
  const reading = (async () => {
    while (isPlacing) {
      const rows = await app.query(customers, { limit: 100 });
      seen.push(rows.reduce((sum, { document }) => sum + document.spentCents, 0));
      await new Promise(resolve => setImmediate(resolve));
    }
  })();
  try {
    await expect
      .poll(() => app.projections.status('customers').builds.map(({ phase }) => phase), { timeout: 20_000 })
      .toEqual(['live', 'live']);
    const compared = await app.projections.compare('customers');
    expect(compared).toMatchObject({ onlyLive: 0, onlyNext: 0, same: 0, different: 5 });
    expect(compared.samples[0]?.next).toHaveProperty('averageCents');
    await app.projections.swap('customers', 'months');
    const swapped = await place(app);
    expect(await app.query(customersWithAverage, { id: 'c-0', after: swapped })).toHaveProperty('averageCents');
    expect(app.projections.status('months')).toMatchObject({ version: 2, state: 'running' });
    expect(await app.query(customersWithAverage, { orderBy: 'averageCents', limit: 5 })).toHaveLength(5);
    await app.projections.rollback('customers', 'months');
    expect(app.projections.statuses().map(({ version }) => version)).toEqual([1, 1]);
  } finally {
    isPlacing = false;
    await Promise.all([placing, reading]);
  }
  last = await place(app);
  expect(await spent(app, last)).toEqual({ spent: expectedSpent(), withAverage: false });
  // What a reader sees never goes back, and is never empty.
  expect(seen).toEqual([...seen].sort((one, other) => one - other));
  expect(seen[0]).toBeGreaterThan(0);
  await app.close();
}, 60_000);
