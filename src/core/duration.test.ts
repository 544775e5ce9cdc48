import { expect, test } from 'vitest';
import { type Duration, milliseconds } from './duration.ts';

test.each<[Duration, number]>([
  [0, 0],
  [1_500, 1_500],
  [1.4, 1],
  ['0ms', 0],
  ['250ms', 250],
  ['45s', 45_000],
  ['1.5s', 1_500],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
])('%j is a length of time', (duration, expected) => {
  expect(milliseconds(duration)).toBe(expected);
});

test.each([
  [-1],
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  [Number.MAX_SAFE_INTEGER * 2],
  [''],
  ['5'],
  ['s'],
  ['-5s'],
  ['5 s'],
  ['5S'],
  ['5w'],
  ['1e3s'],
  ['.5s'],
  ['5s '],
  ['999999999999999d'],
])('%j is no length of time', duration => {
  expect(() => milliseconds(duration as Duration, 'timeout')).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('timeout') }),
  );
});
