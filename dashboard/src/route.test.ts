import { expect, test } from 'vitest';
import { hrefOf, parseRoute, type Route } from './route.ts';

test('every view has an address that leads back to it', () => {
  const views: readonly Route[] = [
    { view: 'overview' },
    { view: 'sagas', type: undefined, status: undefined },
    { view: 'sagas', type: 'Order Processing', status: 'COMPENSATED' },
    { view: 'saga', type: 'OrderProcessing', id: 'a/b?c#d %' },
  ];
  for (const view of views) expect(parseRoute(hrefOf(view))).toEqual(view);
});

test('an address that is damaged leads to something all the same', () => {
  expect(parseRoute('')).toEqual({ view: 'overview' });
  expect(parseRoute('#/nowhere/at/all')).toEqual({ view: 'overview' });
  expect(parseRoute('#/sagas/Order?status=NONSENSE')).toEqual({ view: 'sagas', type: 'Order', status: undefined });
  expect(parseRoute('#/sagas/Order/%E0%A4%A')).toEqual({ view: 'saga', type: 'Order', id: '%E0%A4%A' });
});
