import {
  createMillrace,
  defineApp,
  defineDecider,
  defineEvent,
  defineProjection,
  defineSaga,
  rejected,
  send,
} from 'millrace';
import { z } from 'zod';

// Facts: a name and a schema. Types are inferred from here on.
const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ customer: z.string(), cents: z.number().int() }) });
const OrderPaid = defineEvent('OrderPaid', { schema: z.object({ payment: z.string() }) });

// Rules: pure functions from a command and the current state to new facts.
const order = defineDecider('order', {
  events: [OrderPlaced, OrderPaid],
  initial: (): { status: 'new' | 'placed' | 'paid' } => ({ status: 'new' }),
  evolve: { OrderPlaced: _ => ({ status: 'placed' }), OrderPaid: _ => ({ status: 'paid' }) },
  decide: {
    place: (data: { customer: string; cents: number }, { status }) => {
      if (status !== 'new') throw rejected('It was placed before.');
      return [OrderPlaced(data)];
    },
    pay: (data: { payment: string }, { status }) => (status === 'paid' ? [] : [OrderPaid(data)]),
  },
});

// A read model: documents by key, kept with the log in one commit.
const customers = defineProjection('customers', {
  version: 1,
  events: [OrderPlaced],
  key: event => event.data.customer,
  initial: () => ({ orders: 0, spentCents: 0 }),
  evolve: {
    OrderPlaced: ({ orders, spentCents }, { data }) => ({ orders: orders + 1, spentCents: spentCents + data.cents }),
  },
});

// A process: steps with their undos. A crash between any two lines changes nothing in the end.
const payment = defineSaga('payment', 1)
  .input(OrderPlaced.schema)
  .startOn(OrderPlaced, event => ({ id: event.stream, input: event.data }))
  .step('charge', {
    run: async ({ input, context }) => ({ payment: `${input.cents} cents under ${context.idempotencyKey}` }),
    compensate: 'none-needed',
  })
  .onEnd({ completed: ({ id, results }) => send(order, id, 'pay', results.charge) })
  .build();

const shop = defineApp({ define: [order, customers, payment] });
const app = await createMillrace({ app: shop, store: process.argv[2] ?? 'memory:' });

const { position } = await app.execute(order, 'order-1', 'place', { customer: 'ada', cents: 1250 });
console.log(await app.query(customers, { id: 'ada', after: position }));

for await (const event of app.subscribe({ types: ['OrderPaid'] })) {
  console.log(event.stream, event.type, event.data);
  break;
}
await app.close();
