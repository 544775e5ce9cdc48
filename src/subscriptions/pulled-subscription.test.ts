import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { seededRandom } from '../core/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineSubscription, type PulledEvents, SubscriptionEngine } from './index.ts';

const chosenSeed = seed();

type Definition = Parameters<typeof defineSubscription>[1];

function engineOf(environment: TestEnvironment, definition: Definition = {}) {
  const subscription = defineSubscription('work', definition);
  return new SubscriptionEngine({ subscriptions: [subscription], environment });
}

async function append({ events, clock }: TestEnvironment, stream: string, n: number): Promise<void> {
  await clock.resolve(events.append(stream, [{ type: 'Happened', data: { n } }]));
}

function numbers({ events }: { events: readonly RecordedEvent[] }): number[] {
  return events.map(({ data }) => (data as { n: number }).n);
}

/** An engine on a store with some events, and short ways to ask it. */
async function started(definition: Definition, streams: readonly string[]) {
  const environment = await createTestEnvironment();
  const { clock, storage } = environment;
  for (const [n, stream] of streams.entries()) await append(environment, stream, n);
  const engine = engineOf(environment, definition);
  await clock.resolve(engine.start());
  return {
    environment,
    clock,
    engine,
    pull: (options = {}): Promise<PulledEvents> => clock.resolve(engine.pull('work', options)),
    end: async () => {
      await clock.resolve(engine.stop());
      await clock.resolve(storage.close());
    },
  };
}

test('gives each partition to one consumer at a time, and what was acknowledged never again', async () => {
  const { clock, engine, pull, end, environment } = await started({ partitions: 1 }, ['a', 'b', 'a', 'c']);
  const first = await pull({ limit: 2 });
  expect(numbers(first)).toEqual([0, 1]);
  expect(await pull()).toEqual({ lease: null, attempt: 0, events: [] });
  await clock.resolve(engine.acknowledge('work', first.lease as string));
  // Saying it again, because the answer was lost, does no harm.
  await clock.resolve(engine.acknowledge('work', first.lease as string));
  const second = await pull();
  expect(numbers(second)).toEqual([2, 3]);
  const position = second.events[0]?.position as number;
  await clock.resolve(engine.acknowledge('work', second.lease as string, position));
  await clock.advance(60_000);
  const third = await pull();
  expect([numbers(third), third.attempt]).toEqual([[3], 2]);
  await expect(clock.resolve(engine.acknowledge('work', second.lease as string))).rejects.toMatchObject({
    code: 'LEASE_LOST',
  });
  await clock.resolve(engine.acknowledge('work', third.lease as string));
  expect(await clock.resolve(engine.get('work'))).toMatchObject({ delivery: 'pulled', lag: 0, position: 4 });
  const waiting = engine.pull('work', { wait: '10s' });
  await append(environment, 'd', 4);
  expect(numbers(await clock.resolve(waiting))).toEqual([4]);
  await end();
});

test('hides what was pulled until its time is over, which can be extended', async () => {
  const { clock, engine, pull, end } = await started({ partitions: 1 }, ['a']);
  const first = await pull({ visibility: '5s' });
  await clock.advance(4_000);
  await clock.resolve(engine.extend('work', first.lease as string, '5s'));
  await clock.advance(4_000);
  expect((await pull()).lease).toBe(null);
  await clock.advance(2_000);
  const second = await pull();
  expect([numbers(second), second.attempt]).toEqual([[0], 2]);
  await expect(clock.resolve(engine.extend('work', first.lease as string))).rejects.toMatchObject({
    code: 'LEASE_LOST',
  });
  await end();
});

test('gives back an event with those behind it, waits as it is told, and parks it when its tries are used up', async () => {
  const failure = { retry: { kind: 'fixed', attempts: 3, base: '1s' } } as const;
  const { clock, engine, pull, end } = await started({ partitions: 1, failure }, ['a', 'b', 'b', 'a']);
  const first = await pull();
  expect(numbers(first)).toEqual([0, 1, 2, 3]);
  const position = first.events[1]?.position as number;
  const back = (pulled: PulledEvents, options = {}) =>
    clock.resolve(engine.giveBack('work', pulled.lease as string, { reason: 'not now', ...options }));
  expect(await back(first, { position })).toEqual({ parked: false });
  expect((await pull()).lease).toBe(null);
  await clock.advance(1_000);
  // It comes alone: the others are not to suffer for it.
  const second = await pull();
  expect([numbers(second), second.attempt]).toEqual([[1], 2]);
  expect(await back(second, { delay: '10s' })).toEqual({ parked: false });
  await clock.advance(9_000);
  expect((await pull()).lease).toBe(null);
  await clock.advance(1_000);
  expect(await back(await pull())).toEqual({ parked: true });
  const rest = await pull();
  // The other event of its key is parked behind it.
  expect(numbers(rest)).toEqual([3]);
  await clock.resolve(engine.acknowledge('work', rest.lease as string));
  const kept = await clock.resolve(engine.parked('work'));
  expect(kept.map(({ position: at, behind, reason }) => [at, behind, reason?.message])).toEqual([
    [2, null, 'not now'],
    [3, kept[0]?.id, 'An earlier event of b is parked; this one waits behind it.'],
  ]);
  await end();
});

test('parks what was given out as often as it may be and never acknowledged', async () => {
  const failure = { retry: { kind: 'fixed', attempts: 2, base: '1s' } } as const;
  const { clock, engine, pull, end } = await started({ partitions: 1, failure }, ['a', 'b']);
  for (const expected of [[0, 1], [0]]) {
    expect(numbers(await pull())).toEqual(expected);
    await clock.advance(31_000);
  }
  expect(numbers(await pull())).toEqual([1]);
  expect(await clock.resolve(engine.parked('work'))).toMatchObject([
    { position: 1, reason: { message: 'It was pulled 2 times and never acknowledged.' } },
  ]);
  await end();
});

