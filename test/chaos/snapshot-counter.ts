import { defineApp, defineDecider, defineEvent } from 'millrace';
import { z } from 'zod';

const Counted = defineEvent('Counted', { schema: z.object({ n: z.number().int() }) });

/** How many events the counter has in the end. */
export const EVENTS_IN_ALL = 60;
/** The stream of the counter. */
export const counterStream = 'counter-1';

/** A counter whose state depends on every event and on their order: one that is left out or folded twice shows. */
export const counter = defineDecider('counter', {
  events: [Counted],
  initial: () => ({ count: 0, mixed: 7 }),
  evolve: {
    Counted: ({ count, mixed }, { data }) => ({ count: count + 1, mixed: (mixed * 31 + data.n) % 1_000_003 }),
  },
  decide: {
    count: ({ by }: { by: number }, { count }) => Array.from({ length: by }, (_, n) => Counted({ n: count + n })),
  },
  snapshot: { version: 1, every: 10 },
});

/** The app of the counter. */
export const counterApp = defineApp({ define: [counter] });
