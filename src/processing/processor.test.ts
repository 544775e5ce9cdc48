import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { seededRandom } from '../core/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment, faultyStorage, type TestEnvironment, VirtualClock } from '../testing/index.ts';
import { Processor, type ProcessorDefinition } from './index.ts';

const chosenSeed = seed();

function append({ events, clock }: TestEnvironment, n: number, type = 'Wanted') {
  return clock.resolve(events.append(`order-${n % 7}`, [{ type, data: { n } }]));
}

function enqueued(key: string, payload: string) {
  return { op: 'enqueue', queue: 'handled', key, payload, dueAt: 0 } as const;
}

function numberOf(event: RecordedEvent): number {
  return (event.data as { n: number }).n;
}

/** A processor of `Wanted` events that collects their numbers; a number for which `poison` says so cannot be handled. */
function collecting(
  environment: TestEnvironment,
  options: Partial<ProcessorDefinition> & { poison?: (n: number) => boolean } = {},
) {
  const { poison = () => false, ...definition } = options;
  const seen: number[] = [];
  const tries: { n: number; at: number }[] = [];
  const handle = (page: readonly RecordedEvent[]) => {
    for (const n of page.map(numberOf)) {
      if (page.length === 1) tries.push({ n, at: environment.clock.monotonic() });
      if (poison(n)) throw new Error(`${n} is poison`);
    }
    pending = page.map(numberOf);
    return undefined;
  };
  let pending: number[] = [];
  const handler = { handle, committed: () => void seen.push(...pending) };
  const processor = new Processor({ name: 'collect', types: ['Wanted'], handler, ...definition }, environment);
  return { processor, seen, tries };
}

async function end({ clock, storage }: TestEnvironment, processor: Processor): Promise<void> {
  await clock.resolve(processor.stop());
  await clock.resolve(storage.close());
}

test('handles every wanted event once, in order, from catching up to live', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  for (let n = 0; n < 1200; n++) await append(environment, n, n % 3 ? 'Wanted' : 'Other');
  const { processor, seen } = collecting(environment);
  await clock.resolve(processor.start());
  await clock.runUntil(() => processor.status().position === 1200);
  await append(environment, 1201);
  await clock.runUntil(() => processor.status().lag === 0);
  await end(environment, processor);
  expect(seen).toEqual([...Array(1200).keys()].filter(n => n % 3 > 0).concat(1201));
  expect(processor.status().state).toBe('stopped');
});

test(`skips and repeats nothing, however appends, restarts and faults fall into its way (seed ${chosenSeed})`, async () => {
  const turn = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 9 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3_000 }) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  );
  const turns = fc.array(turn, { minLength: 5, maxLength: 40 });
  const property = fc.asyncProperty(
    turns,
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    async (history, batchSize, runSeed) => {
      const chance = seededRandom(runSeed);
      const clock = new VirtualClock({ random: seededRandom(runSeed + 1) });
      const plain = await createTestEnvironment({ clock });
      const faults = ['refuse', 'lose-answer'] as const;
      const storage = faultyStorage(plain.storage, ({ cursors }) =>
        cursors === undefined || chance.fraction() > 0.2 ? undefined : faults[chance.uint32() % 2],
      );
      const environment = { ...plain, storage };
      const appending: Promise<unknown>[] = [];
      const stored: number[] = [];
      // What is handled goes to a queue, in the commit that moves the cursor.
      const handle = (page: readonly RecordedEvent[]) => ({
        work: page.map(({ id, data }) => enqueued(id, JSON.stringify(data))),
      });
      const start = async (): Promise<Processor> => {
        const definition = { name: 'copy', types: ['Wanted'], handler: { handle }, batchSize };
        const processor = new Processor(definition, environment);
        await clock.resolve(processor.start());
        return processor;
      };
      let running = await start();
      for (const step of history) {
        if (step.kind === 'pass') await clock.advance(step.ms);
        for (let n = 0; step.kind === 'append' && n < step.count; n++) {
          const type = chance.fraction() < 0.7 ? 'Wanted' : 'Other';
          if (type === 'Wanted') stored.push(appending.length);
          // Not waited for, so that the processor is in the middle of whatever it does.
          appending.push(plain.events.append(`order-${n}`, [{ type, data: { n: appending.length } }]));
        }
        if (step.kind === 'restart') {
          await clock.resolve(running.stop());
          running = await start();
        }
      }
      await clock.resolve(Promise.all(appending));
      expect(await clock.resolve(running.reached(appending.length, 3_600_000))).toBe(true);
      const handled = await storage.work.list('handled', { state: 'ready', limit: 1_000 });
      expect(handled.map(({ payload }) => (JSON.parse(payload) as { n: number }).n)).toEqual(stored);
      await clock.resolve(running.stop());
      await clock.resolve(plain.storage.close());
    },
  );
  await fc.assert(property, { numRuns: runCount(40, 2_000), seed: chosenSeed });
});

