import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { CHECKPOINT_EVERY_DEFAULT, readByName } from './index.ts';

const chosenSeed = seed();

function read(environment: TestEnvironment, checkpointEvery: number, signal = new AbortController().signal) {
  return readByName({ name: 'audit', filter: {}, startAt: 'beginning', checkpointEvery, signal }, environment);
}

test(`a reader that crashes skips nothing, and repeats at most as many events as its checkpoint may lag (seed ${chosenSeed})`, async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 30 }),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
    async (checkpointEvery, lives) => {
      const environment = await createTestEnvironment();
      const { clock, events } = environment;
      for (let n = 0; n < 120; n++)
        await clock.resolve(events.append(`thing-${n % 5}`, [{ type: 'Happened', data: {} }]));
      let handled = 0;
      for (const takes of lives) {
        const reader = read(environment, checkpointEvery);
        let last = 0;
        for (let taken = 0; taken < takes && last < 120; taken++) {
          const { position } = (await clock.resolve(reader.next())).value as { position: number };
          if (last === 0) {
            expect(position).toBeLessThanOrEqual(handled + 1);
            expect(handled - (position - 1)).toBeLessThan(checkpointEvery);
          } else {
            expect(position).toBe(last + 1);
          }
          last = position;
          // What was taken last does not count as handled: nobody asked for the next one.
          handled = Math.max(handled, last - 1);
        }
        // It is left as a crash leaves it: without a word.
      }
      await clock.resolve(environment.storage.close());
    },
  );
  await fc.assert(property, { numRuns: runCount(25, 500), seed: chosenSeed });
});

test('a reader that leaves keeps what it has handled, and refuses an interval that is none', async () => {
  const environment = await createTestEnvironment();
  const { clock, events, storage } = environment;
  for (let n = 0; n < 10; n++) await clock.resolve(events.append('thing-1', [{ type: 'Happened', data: {} }]));
  const reader = read(environment, CHECKPOINT_EVERY_DEFAULT);
  for (let n = 0; n < 4; n++) await clock.resolve(reader.next());
  await clock.resolve(reader.return());
  expect(await clock.resolve(storage.cursors.read('subscription:audit'))).toMatchObject([{ checkpoint: '3' }]);
  await expect(read(environment, 0).next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await clock.resolve(storage.close());
});
