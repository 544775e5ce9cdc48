import { expect, test } from 'vitest';
import { RecentCache } from './recent-cache.ts';

test('forgets nothing between rotations, and afterwards keeps what was used last', () => {
  const cache = new RecentCache<number>(8);
  for (let index = 0; index < 5; index++) cache.set(`a${index}`, index);
  cache.rotate();
  expect(cache.get('a0')).toBe(0);
  for (let index = 0; index < 5; index++) cache.set(`b${index}`, index);
  cache.rotate();
  expect(cache.get('a0')).toBe(0);
  expect(cache.get('a1')).toBeUndefined();
  expect(cache.get('b4')).toBe(4);
});

test('stays bounded however much one page brings', () => {
  const cache = new RecentCache<number>(100);
  for (let page = 0; page < 50; page++) {
    for (let index = 0; index < 70; index++) cache.set(`${page}-${index}`, index);
    cache.rotate();
    expect(cache.size).toBeLessThanOrEqual(150);
  }
  for (let index = 0; index < 1_000; index++) cache.set(`huge-${index}`, index);
  cache.rotate();
  expect(cache.size).toBe(0);
});