test('is live once it has come to the end of the log, also when events keep coming', async () => {
  const environment = await createTestEnvironment();
  const { clock, events } = environment;
  for (let n = 0; n < 12; n++) await append(environment, n);
  const states: string[] = [];
  let next = 12;
  const handler = {
    // While a page is handled the next event is appended, so that no page is ever empty.
    handle: async () => {
      states.push(processor.status().state);
      if (next < 20) await events.append('order-1', [{ type: 'Wanted', data: { n: next++ } }]);
      return undefined;
    },
  };
  const processor = new Processor({ name: 'busy', types: ['Wanted'], handler, batchSize: 5 }, environment);
  await clock.resolve(processor.start());
  await clock.runUntil(() => processor.status().position === 20);
  expect(states).toEqual([...Array(3).fill('catching-up'), ...Array(states.length - 3).fill('live')]);
  expect(states.length).toBeGreaterThan(5);
  await end(environment, processor);
});

test('tries an event that fails as its policy says, and holds up no event before it', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  for (let n = 0; n < 10; n++) await append(environment, n);
  let healthy = false;
  const { processor, seen, tries } = collecting(environment, {
    poison: n => n === 4 && !healthy,
    failure: { retry: { kind: 'exponential', attempts: 5, base: 100 } },
  });
  await clock.resolve(processor.start());
  await clock.runUntil(() => tries.filter(({ n }) => n === 4).length === 4);
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(processor.status()).toMatchObject({
    state: 'retrying',
    position: 4,
    failedAt: 5,
    reason: { code: 'PROCESSOR_FAILED', message: '4 is poison' },
  });
  const failed = tries.filter(({ n }) => n === 4).map(({ at }) => at);
  expect(failed.map((at, index) => at - (failed[index - 1] ?? at))).toEqual([0, 100, 200, 400]);
  healthy = true;
  await clock.runUntil(() => processor.status().lag === 0);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await clock.runUntil(() => processor.status().state === 'live');
  expect(processor.status()).toMatchObject({ reason: null, failedAt: null });
  await end(environment, processor);
});

test('halts at an event that fails for good, and goes on there once it is started anew', async () => {
  const environment = await createTestEnvironment();
  const { clock, storage } = environment;
  for (let n = 0; n < 6; n++) await append(environment, n);
  const failing = collecting(environment, { poison: n => n === 3, failure: { retry: { attempts: 2, base: 10 } } });
  await clock.resolve(failing.processor.start());
  await clock.runUntil(() => failing.processor.status().state === 'failed');
  expect(failing.seen).toEqual([0, 1, 2]);
  expect(failing.processor.status()).toMatchObject({ position: 3, lag: 3, failedAt: 4 });
  expect(await clock.resolve(failing.processor.reached(6, 60_000))).toBe(false);
  expect((await storage.work.counts('dead:collect')).parked).toBe(0);
  await append(environment, 6);
  expect(failing.processor.status()).toMatchObject({ position: 3, lag: 4 });
  await clock.resolve(failing.processor.stop());
  const mended = collecting(environment);
  await clock.resolve(mended.processor.start());
  expect(await clock.resolve(mended.processor.reached(7, 60_000))).toBe(true);
  expect(mended.seen).toEqual([3, 4, 5, 6]);
  await end(environment, mended.processor);
});

