import { expect, test } from 'vitest';
import type { Storage, WorkQueue } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { defineSubscription, parked, SubscriptionEngine } from './index.ts';

/** A storage that counts what is read and written of work. */
function counting(storage: Storage): { storage: Storage; count: () => number } {
  let count = 0;
  const work = new Proxy(storage.work, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as (...values: unknown[]) => unknown;
      return async (...args: unknown[]) => {
        const answer = await member.apply(target, args);
        // A list costs what it shows.
        count += 1 + (Array.isArray(answer) ? answer.length : 0);
        return answer;
      };
    },
  }) as WorkQueue;
  const counted: Storage = Object.create(storage, {
    work: { value: work },
    commit: { value: (batch: Parameters<Storage['commit']>[0]) => storage.commit(batch) },
    watch: { value: (listener: Parameters<Storage['watch']>[0]) => storage.watch(listener) },
  });
  return { storage: counted, count: () => count };
}

/** What it costs to park and to replay so many events of a few keys. */
async function costs(events: number): Promise<{ parking: number; replaying: number }> {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const { storage, count } = counting(environment.storage);
  let broken = true;
  const handled: RecordedEvent[] = [];
  const handle = (event: RecordedEvent): void => {
    if (broken) throw parked('not yet');
    handled.push(event);
  };
  const subscription = defineSubscription('collect', { handle, batchSize: 5 });
  const engine = new SubscriptionEngine({ subscriptions: [subscription], environment: { ...environment, storage } });
  for (let n = 0; n < events; n++) {
    await clock.resolve(environment.events.append(`thing-${n % 7}`, [{ type: 'Happened', data: { n } }]));
  }
  await clock.resolve(engine.start());
  await clock.runUntil(() => engine.processors().every(({ lag }) => lag === 0));
  expect((await clock.resolve(engine.get('collect'))).parked).toBe(events);
  const parking = count();
  broken = false;
  expect(await clock.resolve(engine.replay('collect'))).toBe(events);
  await clock.runUntil(() => handled.length === events);
  await clock.advance(60_000);
  for (const [, ofKey] of Map.groupBy(handled, ({ stream }) => stream)) {
    expect(ofKey.map(({ revision }) => revision)).toEqual([...ofKey.keys()]);
  }
  const replaying = count() - parking;
  await clock.resolve(engine.stop());
  await clock.resolve(environment.storage.close());
  return { parking, replaying };
}

test('parking and replaying cost the same for each event, however many are parked', async () => {
  const [few, many] = [await costs(200), await costs(800)];
  expect(many.parking / few.parking).toBeLessThan(5);
  expect(many.replaying / few.replaying).toBeLessThan(5);
});
