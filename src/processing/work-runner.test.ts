import { afterEach, expect, test } from 'vitest';
import { isMillraceError, MillraceError, sleep } from '../core/index.ts';
import type { ClaimedWork, WorkQueue } from '../storage/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { WorkRunner, type WorkRunnerDefinition } from './index.ts';

const LEASE_MS = 9_000;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function surroundings(): Promise<TestEnvironment> {
  const environment = await createTestEnvironment();
  ends.push(() => environment.clock.resolve(environment.storage.close()));
  return environment;
}

/** The same surroundings, but that some verbs of the queue do something else. */
function withQueue(environment: TestEnvironment, verbs: Partial<WorkQueue>): TestEnvironment {
  const { work } = environment.storage;
  const changed = new Proxy(work, {
    get: (target, name) => verbs[name as keyof WorkQueue] ?? bound(target, name),
  });
  const storage = new Proxy(environment.storage, {
    get: (target, name) => (name === 'work' ? changed : bound(target, name)),
  });
  return { ...environment, storage };
}

function bound(target: object, name: string | symbol): unknown {
  const member = Reflect.get(target, name, target) as unknown;
  return typeof member === 'function' ? member.bind(target) : member;
}

function enqueue({ storage, clock }: TestEnvironment, keys: readonly (string | number)[], dueAt = 0) {
  const work = keys.map(key => ({ op: 'enqueue', queue: 'q', key: String(key), payload: '{}', dueAt }) as const);
  return clock.resolve(storage.commit({ work }));
}

async function working(environment: TestEnvironment, definition: Partial<WorkRunnerDefinition>): Promise<WorkRunner> {
  const { storage } = environment;
  const runner = new WorkRunner(
    { queue: 'q', concurrency: 4, leaseMs: LEASE_MS, run: item => completed(storage, item), ...definition },
    environment,
  );
  runner.start();
  ends.unshift(() => environment.clock.resolve(runner.stop()));
  return runner;
}

async function completed(storage: TestEnvironment['storage'], { queue, key, fence }: ClaimedWork): Promise<void> {
  await storage.commit({ work: [{ op: 'complete', queue, key, fence }] });
}

/** Ends as soon as it is told to by the signal. */
function obedient({ clock }: TestEnvironment): (item: ClaimedWork, signal: AbortSignal) => Promise<void> {
  return (_item, signal) => sleep(clock, 3_600_000, signal);
}

test('works off a queue that is longer than it may work on at once, never on more, each item once', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, [...Array(50).keys()]);
  const done: string[] = [];
  let active = 0;
  let most = 0;
  await working(environment, {
    async run(item) {
      most = Math.max(most, ++active);
      await sleep(clock, 10 + (Number(item.key) % 3) * 20);
      active--;
      done.push(item.key);
      await completed(storage, item);
    },
  });
  await clock.runUntil(async () => (await storage.work.counts('q')).ready === 0);
  expect(most).toBe(4);
  expect(done.map(Number).toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
});

test('takes what is due when it is due, and what comes in at once', async () => {
  const environment = await surroundings();
  const { clock } = environment;
  const started: [string, number][] = [];
  const from = clock.now();
  await enqueue(environment, ['later'], from + 60_000);
  await enqueue(environment, ['soon'], from + 1_234);
  await working(environment, {
    async run(item) {
      started.push([item.key, clock.now() - from]);
      await completed(environment.storage, item);
    },
  });
  await clock.advance(2_000);
  await enqueue(environment, ['at once']);
  await clock.advance(60_000);
  expect(started).toEqual([
    ['soon', 1_234],
    ['at once', 2_000],
    ['later', 60_000],
  ]);
});

test('leaves the end of an item to the work: done, due again, or parked', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, ['done', 'again', 'parked']);
  const error = { code: 'DELIVERY_FAILED', message: 'no answer' } as const;
  const runs: string[] = [];
  const dueAt = clock.now() + 30_000;
  await working(environment, {
    async run(item) {
      const { queue, key, fence } = item;
      runs.push(key);
      if (key === 'done' || item.attempts > 0) return completed(storage, item);
      const write = key === 'again' ? ({ op: 'retry', dueAt, error } as const) : ({ op: 'park', error } as const);
      await storage.commit({ work: [{ ...write, queue, key, fence }] });
    },
  });
  await clock.advance(29_999);
  expect(runs).toEqual(['done', 'again', 'parked']);
  await clock.advance(1);
  expect(runs).toEqual(['done', 'again', 'parked', 'again']);
  expect(await storage.work.counts('q')).toEqual({ ready: 0, parked: 1, done: 0 });
  expect(await storage.work.get('q', 'parked')).toMatchObject({ state: 'parked', error });
});

