import { describe, expect, test } from 'vitest';
import { categoryOf, checkedName, createIdSource } from './ids.ts';
import { seededRandom } from './random.ts';

const LAYOUT = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function sourceAt(start: number) {
  const clock = { time: start };
  const source = createIdSource({
    clock: {
      now: () => clock.time,
      monotonic: () => 0,
      schedule: () => ({ cancel: () => undefined }),
      soon: () => undefined,
    },
    random: seededRandom(7),
  });
  return { clock, source };
}

function millisecondOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

describe('an id', () => {
  test('is a UUID of version 7, with the time in its first 48 bits', () => {
    const { source } = sourceAt(1_645_557_742_000);
    const id = source.next();
    expect(id).toMatch(LAYOUT);
    // The example of RFC 9562, appendix A.6.
    expect(id.startsWith('017f22e2-79b0-7')).toBe(true);
  });

  test.each([0, 1, 0xffff_ffff, 2 ** 48 - 1])('has its layout at any time: %d', time => {
    const { source } = sourceAt(time);
    const id = source.next();
    expect(id).toMatch(LAYOUT);
    expect(millisecondOf(id)).toBe(time);
  });

  test('is greater than every one before it within a millisecond', () => {
    const { source } = sourceAt(1_000_000);
    const ids = Array.from({ length: 20_000 }, () => source.next());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every(id => LAYOUT.test(id))).toBe(true);
  });

  test('borrows from the next millisecond when there are more than 4,096 in one', () => {
    const { source } = sourceAt(1_000_000);
    const ids = Array.from({ length: 4_097 }, () => source.next());
    expect(millisecondOf(ids[4_095] as string)).toBe(1_000_000);
    expect(millisecondOf(ids[4_096] as string)).toBe(1_000_001);
  });

  test('is greater than every one before it when the clock steps back', () => {
    const { clock, source } = sourceAt(1_000_000);
    const ids: string[] = [];
    for (const step of [0, -3_600_000, 5, -1, 1, 7_200_000, -86_400_000, 0]) {
      clock.time += step;
      for (let n = 0; n < 3_000; n++) ids.push(source.next());
    }
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('tells the time again once the clock has caught up', () => {
    const { clock, source } = sourceAt(1_000_000);
    source.next();
    clock.time = 999_000;
    expect(millisecondOf(source.next())).toBe(1_000_000);
    clock.time = 1_000_500;
    expect(millisecondOf(source.next())).toBe(1_000_500);
  });

  test('is not the same from two sources at the same moment', () => {
    const ids = [seededRandom(1), seededRandom(2)].map(random =>
      createIdSource({ clock: { ...sourceAt(5).clock, now: () => 5 } as never, random }).next(),
    );
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe('a name', () => {
  test.each(['a', 'order-1', '日本', '🙂', ' ', "o'k", 'x'.repeat(255)])('can be %j', name => {
    expect(checkedName(name, 'The name')).toBe(name);
  });

  test.each([[''], ['x'.repeat(256)], ['a\nb'], ['\u0000'], ['\u007f'], ['\ud83d'], [undefined], [7], [null]])(
    'cannot be %j',
    name => {
      expect(() => checkedName(name, 'The name')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );

  test.each([
    ['order-42', 'order'],
    ['order-42-7', 'order'],
    ['order', 'order'],
    ['-1', ''],
    ['$saga-1', '$saga'],
  ])('of the stream %s has the category %j', (stream, category) => {
    expect(categoryOf(stream)).toBe(category);
  });
});