test('replays what was parked, one after another within a key, before it gives out what came later', async () => {
  const { clock, engine, pull, end, environment } = await started({ partitions: 1 }, ['a', 'a', 'b']);
  const first = await pull();
  await clock.resolve(engine.park('work', first.lease as string, { reason: 'no address' }));
  const second = await pull();
  expect(numbers(second)).toEqual([2]);
  await clock.resolve(engine.acknowledge('work', second.lease as string));
  expect(await clock.resolve(engine.replay('work', { limit: 1 }))).toBe(1);
  const third = await pull();
  expect(numbers(third)).toEqual([0]);
  await append(environment, 'a', 3);
  // Its key has parked events still.
  expect((await pull()).lease).toBe(null);
  await clock.resolve(engine.acknowledge('work', third.lease as string));
  const order: number[] = [];
  for (let n = 0; n < 2; n++) {
    const pulled = await pull({ wait: '5s' });
    order.push(...numbers(pulled));
    await clock.resolve(engine.acknowledge('work', pulled.lease as string));
  }
  expect(order).toEqual([1, 3]);
  expect((await clock.resolve(engine.get('work'))).parked).toBe(0);
  await end();
});

test(`consumers that vanish, give back and park lose nothing, and handle each key in order (seed ${chosenSeed})`, async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 10, maxLength: 60 }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    async (partitions, keys, runSeed) => {
      const chance = seededRandom(runSeed);
      const streams = keys.map(key => `key-${key}`);
      const failure = { retry: { kind: 'fixed', attempts: 50, base: '1s' } } as const;
      const { clock, engine, environment, end } = await started({ partitions, failure }, streams.slice(0, 5));
      // Two servers on one store, as on PostgreSQL.
      const servers = [engine, engineOf({ ...environment, owner: 'other' }, { partitions, failure })];
      const handled = new Map<string, number[]>();
      const acknowledged = new Set<number>();
      const held = new Map<string, string>();
      let appended = 5;
      for (let turn = 0; acknowledged.size < keys.length && turn < 3_000; turn++) {
        if (appended < keys.length) await append(environment, streams[appended] as string, appended++);
        const server = servers[chance.uint32() % 2] as SubscriptionEngine;
        const limit = 1 + (chance.uint32() % 4);
        const pulled = await clock.resolve(server.pull('work', { limit, visibility: '2s' }));
        if (pulled.lease === null) {
          await clock.advance(700);
          if (chance.fraction() < 0.1) await clock.resolve(server.replay('work'));
          continue;
        }
        for (const { stream, data } of pulled.events) {
          const { n } = data as { n: number };
          expect(acknowledged.has(n), `${n} was acknowledged`).toBe(false);
          const before = handled.get(stream) ?? [];
          const expected = streams.flatMap((each, index) => (each === stream ? [index] : []));
          const done = expected.filter(index => acknowledged.has(index)).length;
          // The next one of its key that is not done, or, in this very pull, the one behind the one before.
          expect(expected.indexOf(n), `${n} of ${stream}`).toBeLessThanOrEqual(Math.max(done, before.length));
          if (!before.includes(n)) handled.set(stream, [...before, n]);
        }
        const choice = chance.fraction();
        const lease = pulled.lease;
        const at = pulled.events[chance.uint32() % pulled.events.length] as RecordedEvent;
        const acked = (through: number): void => {
          for (const { position, data } of pulled.events) {
            if (position <= through) acknowledged.add((data as { n: number }).n);
          }
        };
        if (choice < 0.15) held.set(lease, 'vanished');
        else if (choice < 0.3) {
          await clock.resolve(server.giveBack('work', lease, { position: at.position }));
          acked(at.position - 1);
        } else if (choice < 0.4) {
          await clock.resolve(server.park('work', lease, { position: at.position }));
          acked(at.position - 1);
        } else if (choice < 0.5) {
          await clock.resolve(server.acknowledge('work', lease, at.position));
          acked(at.position);
          if (at !== pulled.events.at(-1)) await clock.advance(2_500);
        } else {
          await clock.resolve(server.acknowledge('work', lease));
          acked(Number.POSITIVE_INFINITY);
        }
        if (chance.fraction() < 0.05) await clock.resolve(server.replay('work'));
        if (chance.fraction() < 0.1) await clock.advance(2_500);
      }
      expect(acknowledged.size).toBe(keys.length);
      for (const [stream, found] of handled) {
        expect(found).toEqual(streams.flatMap((each, index) => (each === stream ? [index] : [])));
      }
      await end();
    },
  );
  await fc.assert(property, { numRuns: runCount(15, 300), seed: chosenSeed });
});

test('refuses what it cannot do, and says what', async () => {
  const { clock, engine, pull, end } = await started({}, ['a']);
  const { lease } = await pull();
  const refusals: (() => Promise<unknown>)[] = [
    () => engine.pull('work', { limit: 0 }),
    () => engine.pull('work', { visibility: '1ms' }),
    () => engine.pull('work', { wait: '2h' }),
    () => engine.acknowledge('work', 'no lease'),
    () => engine.acknowledge('work', lease as string, 99),
    () => engine.park('work', lease as string, { position: 99 }),
  ];
  for (const refused of refusals) {
    await expect(clock.resolve(refused())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  await expect(engine.pull('none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await end();
});
