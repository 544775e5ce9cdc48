import type { Millrace } from 'millrace';
import type { OrderFigures, PeriodTotals } from './expected-figures.ts';
import { customers, months } from './read-models.ts';
import { customerSessions, weeklyRevenue } from './topologies.ts';

/** What a store of windows holds for one window. */
interface Window {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly value: { readonly orders: number; readonly cents: number };
}

const PAGE = 1_000;

/** The system's own figures, asked of its sagas, read models, topologies and router. */
export async function actualFigures(app: Millrace, placed: number): Promise<OrderFigures> {
  const monthRows = await app.query(months, { limit: PAGE });
  const byMonth = Object.fromEntries(monthRows.map(({ key, document }) => [key, document]));
  const sagas = (await app.sagas.counts())['OrderProcessing'] ?? {};
  const weeks: OrderFigures['weeks'] = {};
  for await (const { start, value } of windowsOf(app, weeklyRevenue.name, 'revenue')) {
    weeks[new Date(start).toISOString().slice(0, 10)] = value;
  }
  const sessions = { count: 0, longestOrders: 0 };
  for await (const { value } of windowsOf(app, customerSessions.name, 'sessions')) {
    sessions.count++;
    sessions.longestOrders = Math.max(sessions.longestOrders, value.orders);
  }
  const deliveries = await app.router.deliveries();
  return {
    orders: placed,
    confirmed: sum(byMonth, 'orders'),
    rejected: sagas.FAILED ?? 0,
    cancelled: sagas.COMPENSATED ?? 0,
    customers: await app.projections.count(customers.name),
    units: sum(byMonth, 'units'),
    confirmedCents: sum(byMonth, 'cents'),
    months: byMonth,
    weeks,
    sessions,
    bigOrders: deliveries.delivered + deliveries.deadLettered + deliveries.pending,
  };
}

/** How many records the topologies left out, for whatever reason. */
export async function droppedRecords(app: Millrace): Promise<number> {
  const stores = [
    app.topologies.store(weeklyRevenue.name, 'revenue'),
    app.topologies.store(customerSessions.name, 'sessions'),
  ];
  const dropped = await Promise.all(stores.map(store => store.dropped()));
  return dropped.flatMap(counts => Object.values(counts)).reduce((total, count) => total + count, 0);
}

async function* windowsOf(app: Millrace, topology: string, store: string): AsyncGenerator<Window> {
  const reader = app.topologies.store(topology, store);
  let after: { key: string; start: number; end: number } | undefined;
  for (;;) {
    const page = (await reader.all({ limit: PAGE, ...(after === undefined ? {} : { after }) })) as readonly Window[];
    yield* page;
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

function sum(totals: Readonly<Record<string, PeriodTotals>>, field: keyof PeriodTotals): number {
  return Object.values(totals).reduce((total, period) => total + period[field], 0);
}
