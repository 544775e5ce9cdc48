import { describe, expect, test } from 'vitest';
import { seededRandom, sleep } from '../core/index.ts';
import { VirtualClock } from './virtual-clock.ts';

const DAY = 86_400_000;

describe('a virtual clock', () => {
  test('stands still until it is moved', async () => {
    const clock = new VirtualClock({ start: 1_000 });
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  test('tells whole milliseconds', async () => {
    const clock = new VirtualClock({ start: 1_000 });
    await clock.advance(0.75);
    expect(clock.now()).toBe(1_000);
    await clock.advance(0.75);
    expect(clock.now()).toBe(1_001);
  });

  test('runs timers when they are due, in the order in which they are due and were set', async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    for (const [delay, name] of [
      [30, 'c'],
      [10, 'a'],
      [20, 'b1'],
      [20, 'b2'],
      [-5, 'at once'],
    ] as const) {
      clock.schedule(delay, () => ran.push(`${name} ${clock.monotonic()}`));
    }
    await clock.advance(20);
    expect(ran).toEqual(['at once 0', 'a 10', 'b1 20', 'b2 20']);
    await clock.advance(10);
    expect(ran.at(-1)).toBe('c 30');
  });

  test('runs what a timer sets for the same span, and lets it settle in between', async () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    const repeat = (): void => {
      clock.schedule(10, async () => {
        await Promise.resolve();
        ran.push(clock.monotonic());
        repeat();
      });
    };
    repeat();
    await clock.advance(35);
    expect(ran).toEqual([10, 20, 30]);
    expect(clock.monotonic()).toBe(35);
  });

  test('does not run a cancelled timer', async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const timer = clock.schedule(10, () => ran.push('cancelled'));
    clock.schedule(5, () => timer.cancel());
    expect(clock.pendingTimers).toBe(2);
    await clock.advance(20);
    expect(ran).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('runs turns of the event loop one by one, without time passing', async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.soon(() => {
      ran.push('a');
      clock.soon(() => ran.push('c'));
      void Promise.resolve().then(() => ran.push('a, later'));
    });
    clock.soon(() => ran.push('b'));
    await clock.settle();
    expect(ran).toEqual(['a', 'a, later', 'b', 'c']);
    expect(clock.monotonic()).toBe(0);
  });

  test('lets a seed choose the order of turns that are ready at the same time, and repeats it', async () => {
    const orderOf = async (seed: number): Promise<string> => {
      const clock = new VirtualClock({ random: seededRandom(seed) });
      const ran: number[] = [];
      for (let n = 0; n < 8; n++) clock.soon(() => ran.push(n));
      await clock.settle();
      return ran.join();
    };
    const orders = await Promise.all([1, 2, 3, 1, 2, 3].map(orderOf));
    expect(orders.slice(0, 3)).toEqual(orders.slice(3));
    expect(new Set(orders).size).toBe(3);
  });

  test('skips idle time until a condition holds', async () => {
    const clock = new VirtualClock();
    let done = false;
    clock.schedule(20 * DAY, () => {
      done = true;
    });
    await clock.runUntil(() => done);
    expect(clock.monotonic()).toBe(20 * DAY);
    await clock.runUntil(async () => done);
    expect(clock.monotonic()).toBe(20 * DAY);
  });

  test('gives up when a condition cannot hold any more, or not in time', async () => {
    const clock = new VirtualClock();
    await expect(clock.runUntil(() => false)).rejects.toThrow('did not hold');
    clock.schedule(1_001, () => undefined);
    await expect(clock.runUntil(() => false, 1_000)).rejects.toThrow('1 timers are set');
    expect(clock.monotonic()).toBe(0);
  });

  test('moves as far as a promise needs, and passes on what it comes to', async () => {
    const clock = new VirtualClock();
    const slept = sleep(clock, 90_000).then(() => 'slept');
    expect(await clock.resolve(slept)).toBe('slept');
    expect(clock.monotonic()).toBe(90_000);
    const failed = sleep(clock, 10).then(() => Promise.reject(new Error('failed')));
    await expect(clock.resolve(failed)).rejects.toThrow('failed');
  });

  test('lets a sleep end early when its signal aborts, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const slept = sleep(clock, 90_000, abort.signal);
    clock.schedule(10, () => abort.abort());
    await clock.resolve(slept);
    expect(clock.monotonic()).toBe(10);
    expect(clock.pendingTimers).toBe(0);
    await clock.resolve(sleep(clock, 90_000, abort.signal));
    expect(clock.monotonic()).toBe(10);
  });
});
