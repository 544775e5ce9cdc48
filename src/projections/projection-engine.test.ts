import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { type CommitFault, createTestEnvironment, faultyStorage, VirtualClock } from '../testing/index.ts';
import { defineProjection, type Projection, ProjectionEngine } from './index.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });
const Cleared = defineEvent('Cleared', { schema: z.object({ key: z.string() }) });
const totals = defineProjection('totals', {
  version: 1,
  events: [Added, Cleared],
  key: event => (event.data.key === 'ignored' ? undefined : event.data.key),
  initial: () => ({ count: 0, sum: 0 }),
  evolve: {
    Added: (state, { data }) => {
      if (data.n === 13) throw new Error('13 cannot be added');
      return data.n === 0 ? undefined : { count: state.count + 1, sum: state.sum + data.n };
    },
    Cleared: _ => null,
  },
  indexes: ['sum'],
});

const open: { storage: Storage; clock: VirtualClock }[] = [];
afterEach(async () => {
  for (const { storage, clock } of open.splice(0)) await clock.resolve(storage.close());
});

async function setUp(projection: Projection = totals, wrap = (storage: Storage): Storage => storage) {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  open.push({ storage, clock });
  const environment = await createTestEnvironment({ clock, storage: wrap(storage), definitions: [Added, Cleared] });
  const engine = new ProjectionEngine({ projections: [projection], environment });
  const append = (...events: Parameters<typeof environment.events.append>[1]) =>
    clock.resolve(environment.events.append('s-1', events));
  return { clock, storage, environment, engine, append };
}

test('folds events into documents: changes, leaves and deletes them', async () => {
  const { clock, engine, append } = await setUp();
  await clock.resolve(engine.start());
  await append(
    Added({ key: 'a', n: 1 }),
    Added({ key: 'a', n: 2 }),
    Added({ key: 'b', n: 5 }),
    Added({ key: 'c', n: 0 }),
  );
  const { position } = await append(Cleared({ key: 'b' }), Added({ key: 'ignored', n: 9 }));
  expect(await clock.resolve(engine.get('totals', 'a', { after: position }))).toEqual({ count: 2, sum: 3 });
  expect(await engine.get('totals', 'b')).toBeUndefined();
  expect(await engine.count('totals')).toBe(1);
  await append(Added({ key: 'b', n: 7 }));
  await clock.settle();
  expect(await engine.query('totals', { orderBy: 'sum', direction: 'descending' })).toEqual([
    { key: 'b', document: { count: 1, sum: 7 } },
    { key: 'a', document: { count: 2, sum: 3 } },
  ]);
  await clock.resolve(engine.stop());
});

test('names who is behind when a read cannot be as fresh as was asked', async () => {
  const { clock, engine, append } = await setUp();
  await clock.resolve(engine.start());
  const { position } = await append(Added({ key: 'a', n: 13 }));
  const read = engine.get('totals', 'a', { after: position, timeout: '1s' });
  await expect(clock.resolve(read)).rejects.toMatchObject({
    code: 'READ_MODEL_BEHIND',
    details: {
      readModel: 'totals',
      position: 0,
      wanted: 1,
      state: 'retrying',
      reason: { message: '13 cannot be added' },
    },
  });
  await clock.resolve(engine.stop());
});

test('halts at an event that it cannot fold, says which and why, and keeps what came before', async () => {
  const { clock, engine, append } = await setUp();
  await clock.resolve(engine.start());
  await append(Added({ key: 'a', n: 1 }), Added({ key: 'a', n: 13 }), Added({ key: 'a', n: 2 }));
  await clock.runUntil(() => engine.status('totals').state === 'failed');
  expect(engine.status('totals')).toMatchObject({
    position: 1,
    lag: 2,
    failedAt: 2,
    reason: { message: '13 cannot be added' },
  });
  expect(await engine.get('totals', 'a')).toEqual({ count: 1, sum: 1 });
  await clock.resolve(engine.stop());
});