test('parks an event that fails for good where the policy says so, with its reason, and goes on', async () => {
  const environment = await createTestEnvironment();
  const { clock, storage } = environment;
  for (let n = 0; n < 6; n++) await append(environment, n);
  const { processor, seen } = collecting(environment, {
    poison: n => n === 1 || n === 4,
    failure: { retry: { attempts: 2, base: 10 }, afterwards: 'park' },
  });
  await clock.resolve(processor.start());
  await clock.runUntil(() => processor.status().lag === 0);
  expect(seen).toEqual([0, 2, 3, 5]);
  const parked = await storage.work.list('dead:collect', { state: 'parked', limit: 10 });
  expect(parked.map(({ payload, error }) => [JSON.parse(payload), error?.message])).toEqual([
    [{ position: 2, type: 'Wanted', stream: 'order-1' }, '1 is poison'],
    [{ position: 5, type: 'Wanted', stream: 'order-4' }, '4 is poison'],
  ]);
  await end(environment, processor);
});

test.each(['refuse', 'lose-answer'] as const)(
  'takes a storage that is away (%s) for no fault of the event',
  async fault => {
    const plain = await createTestEnvironment();
    const { clock } = plain;
    let away = true;
    const storage = faultyStorage(plain.storage, ({ cursors }) => (cursors && away ? fault : undefined));
    const environment = { ...plain, storage };
    for (let n = 0; n < 3; n++) await append(environment, n);
    const { processor } = collecting(environment, { failure: { retry: { attempts: 1, base: 1 } } });
    await clock.resolve(processor.start());
    await clock.runUntil(() => processor.status().state === 'retrying');
    expect(processor.status()).toMatchObject({ reason: { code: 'STORAGE_UNAVAILABLE' }, failedAt: null });
    if (fault === 'refuse') await clock.advance(60_000);
    away = false;
    expect(await clock.resolve(processor.reached(3, 60_000))).toBe(true);
    await clock.runUntil(() => processor.status().state === 'live');
    expect(processor.status()).toMatchObject({ lag: 0, reason: null });
    await end(environment, processor);
  },
);

test('never says that it lags less than it does, not even before it has read anything', async () => {
  const environment = await createTestEnvironment();
  const { clock, storage } = environment;
  for (let n = 0; n < 10; n++) await append(environment, n);
  const other = { processor: 'collect', partitions: [0], owner: 'another process', leaseMs: 20_000 };
  await storage.cursors.acquire(other);
  const { processor, seen } = collecting(environment);
  await clock.resolve(processor.start());
  expect(processor.status()).toMatchObject({ state: 'standby', position: 0, head: 10, lag: 10 });
  await append(environment, 10);
  expect(processor.status()).toMatchObject({ state: 'standby', lag: 11 });
  await clock.runUntil(() => processor.status().lag === 0);
  expect(seen).toHaveLength(11);
  await end(environment, processor);
});

test('begins at the end of the log when it is told to, and from its checkpoint afterwards', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  await append(environment, 0);
  const first = collecting(environment, { startAt: 'end' });
  await clock.resolve(first.processor.start());
  await clock.runUntil(() => first.processor.status().state === 'live');
  await append(environment, 1);
  await clock.runUntil(() => first.seen.length === 1);
  await clock.resolve(first.processor.stop());
  await append(environment, 2);
  const second = collecting(environment, { startAt: 'end' });
  await clock.resolve(second.processor.start());
  await clock.runUntil(() => second.processor.status().lag === 0);
  expect([first.seen, second.seen]).toEqual([[1], [2]]);
  await end(environment, second.processor);
});
