import { expect, test } from 'vitest';
import { createTestEnvironment } from '../testing/index.ts';
import { Processor } from './index.ts';

test('handles every wanted event once, in order, from catching up to live', async () => {
  const environment = await createTestEnvironment();
  const { events, clock, storage } = environment;
  const append = (n: number) =>
    clock.resolve(events.append(`order-${n % 7}`, [{ type: n % 3 ? 'Wanted' : 'Other', data: { n } }]));
  for (let n = 0; n < 1200; n++) await append(n);
  const seen: number[] = [];
  const processor = new Processor(
    {
      name: 'collect',
      types: ['Wanted'],
      handler: {
        handle: page => {
          for (const event of page) seen.push((event.data as { n: number }).n);
          return undefined;
        },
      },
    },
    environment,
  );
  processor.start();
  await clock.runUntil(() => processor.status().position === 1200);
  await append(1201);
  await clock.runUntil(() => processor.status().lag === 0);
  await clock.resolve(processor.stop());
  expect(seen).toEqual([...Array(1200).keys()].filter(n => n % 3 > 0).concat(1201));
  expect(processor.status().state).toBe('stopped');
  await clock.resolve(storage.close());
});
