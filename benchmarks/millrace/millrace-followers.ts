import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createLogger,
  createMillrace,
  defineApp,
  defineProjection,
  defineTopology,
  openStorage,
  systemClock,
  topic,
  tumbling,
} from 'millrace';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { OrderPlaced } from './shop-events.ts';

const PATIENCE_MS = 600_000;

/** The read model of the benchmarks. A new version begins at the start of the log. */
export function customersProjection(version: number) {
  return defineProjection('customers', {
    version,
    events: [OrderPlaced],
    key: event => event.data.customerId,
    initial: () => ({ orders: 0, spentCents: 0 }),
    evolve: {
      OrderPlaced: ({ orders, spentCents }, { data }) => ({ orders: orders + 1, spentCents: spentCents + data.cents }),
    },
    indexes: ['spentCents'],
  });
}

/** A read model that is built from the whole log, by the app as it starts. */
export async function millraceProjection(log: string, surroundings: Surroundings): Promise<Contestant> {
  const { storage, head } = await openCopy(log, surroundings);
  return {
    async round(index) {
      const customers = customersProjection(index + 1);
      const started = performance.now();
      const app = await createMillrace({ app: defineApp({ define: [customers] }), store: storage });
      await app.query(customers, { id: '00000', after: head, timeout: PATIENCE_MS });
      const milliseconds = performance.now() - started;
      await app.close();
      return { rate: (head / milliseconds) * 1000 };
    },
    close: () => storage.close(),
  };
}

/** Revenue by week over the whole log, every update of a week a record of a topic. */
export async function millraceTopology(log: string, surroundings: Surroundings): Promise<Contestant> {
  const { storage, head } = await openCopy(log, surroundings);
  return {
    async round(index) {
      const revenue = weeklyRevenue(`weekly-revenue-${index}`);
      const started = performance.now();
      const app = await createMillrace({ app: defineApp({ define: [revenue] }), store: storage });
      if (!(await app.topologies.reached(revenue.name, head, PATIENCE_MS))) throw new Error('it did not get there');
      const milliseconds = performance.now() - started;
      await app.close();
      return { rate: (head / milliseconds) * 1000 };
    },
    close: () => storage.close(),
  };
}

function weeklyRevenue(name: string) {
  return defineTopology(name, topology =>
    topology
      .events([OrderPlaced], {
        name: 'orders',
        key: () => 'all',
        value: ({ data }) => ({ cents: data.cents }),
        time: ({ data }) => Date.parse(data.date),
      })
      .groupByKey()
      .windowedBy(tumbling('7d', { grace: '30d' }))
      .aggregate('revenue', {
        initial: () => ({ orders: 0, cents: 0 }),
        add: (week, { cents }) => ({ orders: week.orders + 1, cents: week.cents + cents }),
        retention: '1000d',
      })
      .toStream()
      .to(topic(name, { partitions: 1, retention: 'forever' })),
  );
}

async function openCopy(log: string, { folder }: Surroundings) {
  const file = join(folder, 'millrace.db');
  copyFileSync(log, file);
  const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger: createLogger('error') });
  return { storage, head: await storage.log.head() };
}
