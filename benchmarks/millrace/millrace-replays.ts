import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMillrace, defineApp, defineDecider, defineEvent } from 'millrace';
import { z } from 'zod';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';
import { OrderPlaced } from './shop-events.ts';

const EVENTS = 1_000;
/** One event in so many changes the state of its entity; the others say what happened to it on the way. */
const EVOLVED_EVERY = 10;
const APPENDS_AT_ONCE = 64;

const OrderConfirmed = defineEvent('OrderConfirmed', { schema: z.object({ cents: z.number().int() }) });

/** An order that only its confirmations change. */
const order = defineDecider('order', {
  events: [OrderConfirmed],
  initial: () => ({ confirmed: 0, cents: 0 }),
  evolve: {
    OrderConfirmed: ({ confirmed, cents }, { data }) => ({ confirmed: confirmed + 1, cents: cents + data.cents }),
  },
  decide: {},
  snapshot: false,
});

/** Fills a store with streams of 1,000 events, a tenth of which their decider evolves. */
export async function fillReplayLog(store: string, streams: number): Promise<void> {
  const { orderData } = await import('../workload/orders.ts');
  const app = await createMillrace({ app: defineApp({ define: [OrderPlaced, OrderConfirmed] }), store });
  for (let start = 0; start < EVENTS; start += EVOLVED_EVERY) {
    for (let stream = 0; stream < streams; stream += APPENDS_AT_ONCE) {
      const last = Math.min(stream + APPENDS_AT_ONCE, streams);
      const numbers = Array.from({ length: last - stream }, (_, offset) => stream + offset);
      await Promise.all(
        numbers.map(number => {
          const events = Array.from({ length: EVOLVED_EVERY }, (_, index) =>
            index === 0 ? OrderConfirmed({ cents: start }) : OrderPlaced(orderData(start + index, EVENTS)),
          );
          return app.append(`order-${number}`, events);
        }),
      );
    }
  }
  await app.close();
}

/** Loading entities one after another, with or without the events that do not change them. */
export async function millraceReplays(
  { log, streams, optimizeForReplay }: { log: string; streams: number; optimizeForReplay: boolean },
  { folder }: Surroundings,
): Promise<Contestant> {
  const file = join(folder, 'millrace.db');
  copyFileSync(log, file);
  return replaysOf(`sqlite:${file}`, streams, optimizeForReplay);
}

/** Loading the entities of the store at an address. */
export async function replaysOf(store: string, streams: number, optimizeForReplay: boolean): Promise<Contestant> {
  const app = await createMillrace({ app: defineApp({ define: [OrderPlaced, OrderConfirmed, order] }), store });
  return {
    async round() {
      const latencies = new Float64Array(streams);
      const started = performance.now();
      for (let stream = 0; stream < streams; stream++) {
        const asked = performance.now();
        const { state } = await app.events.load(order, `order-${stream}`, { optimizeForReplay });
        if (state.confirmed !== EVENTS / EVOLVED_EVERY) throw new Error(`order-${stream} was not loaded as a whole`);
        latencies[stream] = performance.now() - asked;
      }
      return latencyFigures(latencies, performance.now() - started);
    },
    close: () => app.close(),
  };
}
