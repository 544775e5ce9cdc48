import {
  createMillrace,
  defineApp,
  defineDecider,
  defineEvent,
  defineProjection,
  defineSaga,
  type EventDefinition,
  rejected,
  send,
} from 'millrace';
import { z } from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assert<_T extends true>(): void {}

// Events: data and input are inferred from the schema.
const OrderPlaced = defineEvent('OrderPlaced', {
  schema: z.object({ cents: z.number(), note: z.string().default('') }),
});
const OrderPaid = defineEvent('OrderPaid', { schema: z.object({ by: z.string() }) });
assert<
  Equal<
    typeof OrderPlaced,
    EventDefinition<'OrderPlaced', { cents: number; note: string }, { cents: number; note?: string | undefined }>
  >
>();
OrderPlaced({ cents: 1 });
// @ts-expect-error a field is missing
OrderPlaced({});
// @ts-expect-error a field has another type
OrderPlaced({ cents: '1' });

// Deciders: state and commands flow from the rules.
const order = defineDecider('order', {
  events: [OrderPlaced, OrderPaid],
  initial: (): { status: 'new' | 'placed' | 'paid' } => ({ status: 'new' }),
  evolve: { OrderPlaced: _ => ({ status: 'placed' }), OrderPaid: state => ({ ...state, status: 'paid' }) },
  decide: {
    place: (data: { cents: number }, state) => (state.status === 'new' ? [OrderPlaced(data)] : []),
    pay: (data: { by: string }, state) => {
      if (state.status !== 'placed') throw rejected('It cannot be paid.');
      return [OrderPaid(data)];
    },
  },
});
defineDecider('order', {
  events: [OrderPlaced, OrderPaid],
  initial: () => 0,
  // @ts-expect-error an event has no rule
  evolve: { OrderPlaced: (state: number) => state },
  decide: {},
});
defineDecider('order', {
  events: [OrderPlaced],
  initial: (): { status: 'new' | 'placed' } => ({ status: 'new' }),
  // @ts-expect-error the state has no such status
  evolve: { OrderPlaced: state => ({ ...state, status: 'gone' }) },
  decide: {},
});
send(order, 'order-1', 'place', { cents: 1 });
// @ts-expect-error no such command
send(order, 'order-1', 'ship', {});
// @ts-expect-error the data of another command
send(order, 'order-1', 'place', { by: 'ada' });

// Projections: documents, keys and indexes are typed by the events and the state.
const totals = defineProjection('totals', {
  version: 1,
  events: [OrderPlaced],
  key: event => event.data.note,
  initial: () => ({ cents: 0, notes: [] as string[] }),
  evolve: {
    OrderPlaced: (state, { data }) => ({ cents: state.cents + data.cents, notes: [...state.notes, data.note] }),
  },
  indexes: ['cents'],
});
defineProjection('totals', {
  version: 1,
  events: [OrderPlaced],
  // @ts-expect-error the event has no such field
  key: event => event.data.customer,
  initial: () => 0,
  evolve: { OrderPlaced: _ => null },
});
defineProjection('totals', {
  version: 1,
  events: [OrderPlaced],
  key: event => event.stream,
  initial: () => ({ notes: [] as string[] }),
  evolve: { OrderPlaced: _ => undefined },
  // @ts-expect-error a list cannot be an index
  indexes: ['notes'],
});

// Sagas: results flow to later steps and to the step's own undo.
interface Services {
  charge(cents: number): Promise<{ id: string }>;
  refund(id: string): Promise<void>;
}
const started = defineSaga<Services>('payment', 1).input(OrderPlaced.schema);
const payment = started
  .startOn(OrderPlaced, event => ({ id: event.stream, input: event.data }))
  .step('charge', {
    run: ({ input, services }) => services.charge(input.cents),
    compensate: async scope => {
      // @ts-expect-error the outcome has not been looked at: there may be no result
      scope.result.id;
      if (scope.outcome === 'completed') await scope.services.refund(scope.result.id);
    },
  })
  .step('mark', { run: async ({ results }) => results.charge.id, compensate: 'none-needed' })
  .onEnd({ completed: ({ id, results }) => send(order, id, 'pay', { by: results.mark }) })
  .build();
// @ts-expect-error an undo is missing
started.step('charge', { run: async () => 1 });
started
  .step('charge', { run: async () => 1, compensate: 'none-needed' })
  // @ts-expect-error the name is taken
  .step('charge', { run: async () => 1, compensate: 'none-needed' });
