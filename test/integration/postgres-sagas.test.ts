import { createMillrace, declined, defineApp, defineEvent, defineSaga } from 'millrace';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { anySchema } from './any-schema.ts';

const Paid = defineEvent('Paid', { schema: anySchema<{ order: string }>(), tags: ({ order }) => [`order:${order}`] });

const pack = defineSaga<{ calls: string[] }>('Pack', 1)
  .input(anySchema<{ box: string }>())
  .step('fold', { run: async ({ input }) => input.box, compensate: 'none-needed' })
  .build();

const order = defineSaga<{ calls: string[] }>('Order', 1)
  .input(anySchema<{ order: string; boxes: string[]; refused?: boolean }>())
  .step('reserve', {
    run: async ({ services, input }) => services.calls.push(`reserve ${input.order}`),
    compensate: async ({ services, input }) => void services.calls.push(`release ${input.order}`),
  })
  .parallel({
    pay: part => part.waitFor('payment', { event: Paid, correlate: ({ input }) => ({ tag: `order:${input.order}` }) }),
    pack: part =>
      part.forEach('boxes', { items: ({ input }) => input.boxes, key: box => box }, box =>
        box.child('pack', { saga: pack, input: ({ item }) => ({ box: item }), compensate: 'none-needed' }),
      ),
  })
  .txStep('note', {
    run: async ({ input }) => {
      if (input.refused === true) throw declined('refused');
      return {
        result: 'noted',
        events: [{ stream: `note-${input.order}`, events: [Paid({ order: `${input.order}!` })] }],
      };
    },
    compensate: 'none-needed',
  })
  .build();

describe('sagas of processes that share PostgreSQL', needsPostgres, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test('wait for events that any of them appends, start others, and are operated from any of them', async () => {
    const calls: string[] = [];
    const open = async () => {
      const app = await createMillrace({
        app: defineApp({ define: [order, pack], services: { calls } }),
        store: server.url,
      });
      onTestFinished(() => app.close());
      return app;
    };
    const [one, other] = [await open(), await open()] as const;
    const ids = Array.from({ length: 20 }, (_, n) => `o${n}`);
    await Promise.all(
      ids.map((id, n) => one.sagas.begin('Order', id, { order: id, boxes: ['a', 'b'], refused: n % 5 === 0 })),
    );
    const waiting = async () => (await other.sagas.list('Order', { waitingFor: 'Paid', status: 'WAITING' })).length;
    await expect.poll(waiting, { timeout: 20_000 }).toBe(20);
    // One is cancelled while it waits, the others are paid.
    await other.sagas.cancel('Order', 'o1', { reason: 'by phone' });
    await Promise.all(ids.slice(2).map(id => other.append(`payment-${id}`, [Paid({ order: id })])));
    await one.append('payment-o0', [Paid({ order: 'o0' })]);
    const results = await Promise.all(ids.map(id => other.sagas.result('Order', id, { within: '20s' })));
    expect(results.map(({ status }) => status)).toEqual(
      ids.map((_, n) => (n === 1 ? 'CANCELLED' : n % 5 === 0 ? 'COMPENSATED' : 'COMPLETED')),
    );
    const released = calls.filter(call => call.startsWith('release')).sort();
    expect(released).toEqual(['o0', 'o1', 'o10', 'o15', 'o5'].map(id => `release ${id}`));
    const notes = await Promise.all(ids.map(id => one.events.readStream(`note-${id}`)));
    expect(notes.map(events => events.length)).toEqual(ids.map((_, n) => (n === 1 || n % 5 === 0 ? 0 : 1)));
    expect(await other.sagas.counts()).toEqual({
      Order: { COMPLETED: 15, COMPENSATED: 4, CANCELLED: 1 },
      Pack: { COMPLETED: 40 },
    });
  });
});