test('keeps an event as a dead letter and goes on when it is told to', async () => {
  const parking = { ...totals, failure: { retry: { attempts: 2, base: 10 }, afterwards: 'park' as const } };
  const { clock, engine, append, storage } = await setUp(parking);
  await clock.resolve(engine.start());
  await append(Added({ key: 'a', n: 1 }), Added({ key: 'a', n: 13 }), Added({ key: 'a', n: 2 }));
  expect(await clock.resolve(engine.get('totals', 'a', { after: 3 }))).toEqual({ count: 2, sum: 3 });
  const [dead] = await storage.work.list('dead:projection:totals@1', { state: 'parked', limit: 9 });
  expect(dead).toMatchObject({
    error: { message: '13 cannot be added' },
    payload: expect.stringContaining('"position":2'),
  });
  await clock.resolve(engine.stop());
});

test('answers for names that are not there', async () => {
  const { engine } = await setUp();
  await expect(engine.get('nobody', 'a')).rejects.toMatchObject({ code: 'READ_MODEL_NOT_FOUND' });
  expect(() => engine.status('nobody')).toThrow(expect.objectContaining({ code: 'PROJECTION_NOT_FOUND' }));
});

test('holds exactly the fold of the log, whatever happens to its commits', async () => {
  const anEvent = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    n: fc.integer({ min: -3, max: 12 }),
    clear: fc.boolean(),
  });
  const faults = fc.array(fc.constantFrom<CommitFault>('refuse', 'lose-answer', 'crash-before', 'crash-after'), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anEvent, { minLength: 1, maxLength: 40 }), faults, async (history, injected) => {
      const { clock, storage, append } = await setUp();
      const expected = new Map<string, { count: number; sum: number }>();
      for (const { key, n, clear } of history) {
        await append(clear ? Cleared({ key }) : Added({ key, n }));
        const before = expected.get(key) ?? { count: 0, sum: 0 };
        if (clear) expected.delete(key);
        else if (n !== 0) expected.set(key, { count: before.count + 1, sum: before.sum + n });
      }
      const remaining = [...injected];
      for (let crashed = true; crashed; ) {
        const faulty = faultyStorage(storage, batch =>
          batch.cursors?.some(({ processor }) => processor.startsWith('projection:')) ? remaining.shift() : undefined,
        );
        const environment = await createTestEnvironment({ clock, storage: faulty, definitions: [Added, Cleared] });
        const engine = new ProjectionEngine({ projections: [totals], environment });
        await clock.resolve(engine.start());
        await clock.runUntil(() => faulty.crashed || engine.status('totals').position >= history.length);
        crashed = faulty.crashed;
        if (!crashed) {
          const rows = await engine.query('totals', {});
          expect(new Map(rows.map(({ key, document }) => [key, document]))).toEqual(expected);
        }
        await clock.resolve(engine.stop());
      }
    }),
    { numRuns: 40 },
  );
});

test('is stalled while it cannot get past an event, even the first', async () => {
  const failure = { retry: { kind: 'fixed', attempts: Number.POSITIVE_INFINITY, base: '1s' } } as const;
  const { clock, engine, append } = await setUp({ ...totals, failure });
  await append(Added({ key: 'a', n: 13 }));
  await clock.resolve(engine.start());
  await clock.advance(29_000);
  expect(engine.status('totals').state).toBe('running');
  await clock.advance(2_000);
  expect(engine.status('totals')).toMatchObject({ state: 'stalled', advancedAt: null, lag: 1 });
  await clock.resolve(engine.stop());
});

test('is not stalled when an event comes after a long silence', async () => {
  const states: string[] = [];
  const watched = defineProjection('watched', {
    version: 1,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({}),
    evolve: {
      Added: state => {
        states.push(engine.status('watched').state);
        return state;
      },
    },
  });
  const { clock, engine, append } = await setUp(watched);
  await clock.resolve(engine.start());
  await append(Added({ key: 'a', n: 1 }));
  await clock.advance(3_600_000);
  await append(Added({ key: 'a', n: 2 }));
  await clock.settle();
  expect(states).toEqual(['running', 'running']);
  await clock.resolve(engine.stop());
});
