import { defineTopology, session, topic, tumbling } from 'millrace';
import { OrderPlaced } from './events.ts';

/** The time at which an order counts: the day on which it was ordered, not the day on which it was imported. */
const ORDER_TIME = ({ data }: { data: { date: string } }): number => Date.parse(data.date);
/** The shop wants to look at its whole history. */
const RETENTION = '1000d';

/** What was ordered in every week: tumbling windows of seven days, aligned to the epoch. */
export const weeklyRevenue = defineTopology('weekly-revenue', topology =>
  topology
    .events([OrderPlaced], {
      name: 'orders',
      key: () => 'all',
      value: ({ data }) => ({ cents: data.cents }),
      time: ORDER_TIME,
    })
    .groupByKey()
    .windowedBy(tumbling('7d', { grace: '30d' }))
    .aggregate('revenue', {
      initial: () => ({ orders: 0, cents: 0 }),
      add: (week, { cents }) => ({ orders: week.orders + 1, cents: week.cents + cents }),
      retention: RETENTION,
    })
    .toStream()
    .to(topic('weekly-revenue', { partitions: 1, retention: 'forever' })),
);

/** How customers come back: orders of one customer with no more than 30 days between them are one session. */
export const customerSessions = defineTopology('customer-sessions', topology =>
  topology
    .events([OrderPlaced], {
      name: 'orders',
      key: ({ data }) => data.customerId,
      value: ({ data }) => ({ cents: data.cents }),
      time: ORDER_TIME,
    })
    .groupByKey()
    .windowedBy(session('30d', { grace: '30d' }))
    .aggregate('sessions', {
      initial: () => ({ orders: 0, cents: 0 }),
      add: (visit, { cents }) => ({ orders: visit.orders + 1, cents: visit.cents + cents }),
      merge: (one, other) => ({ orders: one.orders + other.orders, cents: one.cents + other.cents }),
      retention: RETENTION,
    })
    .toStream()
    .to(topic('customer-sessions', { partitions: 1, retention: 'forever' })),
);
