import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonLossOf } from './json-loss.ts';

describe('what JSON cannot hold', () => {
  test.each([
    [{ a: [0, { 'b/~c': 1n }] }, { pointer: '/a/1/b~1~0c', what: 'a bigint' }],
    [{ at: new Date(0) }, { pointer: '/at', what: 'a Date' }],
    [new Uint8Array(1), { pointer: '', what: 'bytes' }],
    [{ m: new Map() }, { pointer: '/m', what: 'a Map' }],
    [[new Set()], { pointer: '/0', what: 'a Set' }],
    [[1, undefined], { pointer: '/1', what: 'undefined' }],
    [Array(1), { pointer: '/0', what: 'undefined' }],
    [{ n: Number.NaN }, { pointer: '/n', what: 'NaN' }],
    [{ f: () => 1 }, { pointer: '/f', what: 'a function' }],
    [{ own: { toJSON: () => 1 } }, { pointer: '/own', what: 'an object with a toJSON of its own' }],
    [undefined, { pointer: '', what: 'undefined' }],
  ])('is named with its place: %o', (value, loss) => {
    expect(jsonLossOf(value)).toEqual(loss);
  });

  test('is nothing of what comes out of JSON, and no member that is undefined', () => {
    expect(jsonLossOf({ a: undefined, b: -0 })).toBeUndefined();
    fc.assert(fc.property(fc.jsonValue(), value => jsonLossOf(value) === undefined));
  });

  test('is everything else: what has no loss comes back from JSON as it went in', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true });
    fc.assert(
      fc.property(anything, value => {
        if (jsonLossOf(value) !== undefined) return;
        expect(JSON.parse(JSON.stringify(value, (_, member) => (Object.is(member, -0) ? 0 : member)))).toEqual(
          positiveZero(value),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The value with `0` for `-0`, which JSON does not know. */
function positiveZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(positiveZero);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, positiveZero(member)]));
}
