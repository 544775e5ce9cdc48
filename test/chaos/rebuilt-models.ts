import { defineApp, defineEvent, defineProjection } from 'millrace';
import { z } from 'zod';

/** Counts one. */
export const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });

/** Events by key. */
export const left = defineProjection('left', {
  version: 1,
  events: [Added],
  key: event => event.data.key,
  initial: () => ({ count: 0, last: 0 }),
  evolve: { Added: ({ count }, { data, position }) => ({ count: count + data.n, last: position }) },
});

/** All events in one document. */
export const right = defineProjection('right', {
  version: 1,
  events: [Added],
  key: () => 'all',
  initial: () => ({ count: 0, last: 0 }),
  evolve: { Added: ({ count }, { data, position }) => ({ count: count + data.n, last: position }) },
});

/** Two read models of the same events. */
export const rebuilt = defineApp({ define: [left, right] });
