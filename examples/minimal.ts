import { createMillrace, defineApp, defineDecider, defineEvent, defineProjection, defineSaga, send } from 'millrace';
import { z } from 'zod';

// Events are facts with a schema. Every type below follows from them.
const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ customer: z.string(), cents: z.number().int() }) });
const OrderPaid = defineEvent('OrderPaid', { schema: z.object({ receipt: z.string() }) });

// A decider turns a command and what has happened so far into new facts.
const order = defineDecider('order', {
  events: [OrderPlaced, OrderPaid],
  initial: () => ({ placed: false, paid: false }),
  evolve: { OrderPlaced: state => ({ ...state, placed: true }), OrderPaid: state => ({ ...state, paid: true }) },
  decide: {
    place: (data: { customer: string; cents: number }, { placed }) => (placed ? [] : [OrderPlaced(data)]),
    pay: (data: { receipt: string }, { paid }) => (paid ? [] : [OrderPaid(data)]),
  },
});

// A read model: a document for each customer, committed together with how far it has read.
const customers = defineProjection('customers', {
  version: 1,
  events: [OrderPlaced],
  key: event => event.data.customer,
  initial: () => ({ orders: 0, cents: 0 }),
  evolve: { OrderPlaced: ({ orders, cents }, { data }) => ({ orders: orders + 1, cents: cents + data.cents }) },
});

// A saga: steps and their undos. Kill the process at any line; the next one goes on from there.
const payment = defineSaga('payment', 1)
  .input(OrderPlaced.schema)
  .startOn(OrderPlaced, event => ({ id: event.stream, input: event.data }))
  .step('charge', {
    run: async ({ input, context }) => ({ receipt: `${input.cents} cents, once for ${context.idempotencyKey}` }),
    compensate: async ({ context }) => console.log(`Refund ${context.stepKey}`),
  })
  .onEnd({ completed: ({ id, results }) => send(order, id, 'pay', results.charge) })
  .build();

const shop = defineApp({ define: [order, customers, payment] });
const app = await createMillrace({ app: shop, store: process.argv[2] ?? 'memory:' });
const { position } = await app.execute(order, 'order-1', 'place', { customer: 'ada', cents: 1250 });
console.log(await app.query(customers, { id: 'ada', after: position })); // reads its own write

for await (const event of app.subscribe({ types: ['OrderPaid'] })) {
  console.log(event.stream, event.type, event.data);
  break;
}
await app.close();
