import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, jsonLossOf } from './json.ts';

describe('canonical JSON', () => {
  test('puts the keys of every object in order', () => {
    expect(canonicalJson({ b: 1, a: [{ d: 1, c: 2 }], '10': 0, '9': 0 })).toBe(
      '{"10":0,"9":0,"a":[{"c":2,"d":1}],"b":1}',
    );
  });

  test('orders keys by their UTF-16 units, as RFC 8785 does', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const text = canonicalJson(Object.fromEntries(keys.map(key => [key, 0])));
    expect(Object.keys(JSON.parse(text))).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
  });

  test.each([
    [{ a: undefined, b: () => 1, c: 1 }, '{"c":1}'],
    [[undefined, () => 1, 1], '[null,null,1]'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [{ n: Number.NaN, i: Number.POSITIVE_INFINITY, z: -0 }, '{"i":null,"n":null,"z":0}'],
    [undefined, 'null'],
    [null, 'null'],
    ['"', '"\\""'],
    [Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
  ])('leaves out and translates what JSON.stringify does: %o', (value, expected) => {
    expect(canonicalJson(value)).toBe(expected);
  });

  test('of equal values is equal, whatever the order of their keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('means the same as JSON.stringify, and is canonical already', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });
});

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

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]));
}
