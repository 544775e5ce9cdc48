import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { secureBytes } from '../core/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineDecider, defineEvent, EventStore, LocalKeys, type NewEvent } from './index.ts';

const Counted = defineEvent('Counted', { schema: z.object({ n: z.number() }) });
const Renamed = defineEvent('Renamed', { schema: z.object({ name: z.string() }) });
/** A type that nobody could read any more: its older versions have an upcaster that fails. */
const Noted = defineEvent('Noted', {
  schema: z.object({ note: z.string() }),
  version: 2,
  upcast: {
    1: (): { note: string } => {
      throw new Error('this was never meant to be read again');
    },
  },
});
const NotedBefore = defineEvent('Noted', { schema: z.object({ note: z.string() }) });

/** A counter whose state depends on the order of the events that it evolves. Notes are not among them. */
function counter(snapshot?: { every: number } | false) {
  return defineDecider('counter', {
    events: [Counted, Renamed],
    initial: () => ({ sum: 0, name: '' }),
    evolve: {
      Counted: (state, { data }) => ({ ...state, sum: (state.sum * 3 + data.n) % 1_000_003 }),
      Renamed: (state, { data }) => ({ ...state, name: data.name + state.sum }),
    },
    decide: {
      tell: (told: unknown[], state) => {
        told.push(structuredClone(state));
        return [];
      },
      count: (data: { n: number }) => [Counted(data)],
    },
    ...(snapshot === undefined ? {} : { snapshot }),
  });
}

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Counted, Renamed, Noted] });
});
afterEach(() => settle(environment.storage.close()));

test('leaves out what a decider does not evolve, and comes to the same state at the same revision', async () => {
  const anEvent = fc.oneof(
    fc.record({ n: fc.integer({ min: -9, max: 9 }) }).map((data): NewEvent => Counted(data)),
    fc.record({ name: fc.string({ maxLength: 3 }) }).map((data): NewEvent => Renamed(data)),
    { arbitrary: fc.record({ note: fc.string({ maxLength: 3 }) }).map((data): NewEvent => Noted(data)), weight: 3 },
  );
  const batches = fc.array(fc.array(anEvent, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 1, max: 9 }), fc.nat(60), async (parts, every, at) => {
      const stream = `counter-${run++}`;
      const decider = counter({ every });
      const events = new EventStore({ ...environment, deciders: [decider] });
      for (const part of parts) {
        await settle(events.append(stream, part));
        await environment.clock.settle();
        for (const options of [{}, { snapshots: false }, { at }]) {
          const whole = await settle(events.load(decider, stream, options));
          const less = await settle(events.load(decider, stream, { ...options, optimizeForReplay: true }));
          expect({ ...less, events: [], loadedAt: 0, snapshot: null, from: 0 }).toEqual({
            ...whole,
            events: [],
            loadedAt: 0,
            snapshot: null,
            from: 0,
          });
          const { events: allEvents } = await settle(events.load(decider, stream, { ...options, snapshots: false }));
          expect(less.events).toEqual(
            allEvents.filter(({ type, revision }) => type !== 'Noted' && revision >= less.from),
          );
        }
        const told: unknown[] = [];
        await settle(events.execute(decider, stream, 'tell', told));
        expect(told).toEqual([(await settle(events.load(decider, stream, { snapshots: false }))).state]);
      }
      await settle(events.close());
    }),
    { numRuns: 40 },
  );
});

test('neither reads nor upcasts what it leaves out, also for commands and for snapshots', async () => {
  const before = await createTestEnvironment({
    definitions: [Counted, NotedBefore],
    storage: environment.storage,
    clock: environment.clock,
    seed: 2,
  });
  const notes = Array.from({ length: 150 }, (_, n) => [NotedBefore({ note: `${n}` }), Counted({ n })]).flat();
  await settle(before.events.append('counter-1', [...notes, NotedBefore({ note: 'the last one' })]));
  const decider = counter({ every: 100 });
  const events = new EventStore({ ...environment, deciders: [decider] });
  await expect(settle(events.load(decider, 'counter-1'))).rejects.toMatchObject({ code: 'LOAD_FAILED' });
  const loaded = await settle(events.load(decider, 'counter-1', { optimizeForReplay: true }));
  expect(loaded).toMatchObject({ revision: 300, position: 301, totalEvents: 301, to: 300 });
  expect(loaded.events.map(({ type }) => type)).toEqual(Array(150).fill('Counted'));
  const snapshots = new EventStore({ ...environment, deciders: [decider] });
  await settle(snapshots.append('counter-1', [Counted({ n: 1 })]));
  expect((await settle(snapshots.execute(decider, 'counter-1', 'count', { n: 2 }))).revision).toBe(302);
  await settle(snapshots.append('counter-1', Array(97).fill(Counted({ n: 1 }))));
  await environment.clock.settle();
  expect(await environment.storage.documents.get('$snapshots:counter', 'counter-1')).toContain('"revision":399');
});

test('opens nothing of what it leaves out', async () => {
  const Registered = defineEvent('Registered', {
    schema: z.object({ person: z.string(), email: z.string() }),
    sensitive: { subject: data => data.person, fields: ['email'] },
  });
  const keys = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
  const storage = await openSqlite({ file: ':memory:' });
  const { events, keys: ring } = await createTestEnvironment({ definitions: [Counted, Registered], keys, storage });
  const registered = Array.from({ length: 5 }, () => Registered({ person: 'ada', email: 'ada@example.org' }));
  await events.append('counter-1', [Counted({ n: 4 }), ...registered]);
  const loads: number[] = [];
  const load = ring.load.bind(ring);
  ring.load = ids => {
    loads.push([...ids].length);
    return load(ids);
  };
  const { state, revision } = await events.load(counter(), 'counter-1', { optimizeForReplay: true });
  expect([state.sum, revision, loads]).toEqual([4, 5, []]);
  await events.load(counter(), 'counter-1');
  expect(loads.length).toBe(1);
  await storage.close();
});

test('keeps a state in memory up to date where most events are left out', async () => {
  const decider = counter();
  const events = new EventStore({ ...environment, deciders: [decider] });
  const told: unknown[] = [];
  for (let n = 0; n < 6; n++) {
    await settle(events.append('counter-1', [...Array(30).fill(Noted({ note: '' })), Counted({ n })]));
    await settle(events.execute(decider, 'counter-1', 'tell', told));
  }
  const { state } = await settle(events.load(decider, 'counter-1', { snapshots: false }));
  expect(told.at(-1)).toEqual(state);
});
