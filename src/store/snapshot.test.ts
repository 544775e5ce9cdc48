import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { silentTelemetry } from '../core/index.ts';
import { createTestEnvironment, faultyStorage, type TestEnvironment } from '../testing/index.ts';
import { type AnyDecider, defineDecider, defineEvent, EventStore } from './index.ts';
import type { Snapshot } from './snapshot.ts';

const Counted = defineEvent('Counted', { schema: z.object({ n: z.number() }) });
const Renamed = defineEvent('Renamed', { schema: z.object({ name: z.string() }) });

/** A counter whose state depends on the order of its events; `snapshot` as in `defineDecider`. */
function counter(snapshot?: { every?: number; version?: number } | false) {
  return defineDecider('counter', {
    events: [Counted, Renamed],
    initial: () => ({ sum: 0, name: '', last: null as number | null }),
    evolve: {
      Counted: (state, { data }) => ({ ...state, sum: (state.sum * 3 + data.n) % 1_000_003, last: data.n }),
      Renamed: (state, { data }) => ({ ...state, name: data.name + state.sum }),
    },
    decide: { count: (data: { n: number }) => [Counted(data)] },
    ...(snapshot === undefined ? {} : { snapshot }),
  });
}

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const counted = (count: number) => Array.from({ length: count }, (_, n) => Counted({ n }));

/** A store of events as another process would open it. */
async function openEvents(decider: AnyDecider, storage = environment.storage): Promise<EventStore> {
  const events = new EventStore({ ...environment, storage, deciders: [decider] });
  await settle(events.prepareSnapshots());
  return events;
}

async function snapshotOf(stream: string): Promise<Snapshot | undefined> {
  await environment.clock.settle();
  const body = await environment.storage.documents.get('$snapshots:counter', stream);
  return body === undefined ? undefined : JSON.parse(body);
}

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Counted, Renamed] });
});
afterEach(() => settle(environment.storage.close()));

test('is taken when an append crosses a multiple of 100 events, also by a batch that jumps over it', async () => {
  const events = await openEvents(counter());
  await settle(events.append('counter-1', counted(99)));
  expect(await snapshotOf('counter-1')).toBeUndefined();
  const { ids } = await settle(events.append('counter-1', counted(30)));
  expect(await snapshotOf('counter-1')).toMatchObject({
    stream: 'counter-1',
    decider: 'counter',
    revision: 128,
    position: 129,
    eventId: ids.at(-1),
    state: { last: 29 },
    createdAt: expect.any(Number),
  });
  await settle(events.append('counter-1', counted(70)));
  expect(await snapshotOf('counter-1')).toMatchObject({ revision: 128 });
  await settle(events.execute(counter(), 'counter-1', 'count', { n: 7 }));
  expect(await snapshotOf('counter-1')).toMatchObject({ revision: 199 });
});

test('is what an entity is loaded from, together with the events behind it', async () => {
  const events = await openEvents(counter());
  await settle(events.append('counter-1', counted(120)));
  await environment.clock.settle();
  await settle(events.append('counter-1', counted(5)));
  const loaded = await settle(events.load(counter(), 'counter-1'));
  expect(loaded).toMatchObject({ snapshot: { revision: 119 }, from: 120, to: 124, revision: 124, totalEvents: 125 });
  expect(loaded.events.map(({ revision }) => revision)).toEqual([120, 121, 122, 123, 124]);
  const whole = await settle(events.load(counter(), 'counter-1', { snapshots: false }));
  expect(whole).toMatchObject({ snapshot: undefined, from: 0, totalEvents: 125 });
  expect(whole.state).toEqual(loaded.state);
});

test('is taken of a stream that is found to have more than 1,000 events behind the last one', async () => {
  const quiet = await openEvents(counter(false));
  for (let part = 0; part < 3; part++) await settle(quiet.append('counter-1', counted(500)));
  const events = await openEvents(counter());
  await settle(events.load(counter(), 'counter-1'));
  expect(await snapshotOf('counter-1')).toMatchObject({ revision: 1_499 });
});

test('never changes a state, however a stream came about', async () => {
  const anEvent = fc.oneof(
    fc.record({ n: fc.integer({ min: -9, max: 9 }) }).map(data => Counted(data)),
    fc.record({ name: fc.string({ maxLength: 3 }) }).map(data => Renamed(data)),
  );
  const batches = fc.array(fc.array(anEvent, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 1, max: 9 }), async (parts, every) => {
      const stream = `counter-${run++}`;
      const decider = counter({ every });
      const events = await openEvents(decider);
      for (const part of parts) {
        await settle(events.append(stream, part));
        await environment.clock.settle();
        const { state, revision } = await settle(events.load(decider, stream));
        const whole = await settle(events.load(decider, stream, { snapshots: false }));
        expect({ state, revision }).toEqual({ state: whole.state, revision: whole.revision });
      }
      await settle(events.close());
    }),
    { numRuns: 60 },
  );
});

