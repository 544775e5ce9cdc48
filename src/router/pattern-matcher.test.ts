import { expect, test } from 'vitest';
import { PatternMatcher, type RoutePattern } from './index.ts';

const event = (data: unknown, type = 'A') => ({ type, data, metadata: {} });

test('answers the patterns that match, each once, in the order in which they were added', () => {
  const matcher = new PatternMatcher();
  matcher.add('any', { data: { tags: [{ exists: true }] } });
  matcher.add('b', { data: { tags: ['a', 'b', { prefix: 'a' }] } });
  matcher.add('a', { type: ['A'], data: { tags: ['a'] } });
  matcher.add('none', { data: { tags: [{ exists: false }] } });
  expect(matcher.match(event({ tags: ['a', 'b', 'ab'] }))).toEqual(['any', 'b', 'a']);
  expect(matcher.match(event({ tags: ['b'] }, 'B'))).toEqual(['any', 'b']);
  expect(matcher.match(event({ tags: [] }))).toEqual(['none']);
  expect(matcher.match(event('x'))).toEqual(['none']);
});

test('forgets what is removed, and nothing else', () => {
  const matcher = new PatternMatcher();
  const pattern: RoutePattern = { data: { status: ['paid'], cents: [{ numeric: ['>', 5] }] } };
  for (let number = 0; number < 100; number++) matcher.add(`r${number}`, pattern);
  for (let number = 0; number < 100; number += 2) expect(matcher.remove(`r${number}`)).toBe(true);
  expect(matcher.remove('r0')).toBe(false);
  const found = matcher.match(event({ status: 'paid', cents: 6 }));
  expect(found).toEqual(Array.from({ length: 50 }, (_, index) => `r${2 * index + 1}`));
  expect(matcher.size).toBe(50);
});

test('replaces the pattern of a name, unless the new one is refused', () => {
  const matcher = new PatternMatcher();
  matcher.add('r', { data: { a: [1] } });
  matcher.add('r', { data: { a: [2] } });
  expect(() => matcher.add('r', { data: { a: [] } })).toThrow(expect.objectContaining({ code: 'INVALID_PATTERN' }));
  expect(matcher.match(event({ a: 1 }))).toEqual([]);
  expect(matcher.match(event({ a: 2 }))).toEqual(['r']);
});

test('finds fields whose names have dots', () => {
  const matcher = new PatternMatcher();
  matcher.add('r', { data: { 'http.method': ['GET'] } });
  expect(matcher.match(event({ 'http.method': 'GET' }))).toEqual(['r']);
  expect(matcher.match(event({ http: { method: 'GET' } }))).toEqual(['r']);
});

test('what objects inherit is not data', () => {
  const matcher = new PatternMatcher();
  matcher.add('r', { data: { constructor: { name: ['Object'] } } });
  expect(matcher.match(event({}))).toEqual([]);
});

test('looks through arrays nested deeper than calls can go', () => {
  let deep: unknown = { x: 'found' };
  for (let level = 0; level < 200_000; level++) deep = [deep];
  const matcher = new PatternMatcher();
  matcher.add('r', { data: { deep: { x: ['found'] } } });
  expect(matcher.match(event({ deep }))).toEqual(['r']);
});
