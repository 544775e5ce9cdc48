import { z } from 'zod';
import {
  type App,
  defineApp,
  defineDecider,
  defineEvent,
  defineProjection,
  defineSaga,
  send,
} from '../../src/index.ts';

const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ customer: z.string(), cents: z.number().int() }) });
const OrderPaid = defineEvent('OrderPaid', { schema: z.object({ payment: z.string() }) });

/** An order is placed once and paid once. */
export const order = defineDecider('order', {
  events: [OrderPlaced, OrderPaid],
  initial: () => ({ paid: false }),
  evolve: { OrderPlaced: state => state, OrderPaid: () => ({ paid: true }) },
  decide: {
    place: (data: { customer: string; cents: number }) => [OrderPlaced(data)],
    pay: (data: { payment: string }, { paid }) => (paid ? [] : [OrderPaid(data)]),
  },
});

/** What each customer spent. */
export const customers = defineProjection('customers', {
  version: 1,
  events: [OrderPlaced],
  key: event => event.data.customer,
  initial: () => ({ orders: 0, spentCents: 0 }),
  evolve: {
    OrderPlaced: ({ orders, spentCents }, { data }) => ({ orders: orders + 1, spentCents: spentCents + data.cents }),
  },
});

/** A shop that tells of each payment that it makes, by its key. */
export function sharedShop(paid: (key: string) => void): App {
  const payment = defineSaga('payment', 1)
    .input(OrderPlaced.schema)
    .startOn(OrderPlaced, event => ({ id: event.stream, input: event.data }))
    .step('charge', {
      run: async ({ context }) => {
        // Long enough for others to take their part of the work.
        await new Promise(resolve => setTimeout(resolve, 5));
        paid(context.idempotencyKey);
        return { payment: context.idempotencyKey };
      },
      compensate: 'none-needed',
    })
    .onEnd({ completed: ({ id, results }) => send(order, id, 'pay', results.charge) })
    .build();
  return defineApp({ define: [order, customers, payment] });
}