// @ts-expect-error a date is no JSON
started.step('when', { run: async () => new Date(), compensate: 'none-needed' });
// @ts-expect-error a function inside a result is no JSON
started.step('how', { run: async () => ({ go: () => 1 }), compensate: 'none-needed' });
// @ts-expect-error there is no such step before this one
started.step('charge', { run: async ({ results }) => results.reserve, compensate: 'none-needed' });
// @ts-expect-error the input of the saga is another one
started.startOn(OrderPaid, event => ({ id: event.stream, input: event.data }));
started.step('a', { run: async () => 'ada', compensate: 'none-needed' }).onEnd({
  completed: ({ id, results }) => send(order, id, 'pay', { by: results.a }),
  // @ts-expect-error a saga that failed may not have got to that step
  failed: ({ id, results }) => send(order, id, 'pay', { by: results.a }),
});

started
  .pivot('charge', { run: async () => 1 })
  // @ts-expect-error behind the pivot nothing is undone
  .step('late', { run: async () => 1, compensate: async () => undefined });
// @ts-expect-error a pivot has no undo
started.pivot('charge', { run: async () => 1, compensate: async () => undefined });
// @ts-expect-error there is one pivot
started.pivot('charge', { run: async () => 1 }).pivot('again', { run: async () => 1 });
started.when(
  ({ input }) => input.cents > 1,
  // @ts-expect-error a branch has no pivot of its own
  part => part.pivot('charge', { run: async () => 1 }),
);
started
  .when(
    ({ input }) => input.cents > 1,
    part => part.step('extra', { run: async (): Promise<string> => 'x', compensate: 'none-needed' }),
  )
  .step('after', {
    run: async ({ results }) => {
      assert<Equal<typeof results.extra, string | undefined>>();
      // @ts-expect-error the branch may not have been taken
      return results.extra.length;
    },
    compensate: 'none-needed',
  });
started
  .parallel({
    a: part => part.step('left', { run: async (): Promise<number> => 1, compensate: 'none-needed' }),
    b: part => part.step('right', { run: async (): Promise<string> => 'r', compensate: 'none-needed' }),
  })
  .step('join', {
    run: async ({ results }) => {
      assert<Equal<typeof results.left, number>>();
      assert<Equal<typeof results.right, string>>();
    },
    compensate: 'none-needed',
  });
started
  .forEach('each', { items: () => [{ id: 'a', n: 1 }], key: ({ id }) => id }, part =>
    part.step('one', { run: async ({ item }): Promise<number> => item.n, compensate: 'none-needed' }),
  )
  .loop('again', part => part.step('two', { run: async (): Promise<string> => 'x', compensate: 'none-needed' }), {
    until: ({ last }) => last.two === 'x',
    max: 3,
  })
  .step('sum', {
    run: async ({ results, item }) => {
      assert<Equal<typeof item, undefined>>();
      assert<Equal<(typeof results.again)[number]['two'], string>>();
      assert<Equal<(typeof results.each)[string]['one'], number>>();
      // @ts-expect-error the step of an item is not one of the saga
      return results.one;
    },
    compensate: 'none-needed',
  });
// @ts-expect-error a date is no JSON, and the items are kept
started.forEach('each', { items: () => [new Date()], key: () => 'a' }, part => part.sleep('x', '1s'));
started
  .waitFor('paid', { event: OrderPaid, correlate: () => ({ stream: 'order-1' }) })
  .waitFor('perhaps', { event: OrderPaid, correlate: () => ({ tag: 'a' }), onTimeout: 'continue' })
  .step('see', {
    run: async ({ results }) => {
      assert<Equal<typeof results.paid.by, string>>();
      // @ts-expect-error it may not have come
      return results.perhaps.by;
    },
    compensate: 'none-needed',
  });
// @ts-expect-error a wait has to say by what it knows its event
started.waitFor('paid', { event: OrderPaid });
started.txStep('tx', {
  // @ts-expect-error the data of another command
  run: async () => ({ result: 1, commands: [send(order, 'order-1', 'pay', {})] }),
  compensate: 'none-needed',
});
// @ts-expect-error what is committed comes with a result
started.txStep('tx', { run: async () => ({ commands: [] }), compensate: 'none-needed' });

// Apps: a saga finds its services, and queries are typed by their read model.
const services: Services = { charge: async () => ({ id: '' }), refund: async () => undefined };
const app = defineApp({ define: [order, totals, payment], services });
// @ts-expect-error the saga's services are missing
defineApp({ define: [payment] });
// @ts-expect-error these are not the services that the saga needs
defineApp({ define: [payment], services: { charge: 1 } });