test('gives an item back when its work throws, after longer and longer pauses, and holds up no other item', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  const tries: number[] = [];
  await enqueue(environment, ['stuck']);
  await working(environment, {
    async run(item) {
      if (item.key !== 'stuck') return completed(storage, item);
      tries.push(clock.monotonic());
      if (tries.length < 6) throw new MillraceError('STORAGE_FULL', 'The disk is full.');
      await completed(storage, item);
    },
  });
  await clock.runUntil(() => tries.length === 1);
  await enqueue(environment, [1, 2, 3]);
  await clock.settle();
  expect((await storage.work.counts('q')).ready, 'the others are done, and the stuck one waits').toBe(1);
  await clock.runUntil(async () => (await storage.work.counts('q')).ready === 0);
  const pauses = tries.slice(1).map((at, index) => at - (tries[index] as number));
  expect(pauses).toHaveLength(5);
  for (const [index, pause] of pauses.entries()) expect(pause).toBeLessThanOrEqual(50 * 2 ** index);
  expect((await storage.work.get('q', 'stuck'))?.attempts, 'a storage that is away is no try').toBeUndefined();
});

test('goes on claiming once a storage that was away is back', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, ['a']);
  let refusals = 3;
  const claim: WorkQueue['claim'] = async request => {
    if (refusals-- > 0) throw new MillraceError('STORAGE_UNAVAILABLE', 'It is away.');
    return storage.work.claim(request);
  };
  await working(withQueue(environment, { claim }), {});
  await clock.runUntil(async () => (await storage.work.counts('q')).ready === 0);
  expect(refusals).toBeLessThan(0);
});

test('holds on to work that takes longer than a lease', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, ['long']);
  let runs = 0;
  const outcomes: unknown[] = [];
  await working(environment, {
    async run(item, signal) {
      runs++;
      await sleep(clock, LEASE_MS * 5, signal);
      outcomes.push(await completed(storage, item).catch(thrown => thrown));
    },
  });
  const rival = { queue: 'q', limit: 1, owner: 'rival', leaseMs: LEASE_MS };
  for (let turn = 0; turn < 10; turn++) {
    await clock.advance(LEASE_MS / 2 - 1);
    expect(await storage.work.claim(rival)).toEqual([]);
  }
  await clock.advance(LEASE_MS);
  expect([runs, outcomes]).toEqual([1, [undefined]]);
});

test('aborts the work on an item that was taken away, and what it still writes is refused', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, ['a']);
  let aborted = false;
  let refusal: unknown;
  const runner = await working(environment, {
    async run(item, signal) {
      await sleep(clock, 3_600_000, signal);
      aborted = signal.aborted;
      refusal = await completed(storage, item).catch(thrown => thrown);
    },
  });
  await clock.settle();
  expect(runner.active).toBe(1);
  await clock.resolve(storage.commit({ work: [{ op: 'cancel', queue: 'q', key: 'a' }] }));
  await clock.advance(LEASE_MS / 3);
  expect(aborted).toBe(true);
  expect(isMillraceError(refusal, 'LEASE_LOST')).toBe(true);
  expect(runner.active).toBe(0);
});

test('aborts work whose lease could not be extended, before anybody else may take it over', async () => {
  const environment = await surroundings();
  const { clock } = environment;
  await enqueue(environment, ['a']);
  const renew: WorkQueue['renew'] = async () => {
    throw new MillraceError('STORAGE_UNAVAILABLE', 'It is away.');
  };
  const began = clock.monotonic();
  let abortedAfter = Number.POSITIVE_INFINITY;
  await working(withQueue(environment, { renew }), {
    async run(_item, signal) {
      await sleep(clock, 3_600_000, signal);
      abortedAfter = Math.min(abortedAfter, clock.monotonic() - began);
    },
  });
  await clock.runUntil(() => Number.isFinite(abortedAfter));
  expect(abortedAfter).toBeGreaterThanOrEqual(LEASE_MS / 3);
  expect(abortedAfter).toBeLessThan(LEASE_MS);
});

test('aborts work in time even when extending its lease hangs', async () => {
  const environment = await surroundings();
  const { clock } = environment;
  await enqueue(environment, ['a']);
  const began = clock.monotonic();
  let abortedAfter = Number.POSITIVE_INFINITY;
  await working(withQueue(environment, { renew: () => new Promise(() => undefined) }), {
    async run(_item, signal) {
      await sleep(clock, 3_600_000, signal);
      abortedAfter = Math.min(abortedAfter, clock.monotonic() - began);
    },
  });
  await clock.advance(LEASE_MS);
  expect(abortedAfter).toBeLessThan(LEASE_MS);
});

test('lets work finish when it stops, claims no more, and leaves the rest in the queue', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, [1, 2, 3, 4, 5, 6]);
  const runner = await working(environment, {
    async run(item) {
      await sleep(clock, 5_000);
      await completed(storage, item);
    },
  });
  await clock.settle();
  const began = clock.monotonic();
  await clock.resolve(runner.stop());
  expect(clock.monotonic() - began).toBe(5_000);
  expect(await storage.work.counts('q')).toMatchObject({ ready: 2 });
  expect(runner.active).toBe(0);
});

test('aborts what has not finished within the grace, and gives it back at once', async () => {
  const environment = await surroundings();
  const { clock, storage } = environment;
  await enqueue(environment, [1]);
  const runner = await working(environment, { run: obedient(environment) });
  await clock.settle();
  const began = clock.monotonic();
  await clock.resolve(runner.stop(1_000));
  expect(clock.monotonic() - began).toBe(1_000);
  expect(await storage.work.claim({ queue: 'q', limit: 1, owner: 'next', leaseMs: 1 })).toHaveLength(1);
});
