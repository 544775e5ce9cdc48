import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { RangeIndex } from './range-index.ts';

const bound = fc.oneof(
  fc.constantFrom(
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    0,
    -0,
    1,
    -1,
    1e-300,
    5e-324,
    1e300,
    0.1 + 0.2,
    0.3,
  ),
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.double({ noNaN: true }),
);
const range = fc.tuple(bound, bound).map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) }));

test('finds every range that holds a number, whatever came and went before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(range, fc.boolean())), fc.array(bound, { minLength: 1 }), (ranges, numbers) => {
      const index = new RangeIndex<object>();
      for (const [each] of ranges) index.add(each.from, each.to, each);
      for (const [each, gone] of ranges) if (gone) index.remove(each.from, each.to, each);
      const left = ranges.filter(([, gone]) => !gone).map(([each]) => each);
      expect(index.size).toBe(left.length);
      for (const number of numbers) {
        const found = new Set<unknown>();
        index.visit(number, item => found.add(item));
        for (const each of left) if (each.from <= number && number <= each.to) expect(found.has(each)).toBe(true);
        for (const each of found) expect(left).toContain(each);
      }
    }),
    { numRuns: runCount(500, 50_000), seed: seed() },
  );
});

test('looks at few ranges beside those that hold a number', () => {
  const index = new RangeIndex<number>();
  for (let at = 0; at < 10_000; at++) index.add(at * 10, at * 10 + 9, at);
  for (let at = 0; at < 10_000; at++) index.add(at * 10, Number.POSITIVE_INFINITY, 10_000 + at);
  let seen = 0;
  index.visit(55, () => seen++);
  expect(seen).toBeLessThan(10);
  expect(index.countAt(55)).toBe(seen);
});
