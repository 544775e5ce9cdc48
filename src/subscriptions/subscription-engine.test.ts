import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineSubscription, parked, SubscriptionEngine } from './index.ts';

const chosenSeed = seed();

type Definition = Parameters<typeof defineSubscription>[1];

function numberOf({ data }: RecordedEvent): number {
  return (data as { n: number }).n;
}

function append({ events, clock }: TestEnvironment, n: number, stream = `order-${n % 3}`) {
  return clock.resolve(events.append(stream, [{ type: 'Happened', data: { n }, tags: [`n:${n % 2}`] }]));
}

/** An engine with one subscription that collects the numbers of events. */
function collecting(environment: TestEnvironment, definition: Partial<Definition> = {}) {
  const seen: number[] = [];
  const handle = (event: RecordedEvent): void => void seen.push(numberOf(event));
  const subscription = defineSubscription('collect', { handle, ...definition });
  return { engine: new SubscriptionEngine({ subscriptions: [subscription], environment }), seen };
}

async function handledAll({ clock }: TestEnvironment, engine: SubscriptionEngine): Promise<void> {
  await clock.runUntil(() => engine.processors().every(({ lag, state }) => lag === 0 && state === 'live'));
}

async function end({ clock, storage }: TestEnvironment, ...engines: SubscriptionEngine[]): Promise<void> {
  for (const engine of engines) await clock.resolve(engine.stop());
  await clock.resolve(storage.close());
}

test('handles what is there, then what comes, and goes on behind its checkpoint', async () => {
  const environment = await createTestEnvironment();
  for (let n = 0; n < 250; n++) await append(environment, n);
  const first = collecting(environment);
  await environment.clock.resolve(first.engine.start());
  await handledAll(environment, first.engine);
  await append(environment, 250);
  await handledAll(environment, first.engine);
  await environment.clock.resolve(first.engine.stop());
  for (let n = 251; n < 260; n++) await append(environment, n);
  const second = collecting(environment);
  await environment.clock.resolve(second.engine.start());
  await handledAll(environment, second.engine);
  expect(first.seen).toEqual([...Array(251).keys()]);
  expect(second.seen).toEqual([251, 252, 253, 254, 255, 256, 257, 258, 259]);
  await end(environment, second.engine);
});

test('begins at the end, behind a position, or at a time, and takes the events of a filter', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const times: number[] = [];
  for (let n = 0; n < 6; n++) {
    times.push(clock.now());
    await append(environment, n);
    await clock.advance(1_000);
  }
  const starts = ['end', { position: 4 }, { time: (times[3] as number) - 500 }] as const;
  const engines = starts.map((startAt, index) => {
    const seen: number[] = [];
    const handle = (event: RecordedEvent): void => void seen.push(numberOf(event));
    const subscription = defineSubscription(`from-${index}`, { startAt, handle, filter: { tags: ['n:1'] } });
    return { seen, engine: new SubscriptionEngine({ subscriptions: [subscription], environment }) };
  });
  for (const { engine } of engines) await clock.resolve(engine.start());
  for (const { engine } of engines) await handledAll(environment, engine);
  await append(environment, 7);
  await append(environment, 8);
  for (const { engine } of engines) await handledAll(environment, engine);
  expect(engines.map(({ seen }) => seen)).toEqual([[7], [5, 7], [3, 5, 7]]);
  await end(environment, ...engines.map(({ engine }) => engine));
});

test('parks what is given up and what comes behind it under its key, and replays all of it in order', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  let broken = true;
  const seen: number[] = [];
  const handle = (event: RecordedEvent): void => {
    if (broken && numberOf(event) === 1) throw parked('there is no such customer');
    seen.push(numberOf(event));
  };
  const { engine } = collecting(environment, { handle });
  for (let n = 0; n < 6; n++) await append(environment, n);
  await clock.resolve(engine.start());
  await handledAll(environment, engine);
  await append(environment, 7);
  await handledAll(environment, engine);
  expect(seen).toEqual([0, 2, 3, 5]);
  const kept = await clock.resolve(engine.parked('collect'));
  expect(kept.map(({ position, behind, reason }) => [position, behind, reason?.message])).toEqual([
    [2, null, 'there is no such customer'],
    [5, kept[0]?.id, 'An earlier event of order-1 is parked; this one waits behind it.'],
    [7, kept[1]?.id, 'An earlier event of order-1 is parked; this one waits behind it.'],
  ]);

  // What fails again is parked again, and nothing behind it is let through.
  expect(await clock.resolve(engine.replay('collect'))).toBe(3);
  await clock.advance(20_000);
  expect(seen).toEqual([0, 2, 3, 5]);
  expect(await clock.resolve(engine.parked('collect'))).toHaveLength(3);

  broken = false;
  expect(await clock.resolve(engine.replay('collect', { limit: 1 }))).toBe(1);
  await clock.runUntil(() => seen.length === 7);
  expect(seen).toEqual([0, 2, 3, 5, 1, 4, 7]);
  await append(environment, 10);
  await handledAll(environment, engine);
  expect(seen.at(-1)).toBe(10);
  expect((await clock.resolve(engine.get('collect'))).parked).toBe(0);
  await end(environment, engine);
});

test('calls a function again only for the event that it threw at', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const calls: number[] = [];
  const handle = (event: RecordedEvent): void => {
    calls.push(numberOf(event));
    if (numberOf(event) === 2 && calls.filter(n => n === 2).length < 3) throw new Error('not now');
  };
  for (let n = 0; n < 4; n++) await append(environment, n);
  const { engine } = collecting(environment, { handle });
  await clock.resolve(engine.start());
  await handledAll(environment, engine);
  expect(calls).toEqual([0, 1, 2, 2, 2, 3]);
  await end(environment, engine);
});

test(`two processes share the partitions, and each key is handled in order whichever of them ends (seed ${chosenSeed})`, async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 10, maxLength: 60 }),
    fc.integer({ min: 0, max: 9 }),
    async (partitions, keys, endsAfter) => {
      const environment = await createTestEnvironment();
      const { clock } = environment;
      const seen = new Map<string, number[]>();
      const engines = ['one', 'other'].map(owner => {
        const handle = (event: RecordedEvent): void =>
          void seen.set(event.stream, [...(seen.get(event.stream) ?? []), numberOf(event)]);
        const subscription = defineSubscription('shared', { partitions, batchSize: 3, handle });
        return new SubscriptionEngine({ subscriptions: [subscription], environment: { ...environment, owner } });
      });
      const [one, other] = engines as [SubscriptionEngine, SubscriptionEngine];
      for (const engine of engines) await clock.resolve(engine.start());
      for (const [n, key] of keys.entries()) {
        await append(environment, n, `thing-${key}`);
        if (n === endsAfter) await clock.resolve(one.stop());
      }
      await handledAll(environment, other);
      const expected = Map.groupBy(keys.keys(), n => `thing-${keys[n]}`);
      expect(new Map([...seen].sort())).toEqual(new Map([...expected].sort()));
      await end(environment, other);
    },
  );
  await fc.assert(property, { numRuns: runCount(25, 500), seed: chosenSeed });
});

test.each([
  [{ partitions: 0 }, 'INVALID_DEFINITION'],
  [{ batchSize: 1.5 }, 'INVALID_DEFINITION'],
  [{ startAt: { position: -1 } }, 'INVALID_ARGUMENT'],
])('refuses %o', (definition, code) => {
  expect(() => defineSubscription('refused', { handle: () => undefined, ...definition })).toThrow(
    expect.objectContaining({ code }),
  );
});
