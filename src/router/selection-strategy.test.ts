import { describe, expect, test } from 'vitest';
import { seededRandom } from '../core/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import type { Destination } from './destinations/destination.ts';
import { defineRoute, http, Router, type Strategy, toFunction } from './index.ts';
import { Selection } from './selection-strategy.ts';

const names = ['a', 'b', 'c', 'd'];
const match = { type: ['Done'] };
const { destinations } = defineRoute('r', { match, to: names.map(name => http('https://x.example', { name })) });

/** A selection whose destinations are as they are said to be. */
function selection(strategy: Strategy, world: { ill?: Set<string>; busy?: Record<string, number> } = {}) {
  const health = {
    isWell: ({ name }: Destination) => world.ill?.has(name) !== true,
    outstanding: ({ name }: Destination) => world.busy?.[name] ?? 0,
  };
  const chosen = new Selection(strategy, health, seededRandom(7));
  return (stream = 's') => chosen.choose(destinations, { stream } as RecordedEvent).map(({ name }) => name);
}

/** How often each was chosen. */
function counts(choose: () => readonly string[], times: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let time = 0; time < times; time++) for (const name of choose()) found[name] = (found[name] ?? 0) + 1;
  return found;
}

describe('an event goes to', () => {
  test('all destinations by default', () => expect(selection('broadcast')()).toEqual(names));

  test('each in turn', () => {
    const choose = selection('round-robin');
    expect([choose(), choose(), choose(), choose(), choose()].flat()).toEqual(['a', 'b', 'c', 'd', 'a']);
  });

  test('one by chance, evenly', () => {
    for (const count of Object.values(counts(selection('random'), 4_000)))
      expect(Math.abs(count - 1_000)).toBeLessThan(100);
  });

  test('one by chance, by weight; who has none weighs 1', () => {
    const found = counts(selection({ kind: 'weighted', weights: { a: 5, b: 2 } }), 9_000);
    for (const [name, share] of Object.entries({ a: 5_000, b: 2_000, c: 1_000, d: 1_000 })) {
      expect(Math.abs((found[name] ?? 0) - share)).toBeLessThan(150);
    }
  });

  test('the less busy of two', () => {
    const found = counts(selection('least-outstanding', { busy: { a: 100, b: 1, c: 1, d: 1 } }), 1_600);
    // Only when both draws fall on it.
    expect(found['a']).toBeLessThan(150);
  });

  test('the first that is well', () => {
    const ill = new Set<string>();
    const choose = selection('failover', { ill });
    expect(choose()).toEqual(['a']);
    ill.add('a').add('b');
    expect(choose()).toEqual(['c']);
    for (const name of names) ill.add(name);
    expect(choose()).toEqual(['a']);
  });

  test('the same one for a key; when one leaves, only its keys move, and they come back with it', () => {
    const ill = new Set<string>();
    const choose = selection({ kind: 'sticky' }, { ill });
    const keys = Array.from({ length: 2_000 }, (_, index) => `order-${index}`);
    const before = keys.map(key => choose(key)[0]);
    for (const name of names) {
      expect(Math.abs(before.filter(chosen => chosen === name).length - 500)).toBeLessThan(100);
    }
    ill.add('b');
    const without = keys.map(key => choose(key)[0]);
    keys.forEach((_, index) => {
      if (before[index] === 'b') expect(without[index]).not.toBe('b');
      else expect(without[index]).toBe(before[index]);
    });
    ill.delete('b');
    expect(keys.map(key => choose(key)[0])).toEqual(before);
  });
});

test('a route with failover goes to the second destination while the first one is switched off', async () => {
  const environment = await createTestEnvironment();
  const { clock, events, storage } = environment;
  const taken: string[] = [];
  const to = ['first', 'second'].map(name => toFunction(() => taken.push(name), { name }));
  const router = new Router({ routes: [defineRoute('r', { match, to, strategy: 'failover' })], environment });
  try {
    await clock.resolve(router.start());
    const appended = async (count: number) => {
      await clock.resolve(events.append('thing-1', [{ type: 'Done', data: {} }]));
      await clock.runUntil(() => taken.length === count);
    };
    await appended(1);
    await clock.resolve(router.disable({ route: 'r', destination: 'first' }, 'rest'));
    await appended(2);
    await clock.resolve(router.enable({ route: 'r', destination: 'first' }, 'over'));
    await appended(3);
    expect(taken).toEqual(['first', 'second', 'first']);
  } finally {
    await clock.resolve(router.stop());
    await storage.close();
  }
});

test.each([
  ['nearest', '/strategy'],
  [{ kind: 'weighted', weights: { z: 1 } }, '/strategy/weights/z'],
  [{ kind: 'weighted', weights: { a: 0 } }, '/strategy/weights/a'],
  [{ kind: 'sticky', key: 'stream' }, '/strategy/key'],
])('the strategy %j is refused at its place', (strategy, pointer) => {
  const to = [http('https://x.example', { name: 'a' })];
  expect(() => defineRoute('r', { match, to, strategy: strategy as Strategy })).toThrowError(
    expect.objectContaining({ code: 'INVALID_DEFINITION', details: { route: 'r', pointer } }),
  );
});
