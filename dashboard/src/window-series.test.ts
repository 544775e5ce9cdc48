import { expect, test } from 'vitest';
import type { Json, StoreEntry, Topology } from './api-shapes.ts';
import { numericFields, WHOLE_VALUE, windowSeries, windowStores } from './window-series.ts';

const entry = (key: string, start: number, value: Json): StoreEntry => ({ key, start, end: start + 10_000, value });

test('windows are added up over all keys, and those without a value in between are zero', () => {
  const entries = [entry('a', 0, { n: 1 }), entry('b', 0, { n: 2 }), entry('a', 30_000, { n: 5 })];
  expect(windowSeries(entries, 'n', 10_000)).toEqual({ times: [0, 10, 20, 30], values: [3, 0, 0, 5], keys: 2 });
});

test('fields that count cents are shown divided by 100, and first', () => {
  const entries = [entry('a', 0, { orders: 2, cents: 1_250, name: 'x', nested: { no: 1 } })];
  expect(numericFields(entries)).toEqual(['cents', 'orders']);
  expect(windowSeries(entries, 'cents', 10_000).values).toEqual([12.5]);
});

test('a value that is a number by itself can be drawn', () => {
  const entries = [entry('a', 0, 7), entry('a', 10_000, null)];
  expect(numericFields(entries)).toEqual([WHOLE_VALUE]);
  expect(windowSeries(entries, WHOLE_VALUE, 10_000).values).toEqual([7, 0]);
});

test('windows of uneven size stay where they are', () => {
  expect(windowSeries([entry('a', 0, 1), entry('a', 12_345, 2)], WHOLE_VALUE, 10_000).times).toEqual([0, 12.345]);
});

test('weekly revenue is shown first, and only stores of windows are', () => {
  const topology = (name: string, kind: string): Topology =>
    ({
      topology: name,
      stores: [{ name: 's', kind, ...(kind === 'window' ? { sizeMs: 1 } : {}) }],
    }) as unknown as Topology;
  const found = windowStores([
    topology('hourly', 'window'),
    topology('sessions', 'session'),
    topology('weekly-revenue', 'window'),
  ]);
  expect(found.map(store => store.topology)).toEqual(['weekly-revenue', 'hourly']);
});