const millrace = await createMillrace({ app, store: 'memory:' });
const one = await millrace.query(totals, { id: 'x', after: 1 });
assert<Equal<typeof one, { cents: number; notes: string[] } | undefined>>();
const rows = await millrace.query(totals, { where: { cents: 1 }, orderBy: 'cents' });
assert<Equal<(typeof rows)[number]['document'], { cents: number; notes: string[] }>>();
// @ts-expect-error not an index
await millrace.query(totals, { where: { notes: 'x' } });
// @ts-expect-error not an index
await millrace.query(totals, { orderBy: 'notes' });
await millrace.execute(order, 'order-1', 'pay', { by: 'ada' });
// @ts-expect-error no such command
await millrace.execute(order, 'order-1', 'ship', {});

// Upcasters: a chain from version 1 to the current one, each link taking what the one before it makes.
interface PriceV1 {
  readonly dollars: number;
}
interface PriceV2 {
  readonly cents: number;
}
const price = z.object({ cents: z.number(), currency: z.string() });
defineEvent('Priced', {
  schema: price,
  version: 3,
  upcast: {
    1: (old: PriceV1): PriceV2 => ({ cents: old.dollars * 100 }),
    2: (old: PriceV2) => ({ ...old, currency: 'USD' }),
  },
});
// @ts-expect-error no link from version 1
defineEvent('Priced', { schema: price, version: 2 });
// @ts-expect-error no link from version 2
defineEvent('Priced', { schema: price, version: 3, upcast: { 1: (_old: PriceV1): PriceV2 => ({ cents: 0 }) } });
defineEvent('Priced', {
  schema: price,
  version: 3,
  upcast: {
    // @ts-expect-error it makes something else than the next link takes
    1: (old: PriceV1) => ({ euros: old.dollars }),
    2: (old: PriceV2) => ({ ...old, currency: 'USD' }),
  },
});
// @ts-expect-error the last link does not make what the schema says
defineEvent('Priced', { schema: price, version: 2, upcast: { 1: (old: PriceV1) => ({ cents: old.dollars }) } });
// @ts-expect-error a link that leads nowhere
defineEvent('Priced', { schema: price, upcast: { 1: (old: PriceV1) => ({ cents: old.dollars, currency: 'USD' }) } });
const computed: number = Number('3');
defineEvent('Priced', { schema: price, version: computed, upcast: { 1: (old: PriceV1) => old } });

// Data that JSON cannot hold: marked at every place, or written by a codec.
const dated = z.object({ cents: z.bigint(), at: z.date().nullable(), lines: z.array(z.object({ photo: z.date() })) });
defineEvent('Dated', { schema: dated, json: { cents: 'bigint', at: 'date', lines: [{ photo: 'date' }] } });
// @ts-expect-error nothing says how it is written
defineEvent('Dated', { schema: dated });
// @ts-expect-error a place is left out
defineEvent('Dated', { schema: dated, json: { cents: 'bigint', at: 'date' } });
// @ts-expect-error a mark says another kind
defineEvent('Dated', { schema: dated, json: { cents: 'date', at: 'date', lines: [{ photo: 'date' }] } });
// @ts-expect-error JSON holds it as it is
defineEvent('Plain', { schema: price, json: { cents: 'bigint' } });
// @ts-expect-error it could be either, so that a mark would have to guess
defineEvent('Either', { schema: z.object({ id: z.union([z.string(), z.bigint()]) }), json: { id: 'bigint' } });
defineEvent('Either', {
  schema: z.object({ id: z.union([z.string(), z.bigint()]) }),
  codec: {
    encode: ({ id }) => (typeof id === 'string' ? { text: id } : { number: `${id}` }),
    decode: json => ({ id: json.text ?? BigInt(json.number) }),
  },
});
defineEvent('Dated', {
  schema: z.object({ at: z.date() }),
  json: { at: 'date' },
  version: 2,
  upcast: { 1: (old: { day: string }) => ({ at: `${old.day}T00:00:00.000Z` }) },
});
defineEvent('Dated', {
  schema: z.object({ at: z.date() }),
  json: { at: 'date' },
  version: 2,
  // @ts-expect-error upcasters make what is stored, not what it is decoded to
  upcast: { 1: (old: { day: string }) => ({ at: new Date(old.day) }) },
});
interface Tree {
  readonly value: number;
  readonly children: readonly Tree[];
}
defineEvent('Grown', { schema: z.custom<Tree>() });
defineEvent('Anything', { schema: z.unknown() });
defineEvent('Anything', { schema: z.any() });
defineEvent('Json', { schema: z.json() });
