import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './json.ts';

describe('canonical JSON', () => {
  test('puts the keys of every object in order', () => {
    expect(canonicalJson({ b: 1, a: [{ d: 1, c: 2 }], '10': 0, '9': 0 })).toBe(
      '{"10":0,"9":0,"a":[{"c":2,"d":1}],"b":1}',
    );
  });

  test('orders few members and many alike', () => {
    for (let size = 0; size < 100; size++) {
      const members = Array.from({ length: size }, (_, index) => `k${(index * 37) % 101}`);
      const value = Object.fromEntries(members.map(member => [member, 0]));
      expect(Object.keys(JSON.parse(canonicalJson(value)))).toEqual(members.toSorted());
    }
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

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]));
}
