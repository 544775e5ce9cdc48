import { isDeepStrictEqual } from 'node:util';
import type { Millrace } from 'millrace';
import { actualFigures, droppedRecords } from './actual-figures.ts';
import { type PlacedOrder, unitsOf } from './events.ts';
import { BIG_ORDER_CENTS, expectedFigures, type OrderFigures } from './expected-figures.ts';
import type { Faults } from './faults.ts';
import type { Ledger } from './services/ledger.ts';
import { SERVICES } from './services/services.ts';
import type { WarehouseEndpoint } from './warehouse-endpoint.ts';

/** What a run of the demo came to, and whether it is what the file of orders says. */
export interface DemoSummary extends OrderFigures {
  readonly sagas: { completed: number; compensated: number; failed: number; parked: number };
  readonly deliveries: { delivered: number; deadLettered: number };
  readonly effects: { duplicates: number; missing: number };
  readonly eventsAppended: number;
  readonly seconds: number;
  readonly rssMb: number;
  readonly verified: boolean;
}

/** The summary, and every figure that is not what it should be. */
export interface VerifiedSummary {
  readonly summary: DemoSummary;
  readonly differences: readonly string[];
}

/** What there is to sum up. */
export interface FinishedRun {
  readonly app: Millrace;
  readonly orders: readonly PlacedOrder[];
  readonly placed: number;
  readonly faults: Faults;
  readonly ledger: Ledger;
  readonly endpoint: WarehouseEndpoint;
  readonly seconds: number;
}

/** Sums a run up and holds every figure against one that was computed independently from the file of orders. */
export async function summarise(run: FinishedRun): Promise<VerifiedSummary> {
  const { app, orders, faults } = run;
  const expected = expectedFigures(orders, faults);
  const actual = await actualFigures(app, run.placed);
  const counts = (await app.sagas.counts())['OrderProcessing'] ?? {};
  const sagas = {
    completed: counts.COMPLETED ?? 0,
    compensated: counts.COMPENSATED ?? 0,
    failed: counts.FAILED ?? 0,
    parked: (counts.COMPENSATION_FAILED ?? 0) + (counts.PARKED ?? 0),
  };
  const { delivered, deadLettered, pending } = await app.router.deliveries();
  const effects = countEffects(orders, faults, run.ledger);
  const differences = [
    ...compare(expected, actual),
    ...compare(
      {
        sagas: { completed: expected.confirmed, compensated: expected.cancelled, failed: expected.rejected, parked: 0 },
        'deliveries pending': 0,
        'deliveries settled': expected.bigOrders,
        'big orders the warehouse has not heard of': 0,
        effects: { duplicates: 0, missing: 0 },
        'records dropped as late': 0,
      },
      {
        sagas,
        'deliveries pending': pending,
        'deliveries settled': delivered + deadLettered,
        'big orders the warehouse has not heard of': unheard(orders, faults, run.endpoint) - deadLettered,
        effects,
        'records dropped as late': await droppedRecords(app),
      },
    ),
  ];
  const summary: DemoSummary = {
    ...actual,
    sagas,
    deliveries: { delivered, deadLettered },
    effects,
    eventsAppended: await app.storage.log.head(),
    seconds: Math.round(run.seconds * 100) / 100,
    rssMb: Math.round(process.memoryUsage.rss() / 1024 / 1024),
    verified: differences.length === 0,
  };
  return { summary, differences };
}

/**
 * What the services' own books say: duplicates are applied effects of one order and service beyond one; missing are confirmed
 * orders that lack an effect, and cancelled ones of which an effect still stands.
 */
function countEffects(orders: readonly PlacedOrder[], faults: Faults, ledger: Ledger): DemoSummary['effects'] {
  let duplicates = 0;
  let missing = 0;
  for (const service of SERVICES) {
    const { duplicates: doubled, standing } = ledger.counts(service);
    duplicates += doubled;
    for (const order of orders) {
      const confirmed = isValid(order) && !faults.isDeclined(order.orderId);
      if (standing.has(order.orderId) !== confirmed) missing++;
    }
  }
  return { duplicates, missing };
}

function unheard(orders: readonly PlacedOrder[], faults: Faults, endpoint: WarehouseEndpoint): number {
  const received = endpoint.received();
  const big = orders.filter(
    order => isValid(order) && order.cents >= BIG_ORDER_CENTS && !faults.isDeclined(order.orderId),
  );
  return big.filter(({ orderId }) => !received.has(orderId)).length;
}

function isValid(order: PlacedOrder): boolean {
  return unitsOf(order) > 0 && order.customerId !== '' && order.cents > 0;
}

function compare(expected: object, actual: object): string[] {
  const found = actual as Readonly<Record<string, unknown>>;
  return Object.entries(expected)
    .filter(([name, value]) => !isDeepStrictEqual(value, found[name]))
    .map(([name, value]) => `${name}: expected ${JSON.stringify(value)}, found ${JSON.stringify(found[name])}`);
}