test('that fails never fails an append: it is logged and counted, and the entity is loaded from its events', async () => {
  const faulty = faultyStorage(environment.storage, batch => (batch.documents === undefined ? undefined : 'refuse'));
  const counts: unknown[] = [];
  const metrics = {
    ...silentTelemetry.metrics,
    counter: ({ name }: { name: string }) => ({
      add: (amount: number, labels?: object) => void counts.push([name, amount, labels]),
    }),
  };
  const logger = { ...silentTelemetry.logger, warn: vi.fn() };
  const telemetry = { ...silentTelemetry, metrics, logger };
  const events = new EventStore({ ...environment, storage: faulty, deciders: [counter()], telemetry });
  const { revision } = await settle(events.append('counter-1', counted(100)));
  expect(revision).toBe(99);
  expect(await snapshotOf('counter-1')).toBeUndefined();
  expect(counts).toContainEqual(['millrace_snapshots_total', 1, { decider: 'counter', outcome: 'failed' }]);
  expect(logger.warn).toHaveBeenCalledWith(
    expect.objectContaining({ decider: 'counter', stream: 'counter-1', err: expect.any(String) }),
    'a snapshot could not be taken',
  );
  const { state, totalEvents } = await settle(events.load(counter(), 'counter-1'));
  expect([state.last, totalEvents]).toEqual([99, 100]);
});

test('that cannot be read costs time and nothing else', async () => {
  const events = await openEvents(counter());
  await settle(events.append('counter-1', counted(100)));
  await environment.clock.settle();
  await settle(
    environment.storage.commit({
      appends: [{ stream: 'counter-1', expected: 'exists', events: [] }],
      documents: [{ collection: '$snapshots:counter', key: 'counter-1', body: '"?"' }],
    }),
  );
  const { state, snapshot } = await settle(events.load(counter(), 'counter-1'));
  expect([state.last, snapshot]).toEqual([99, undefined]);
});

test('is dropped when the rules of its decider are other ones', async () => {
  const first = counter({ every: 10, version: 1 });
  const events = await openEvents(first);
  await settle(events.append('counter-1', counted(10)));
  expect(await snapshotOf('counter-1')).toBeDefined();
  await openEvents(counter({ every: 10, version: 1 }));
  expect(await snapshotOf('counter-1')).toBeDefined();
  await openEvents(counter({ every: 10, version: 2 }));
  expect(await snapshotOf('counter-1')).toBeUndefined();
});

test('is not taken where JSON would change the state', async () => {
  const odd = defineDecider('counter', {
    events: [Counted],
    initial: () => ({ seen: new Set<number>() }),
    evolve: { Counted: ({ seen }, { data }) => ({ seen: new Set([...seen, data.n]) }) },
    decide: {},
  });
  const events = await openEvents(odd);
  await settle(events.append('counter-1', counted(100)));
  expect(await snapshotOf('counter-1')).toBeUndefined();
  expect((await settle(events.load(odd, 'counter-1'))).state.seen.size).toBe(100);
});

test.each([
  [{ every: 0 }, /every 0 events/],
  [{ every: 1.5 }, /every 1.5 events/],
  [{ version: 0 }, /version 0/],
])('refuses options that make no sense: %o', (snapshot, message) => {
  expect(() => counter(snapshot)).toThrow(message);
});

test('is no part of a state at an earlier revision, which is made from the events up to there', async () => {
  const events = await openEvents(counter());
  await settle(events.append('counter-1', counted(500)));
  await settle(events.append('counter-1', counted(600)));
  await environment.clock.settle();
  for (const at of [0, 98, 499, 999, 1_000, 1_099]) {
    const { state, revision, snapshot } = await settle(events.load(counter(), 'counter-1', { at }));
    expect([state.last, revision, snapshot]).toEqual([at < 500 ? at : at - 500, at, undefined]);
  }
  expect((await settle(events.load(counter(), 'counter-1', { at: 5_000 }))).revision).toBe(1_099);
  await expect(settle(events.load(counter(), 'counter-1', { at: -1 }))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});
