import { expect, test } from 'vitest';
import { z } from 'zod';
import { seededRandom } from '../core/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import { createTestEnvironment, faultyStorage, VirtualClock } from '../testing/index.ts';
import { defineSaga, SagaEngine } from './index.ts';

const RUNS = 100;
/** Longer than any lease. */
const FROZEN_MS = 30_000;
const STEP_MS = 250;

interface Services {
  work(key: string, signal: AbortSignal): Promise<string>;
}

const saga = defineSaga<Services>('Job', 1)
  .input(z.object({}))
  .step('one', {
    run: ({ services, context }) => services.work(context.idempotencyKey, context.signal),
    compensate: 'none-needed',
  })
  .step('two', {
    run: ({ services, context }) => services.work(context.idempotencyKey, context.signal),
    compensate: 'none-needed',
  })
  .build();

test(`a process that is frozen beyond its lease and thaws again commits nothing, is told so, and doubles no effect (${RUNS} runs)`, async () => {
  let takenOver = 0;
  let rejected = 0;
  let aborted = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const chance = seededRandom(seed);
    // Time of the one that is frozen stands still while that of the other, and of the store, goes on.
    const frozen = new VirtualClock();
    const clock = new VirtualClock();
    const storage = await openSqlite({ file: ':memory:', clock });
    const effects = new Map<string, number>();
    const keysOf: Record<string, string[]> = { frozen: [], other: [] };
    let told = 0;
    let refusals = 0;
    const engineOf = async (name: 'frozen' | 'other', own: VirtualClock): Promise<SagaEngine> => {
      const watched = faultyStorage(storage, () => undefined);
      const commit: typeof storage.commit = async batch => {
        try {
          return await storage.commit(batch);
        } catch (thrown) {
          const isFenced = ['LEASE_LOST', 'REVISION_CONFLICT'].includes((thrown as { code?: string }).code ?? '');
          if (name === 'frozen' && isFenced) refusals++;
          throw thrown;
        }
      };
      const environment = await createTestEnvironment({
        clock: own,
        storage: { ...watched, commit },
        owner: name,
        seed,
      });
      const services: Services = {
        async work(key, signal) {
          signal.addEventListener('abort', () => void (name === 'frozen' && told++));
          keysOf[name]?.push(key);
          await new Promise<void>(resolve => own.schedule(chance.uint32() % 2_000, resolve));
          // What a participant does that remembers keys.
          if (!effects.has(key)) effects.set(key, 1);
          await new Promise<void>(resolve => own.schedule(chance.uint32() % 2_000, resolve));
          return key;
        },
      };
      return new SagaEngine({ sagas: [saga], services, environment });
    };
    /** Lets time pass for the processes that are given; the store answers whoever asks. */
    const pass = async (clocks: readonly VirtualClock[], ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        for (const each of clocks) await each.advance(Math.min(STEP_MS, ms - passed));
        for (const each of [clock, frozen, clock]) if (each === clock || clocks.includes(each)) await each.settle();
      }
    };
    /** The result of a promise for which both processes are awake. */
    const settled = async <T>(promise: Promise<T>): Promise<T> => {
      let isSettled = false;
      const done = () => {
        isSettled = true;
      };
      promise.then(done, done);
      while (!isSettled) await pass([clock, frozen], STEP_MS);
      return promise;
    };
    const first = await engineOf('frozen', frozen);
    await settled(first.start());
    await settled(first.begin('Job', '1', {}));
    await pass([clock, frozen], chance.uint32() % 2_500);
    // Now it is frozen, and another process goes on.
    const second = await engineOf('other', clock);
    await clock.resolve(second.start());
    await pass([clock], FROZEN_MS);
    const meanwhile = await second.get('Job', '1');
    expect(meanwhile.status, `seed ${seed}`).toBe('COMPLETED');
    await pass([clock, frozen], FROZEN_MS);
    const after = await second.get('Job', '1');
    expect(after, `seed ${seed}`).toEqual(meanwhile);
    expect([...effects], `seed ${seed}`).toEqual([
      ['Job:1:one', 1],
      ['Job:1:two', 1],
    ]);
    // The same step, the same key, in whichever process.
    expect(
      keysOf['frozen']?.every(key => effects.has(key)),
      `seed ${seed}`,
    ).toBe(true);
    await settled(Promise.all([first.stop(), second.stop()]));
    await storage.close();
    if (keysOf['other']?.length === 0) continue;
    takenOver++;
    if (refusals > 0) rejected++;
    if (told > 0) aborted++;
  }
  // Whichever comes first when it thaws: it hears that its lease has ended, or has something to commit.
  expect(rejected + aborted).toBeGreaterThanOrEqual(takenOver);
  expect(takenOver).toBeGreaterThan(RUNS / 2);
  expect(rejected).toBeGreaterThan(0);
  expect(aborted).toBeGreaterThan(0);
});
