import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMillraceError } from '../core/index.ts';
import { tumbling, tumblingClosed, tumblingStart } from './tumbling-window.ts';

const DAY = 86_400_000;

test.each([
  { size: 10, timestamp: 0, start: 0 },
  { size: 10, timestamp: 9, start: 0 },
  { size: 10, timestamp: 10, start: 10 },
  { size: 7 * DAY, timestamp: Date.UTC(1997, 0, 1), start: Date.UTC(1996, 11, 26) },
  { size: 7 * DAY, timestamp: Date.UTC(1997, 0, 2) - 1, start: Date.UTC(1996, 11, 26) },
  { size: 7 * DAY, timestamp: Date.UTC(1997, 0, 2), start: Date.UTC(1997, 0, 2) },
  { size: 3, timestamp: Number.MAX_SAFE_INTEGER, start: Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % 3) },
])('a window of $size ms aligned to the epoch holds $timestamp from $start on', ({ size, timestamp, start }) => {
  expect(tumblingStart(tumbling(size, { grace: 0 }), timestamp)).toBe(start);
});

test('every timestamp belongs to exactly one window, which begins at a multiple of its size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.maxSafeNat(), (size, timestamp) => {
      const start = tumblingStart(tumbling(size, { grace: 0 }), timestamp);
      expect(start % size).toBe(0);
      expect(start).toBeLessThanOrEqual(timestamp);
      expect(timestamp - start).toBeLessThan(size);
    }),
  );
});

test.each([
  { streamTime: 19, grace: 0, closed: false },
  { streamTime: 20, grace: 0, closed: true },
  { streamTime: 24, grace: 5, closed: false },
  { streamTime: 25, grace: 5, closed: true },
])('a window that ends at 20 with grace $grace is closed at stream time $streamTime: $closed', row => {
  expect(tumblingClosed(tumbling(10, { grace: row.grace }), 20, row.streamTime)).toBe(row.closed);
});

test('reads lengths with units', () => {
  expect(tumbling('7d', { grace: '1.5h' })).toEqual({ kind: 'tumbling', sizeMs: 7 * DAY, graceMs: 5_400_000 });
  expect(tumbling('1.1s', { grace: '0s' })).toEqual({ kind: 'tumbling', sizeMs: 1_100, graceMs: 0 });
});

test.each<[string, () => unknown]>([
  ['no size', () => tumbling(0, { grace: 0 })],
  ['a negative size', () => tumbling(-1, { grace: 0 })],
  ['a negative size with a unit', () => tumbling('-7d' as '7d', { grace: 0 })],
  ['a size that is no number', () => tumbling(Number.NaN, { grace: 0 })],
  ['a size without a unit that is known', () => tumbling('7w' as '7d', { grace: 0 })],
  ['a size of half a millisecond', () => tumbling(1.5, { grace: 0 })],
  ['a size of half a millisecond with a unit', () => tumbling('1.5ms', { grace: 0 })],
  ['a negative grace', () => tumbling('7d', { grace: -1 })],
  ['no grace', () => tumbling('7d', {} as { grace: 0 })],
  ['no options', () => tumbling('7d', undefined as unknown as { grace: 0 })],
])('refuses a window with %s', (_, make) => {
  expect(make).toThrow(expect.toSatisfy(thrown => isMillraceError(thrown, 'UNSUPPORTED_WINDOW')));
});
