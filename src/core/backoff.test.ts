import { describe, expect, test } from 'vitest';
import { type Backoff, checkBackoff, delayAfter } from './backoff.ts';
import { seededRandom } from './random.ts';

const random = seededRandom(1);
const delays = (backoff: Backoff, tries: number): (number | undefined)[] =>
  Array.from({ length: tries }, (_, n) => delayAfter(backoff, n + 1, random));

describe('a backoff', () => {
  test.each<[Backoff, (number | undefined)[]]>([
    [{ kind: 'fixed', attempts: 4, base: '1s' }, [1_000, 1_000, 1_000, undefined]],
    [{ kind: 'linear', attempts: 4, base: '2s' }, [2_000, 4_000, 6_000, undefined]],
    [{ kind: 'exponential', attempts: 4, base: '5s' }, [5_000, 10_000, 20_000, undefined]],
    [{ attempts: 3, base: 10 }, [10, 20, undefined]],
    [{ attempts: 5, base: 10, cap: 35 }, [10, 20, 35, 35, undefined]],
    [{ kind: 'linear', attempts: 5, base: 10, cap: 25 }, [10, 20, 25, 25, undefined]],
    [{ attempts: 1, base: 10 }, [undefined]],
  ])('of %o waits as long as it says', (backoff, expected) => {
    expect(delays(backoff, expected.length)).toEqual(expected);
  });

  test('with infinitely many attempts never ends, and never waits longer than its cap', () => {
    const backoff: Backoff = { attempts: Number.POSITIVE_INFINITY, base: 50, cap: '5s' };
    for (const tries of [1_000, 2_000, 1_000_000]) expect(delayAfter(backoff, tries, random)).toBe(5_000);
  });

  test('without a cap waits a length of time that can be told, however often it failed', () => {
    for (const base of [0, 1, 1_000]) {
      const delay = delayAfter({ attempts: Number.POSITIVE_INFINITY, base }, 100_000, random);
      expect(Number.isSafeInteger(delay)).toBe(true);
    }
  });

  test('with jitter draws each delay between nothing and its length', () => {
    const backoff: Backoff = { kind: 'fixed', attempts: 10_000, base: 1_000, jitter: 'full' };
    const drawn = delays(backoff, 5_000) as number[];
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1_000);
    const mean = drawn.reduce((sum, delay) => sum + delay, 0) / drawn.length;
    expect(Math.abs(mean - 500)).toBeLessThan(25);
    expect(delays(backoff, 20)).not.toEqual(delays(backoff, 20));
  });

  test.each<Backoff>([
    { attempts: 0, base: 1 },
    { attempts: -1, base: 1 },
    { attempts: 1.5, base: 1 },
    { attempts: Number.NaN, base: 1 },
    { attempts: 1, base: -1 },
    { attempts: 1, base: '1 s' as never },
    { attempts: 1, base: 1, cap: -1 },
  ])('cannot be %o', backoff => {
    expect(() => checkBackoff(backoff, 'retry')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test.each<Backoff>([
    { attempts: 1, base: 0 },
    { attempts: Number.POSITIVE_INFINITY, base: '1s', cap: '1m' },
  ])('can be %o', backoff => expect(() => checkBackoff(backoff, 'retry')).not.toThrow());
});
