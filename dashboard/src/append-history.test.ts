import { expect, test } from 'vitest';
import { HISTORY_MS, ratesOf, type Sample, withSample } from './append-history.ts';

const historyOf = (...samples: readonly Sample[]): readonly Sample[] =>
  samples.reduce<readonly Sample[]>((history, sample) => withSample(history, sample), []);

test('a rate is what was appended between two samples, each second', () => {
  const history = historyOf({ at: 10_000, head: 5 }, { at: 11_000, head: 25 }, { at: 13_000, head: 35 });
  expect(ratesOf(history)).toEqual({ times: [11, 13], rates: [20, 5] });
});

test('where samples are missing nobody knows the rate', () => {
  const { rates } = ratesOf(historyOf({ at: 0, head: 0 }, { at: 60_000, head: 600 }, { at: 61_000, head: 610 }));
  expect(rates).toEqual([Number.NaN, 10]);
});

test('what is older than the chart is forgotten', () => {
  const history = historyOf({ at: 0, head: 1 }, { at: 1_000, head: 2 }, { at: HISTORY_MS + 1_000, head: 3 });
  expect(history.map(({ at }) => at)).toEqual([1_000, HISTORY_MS + 1_000]);
});

test('a sample that is told twice counts once, and another store begins a new history', () => {
  const twice = historyOf({ at: 1_000, head: 7 }, { at: 1_000, head: 7 });
  expect(twice).toHaveLength(1);
  expect(withSample(twice, { at: 2_000, head: 3 })).toEqual([{ at: 2_000, head: 3 }]);
});

test('samples that nearly coincide make no spike', () => {
  const history = historyOf({ at: 1_000, head: 10 }, { at: 1_010, head: 40 }, { at: 2_000, head: 60 });
  expect(ratesOf(history).rates).toEqual([50]);
});
