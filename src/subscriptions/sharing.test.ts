import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { seededRandom } from '../core/index.ts';
import type { CursorStore, Storage } from '../storage/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineSubscription, SubscriptionEngine } from './index.ts';

const chosenSeed = seed();

/** A process that runs the subscription; `storage` may look at what it asks for. */
function engineOf(environment: TestEnvironment, owner: string, partitions: number, storage = environment.storage) {
  const subscription = defineSubscription('shared', { partitions, handle: () => undefined });
  const random = seededRandom(Number.parseInt(owner, 36));
  return new SubscriptionEngine({
    subscriptions: [subscription],
    environment: { ...environment, owner, random, storage },
  });
}

/** How many partitions each owner holds. */
async function shares({ storage, clock }: TestEnvironment): Promise<Map<string, number[]>> {
  const holders = await clock.resolve(storage.cursors.holders('subscription:shared'));
  const grouped = Map.groupBy(holders, ({ owner }) => owner);
  return new Map([...grouped].map(([owner, held]) => [owner, held.map(({ partition }) => partition)]));
}

function expectFair(found: Map<string, number[]>, members: number, partitions: number): void {
  const sizes = [...found.values()].map(held => held.length);
  expect([...found.values()].flat().sort((one, other) => one - other)).toEqual([...Array(partitions).keys()]);
  expect(found.size).toBe(Math.min(members, partitions));
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
}

test(`processes that come, leave and die share the partitions evenly, and keep what is within their share (seed ${chosenSeed})`, {
  timeout: 300_000,
}, async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 2, max: 24 }),
    fc.array(fc.constantFrom('come', 'come', 'leave', 'die'), { minLength: 2, maxLength: 7 }),
    async (partitions, history) => {
      const environment = await createTestEnvironment();
      const { clock } = environment;
      const running = new Map<string, { engine: SubscriptionEngine; die: () => void }>();
      let started = 0;
      for (const step of ['come', ...history]) {
        const before = await shares(environment);
        const [oldest] = running.keys();
        if (step === 'come') {
          const owner = `process${started++}`;
          let dead = false;
          const storage = mortal(environment.storage, () => dead);
          const engine = engineOf(environment, owner, partitions, storage);
          await clock.resolve(engine.start());
          running.set(owner, { engine, die: () => (dead = true) });
        } else if (oldest !== undefined && running.size > 1) {
          const { engine, die } = running.get(oldest) as { engine: SubscriptionEngine; die: () => void };
          running.delete(oldest);
          if (step === 'die') die();
          else await clock.resolve(engine.stop());
        }
        await clock.advance(40_000);
        const after = await shares(environment);
        expectFair(after, running.size, partitions);
        // Only what is given up or left behind moves: each keeps what is within its share.
        for (const [owner, held] of after) {
          const had = new Set(before.get(owner));
          const kept = held.filter(partition => had.has(partition));
          expect(kept.length).toBe(Math.min(held.length, had.size));
        }
      }
      for (const { engine } of running.values()) await clock.resolve(engine.stop());
      await clock.resolve(environment.storage.close());
    },
  );
  await fc.assert(property, { numRuns: runCount(12, 300), seed: chosenSeed });
});

test('processes that have their share ask for no more, and one too many stands by', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  let asked = 0;
  const counting: Storage = {
    ...members(environment.storage),
    cursors: {
      ...cursorsOf(environment.storage),
      acquire: request => {
        if (request.processor === 'subscription:shared') asked++;
        return environment.storage.cursors.acquire(request);
      },
    },
  };
  const engines = ['a', 'b', 'c', 'd'].map(owner => engineOf(environment, owner, 3, counting));
  for (const engine of engines) await clock.resolve(engine.start());
  await clock.advance(40_000);
  expectFair(await shares(environment), 4, 3);
  asked = 0;
  await clock.advance(600_000);
  expect(asked).toBe(0);
  const [first] = engines as [SubscriptionEngine];
  await clock.resolve(first.stop());
  await clock.advance(20_000);
  expectFair(await shares(environment), 3, 3);
  for (const engine of engines) await clock.resolve(engine.stop());
  await clock.resolve(environment.storage.close());
});

function cursorsOf({ cursors }: Storage): CursorStore {
  return {
    acquire: request => cursors.acquire(request),
    renew: (lease, leaseMs) => cursors.renew(lease, leaseMs),
    release: lease => cursors.release(lease),
    holders: processor => cursors.holders(processor),
    read: processor => cursors.read(processor),
  };
}

function members(storage: Storage): Storage {
  return {
    capabilities: storage.capabilities,
    commit: batch => storage.commit(batch),
    log: storage.log,
    documents: storage.documents,
    cursors: storage.cursors,
    work: storage.work,
    topics: storage.topics,
    audit: storage.audit,
    watch: listener => storage.watch(listener),
    announce: address => storage.announce(address),
    close: async () => undefined,
  };
}

/** A storage whose user may have died: then nothing that it asks for is ever answered. */
function mortal(storage: Storage, isDead: () => boolean): Storage {
  const never = new Promise<never>(() => undefined);
  const { acquire, renew, release, holders, read } = cursorsOf(storage);
  return {
    ...members(storage),
    commit: batch => (isDead() ? never : storage.commit(batch)),
    cursors: {
      acquire: request => (isDead() ? never : acquire(request)),
      renew: (lease, leaseMs) => (isDead() ? never : renew(lease, leaseMs)),
      release: lease => (isDead() ? never : release(lease)),
      holders: processor => (isDead() ? never : holders(processor)),
      read,
    },
  };
}
