import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineProjection } from '../projections/index.ts';
import { defineEvent } from '../store/index.ts';
import { given } from './projection-test.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });
const Cleared = defineEvent('Cleared', { schema: z.object({ key: z.string() }) });
const sums = defineProjection('sums', {
  version: 1,
  events: [Added, Cleared],
  key: event => event.data.key,
  initial: () => ({ sum: 0 }),
  evolve: {
    Added: ({ sum }, { data }) => {
      if (data.n === 13) throw new Error('13 cannot be added');
      return { sum: sum + data.n };
    },
    Cleared: () => null,
  },
});

test('passes when the documents are what the events lead to', async () => {
  await given(sums).thenDocuments({});
  await given(sums, Added({ key: 'a', n: 1 }), Added({ key: 'b', n: 5 }))
    .when(Added({ key: 'a', n: 2 }), Cleared({ key: 'b' }))
    .thenDocuments({ a: { sum: 3 } });
});

test('fails when a document is missing, left over or other than expected, and says how', async () => {
  const one = given(sums, Added({ key: 'a', n: 1 }));
  await expect(one.thenDocuments({})).rejects.toThrow();
  await expect(one.thenDocuments({ a: { sum: 2 } })).rejects.toThrow(/sum: 2/);
  await expect(one.thenDocuments({ a: { sum: 1 }, b: { sum: 1 } })).rejects.toThrow();
});

test('fails at an event that cannot be folded, and can expect that', async () => {
  const failing = given(sums).when(Added({ key: 'a', n: 13 }));
  await expect(failing.thenDocuments({})).rejects.toThrow('13 cannot be added');
  expect(await failing.thenFails()).toBe('13 cannot be added');
  await expect(given(sums, Added({ key: 'a', n: 1 })).thenFails()).rejects.toThrow('folds the events');
});
