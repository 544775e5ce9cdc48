import type { Batch } from './batch.ts';

/** A batch of which no event is taken for new, so that what was stored already is found by its id: for sending it again. */
export function withoutFreshEvents({ appends, ...batch }: Batch): Batch {
  if (appends === undefined) return batch;
  const known = appends.map(append => ({
    ...append,
    events: append.events.map(event => ({ ...event, fresh: false })),
  }));
  return { ...batch, appends: known };
}
