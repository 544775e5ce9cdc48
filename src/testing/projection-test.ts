import assert from 'node:assert/strict';
import { type DocumentOf, type Projection, ProjectionEngine } from '../projections/index.ts';
import type { NewEvent } from '../store/index.ts';
import { createTestEnvironment } from './test-environment.ts';

/** What a test of a projection goes on with after its events are given. */
export interface ProjectionTest<P extends Projection> {
  /** Adds events that come after those given, in streams of their own unless a stream is named. */
  when(...events: readonly NewEvent[]): ProjectionTest<P>;
  /** Checks that these are all documents of the read model, by key. Throws an assertion error that shows the difference. */
  thenDocuments(documents: Readonly<Record<string, DocumentOf<P>>>): Promise<void>;
  /** Checks that the projection cannot fold the events; answers the message of its error. */
  thenFails(): Promise<string>;
}

const ALL = 10_000;

/**
 * Tests a projection by example: given events, when others come, then these documents. It is run as an app runs it, on a store in memory and in
 * virtual time, so that keys, deletions and declared indexes are those of the real thing.
 *
 * @example
 * await given(customers, OrderPlaced({ customerId: 'ada', cents: 5 }))
 *   .when(OrderPlaced({ customerId: 'ada', cents: 7 }))
 *   .thenDocuments({ ada: { orders: 2, spentCents: 12 } });
 */
export function given<P extends Projection>(projection: P, ...events: readonly NewEvent[]): ProjectionTest<P> {
  return {
    when: (...more) => given(projection, ...events, ...more),
    async thenDocuments(documents) {
      const { found, failure } = await fold(projection, events);
      if (failure !== undefined) assert.fail(`Projection ${projection.name} cannot fold the events: ${failure}`);
      assert.deepStrictEqual(found, documents);
    },
    async thenFails() {
      const { failure } = await fold(projection, events);
      if (failure === undefined) assert.fail(`Projection ${projection.name} folds the events.`);
      return failure;
    },
  };
}

async function fold(
  projection: Projection,
  events: readonly NewEvent[],
): Promise<{ found: Record<string, unknown>; failure?: string }> {
  const environment = await createTestEnvironment({ definitions: projection.events });
  const { clock, storage } = environment;
  const failure = { retry: { attempts: 1, base: 0 }, afterwards: 'halt' } as const;
  const engine = new ProjectionEngine({ projections: [{ ...projection, failure }], environment });
  try {
    for (const [index, event] of events.entries()) {
      await clock.resolve(environment.events.append(`given-${index}`, [event]));
    }
    await clock.resolve(engine.start());
    await clock.runUntil(() => {
      const { state, lag } = engine.status(projection.name);
      return state === 'failed' || lag === 0;
    });
    const { state, reason } = engine.status(projection.name);
    if (state === 'failed') return { found: {}, failure: reason?.message ?? 'it has failed' };
    const rows = await engine.query(projection.name, { limit: ALL });
    return { found: Object.fromEntries(rows.map(({ key, document }) => [key, document])) };
  } finally {
    await clock.resolve(engine.stop());
    await clock.resolve(storage.close());
  }
}
