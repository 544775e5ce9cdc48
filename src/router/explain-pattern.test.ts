import { expect, test } from 'vitest';
import { defineRoute, http, type RoutePattern } from './index.ts';

const event = {
  type: 'OrderConfirmed',
  data: {
    cents: 500,
    customer: { country: 'DE' },
    items: [
      { product: 'lamp', count: 1 },
      { product: 'chair', count: 4 },
    ],
  },
  metadata: { correlationId: 'c-1' },
};

function explain(match: RoutePattern) {
  return defineRoute('r', { match, to: [http('https://receiver.example')] }).explain(event);
}

test('says nothing of an event that matches', () => {
  expect(explain({ type: ['OrderConfirmed'], data: { cents: [{ numeric: ['>', 100] }] } })).toBeUndefined();
});

test('names the first condition that fails, what it wants and what is there', () => {
  const match: RoutePattern = {
    type: ['OrderConfirmed'],
    data: { cents: [{ numeric: ['>', 1000] }, 7], customer: { country: ['AT'] } },
  };
  expect(explain(match)).toEqual({
    pointer: '/match/data/cents',
    field: 'data.cents',
    expected: [{ numeric: ['>', 1000] }, 7],
    found: [500],
    reason: 'No value at data.cents meets any of the alternatives.',
  });
});

test('says that a field is missing', () => {
  expect(explain({ data: { cents: [500], coupon: [{ exists: true }] } })).toMatchObject({
    pointer: '/match/data/coupon',
    found: [],
    reason: 'The event holds no value at data.coupon.',
  });
});

test('says that fields match only in different elements of an array', () => {
  expect(explain({ data: { items: { product: ['lamp'], count: [4] } } })).toMatchObject({
    pointer: '/match/data/items/count',
    found: [1, 4],
    reason: 'data.items.count matches by itself, but not in the same element of an array as the fields before it.',
  });
});

test('of $or explains the pattern that comes furthest', () => {
  const match: RoutePattern = {
    data: { $or: [{ cents: [1] }, { cents: [500], customer: { country: ['AT'] } }, { cents: [2] }] },
  };
  expect(explain(match)).toMatchObject({ pointer: '/match/data/$or/1/customer/country', found: ['DE'] });
});
