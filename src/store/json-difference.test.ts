import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differencesOf, type JsonChange } from './json-difference.ts';
import { pointerParts, valueAtPointer } from './json-pointer.ts';

test.each<[string, unknown, unknown, JsonChange[]]>([
  ['nothing', { a: [1, null] }, { a: [1, null] }, []],
  ['a value', { a: 1 }, { a: 2 }, [{ op: 'replace', pointer: '/a', before: 1, after: 2 }]],
  ['a whole', 1, { a: 1 }, [{ op: 'replace', pointer: '', before: 1, after: { a: 1 } }]],
  ['a kind', { a: [] }, { a: {} }, [{ op: 'replace', pointer: '/a', before: [], after: {} }]],
  ['null', { a: null }, {}, [{ op: 'remove', pointer: '/a', before: null }]],
  ['a member', {}, { 'a/b~c': { d: 1 } }, [{ op: 'add', pointer: '/a~1b~0c', after: { d: 1 } }]],
  ['an element', { a: [1] }, { a: [1, 2] }, [{ op: 'add', pointer: '/a/1', after: 2 }]],
  [
    'what lies deep',
    { a: [{ b: 1, c: 2 }] },
    { a: [{ b: 1, c: 3 }] },
    [{ op: 'replace', pointer: '/a/0/c', before: 2, after: 3 }],
  ],
])('finds where two values differ: %s', (_what, before, after, changes) => {
  expect(differencesOf(before, after)).toEqual(changes);
});

test('names places at which the values are what it says, and leaves out none that differs', () => {
  const value = fc.jsonValue({ maxDepth: 3, noUnicodeString: false });
  fc.assert(
    fc.property(value, value, (before, after) => {
      const changes = differencesOf(before, after);
      expect(changes.length === 0).toBe(JSON.stringify(sorted(before)) === JSON.stringify(sorted(after)));
      for (const change of changes) {
        expect(valueAtPointer(before, pointerParts(change.pointer))).toEqual(change.before);
        expect(valueAtPointer(after, pointerParts(change.pointer))).toEqual(change.after);
      }
    }),
  );
});

test.each(['a', 'a/b', '/~', '/~2', ' '])('a pointer such as %j is refused', pointer => {
  expect(() => pointerParts(pointer)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  );
}
