import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../testing/index.ts';
import { GroupQueue, type Outcome } from './group-queue.ts';

interface Item {
  readonly name: string;
  readonly weight: number;
}

/** A queue whose groups are recorded; each waits to be let through when `held`. */
function recordingQueue(
  run?: (group: readonly Item[]) => readonly Outcome<string>[] | Promise<readonly Outcome<string>[]>,
) {
  const clock = new VirtualClock();
  const groups: string[][] = [];
  const queue = new GroupQueue<Item, string>({
    clock,
    weigh: item => item.weight,
    run(group) {
      groups.push(group.map(item => item.name));
      return run?.(group) ?? group.map(item => ({ ok: `done ${item.name}` }));
    },
  });
  const submit = (name: string, options: { weight?: number; bulk?: boolean } = {}) =>
    queue.submit({ name, weight: options.weight ?? 1 }, options.bulk ?? false);
  return { clock, groups, queue, submit };
}

describe('a group queue', () => {
  test('takes what has come together as one group, in the order of arrival', async () => {
    const { clock, groups, submit } = recordingQueue();
    const results = ['a', 'b', 'c'].map(name => submit(name));
    await clock.settle();
    expect(groups).toEqual([['a', 'b', 'c']]);
    expect(await Promise.all(results)).toEqual(['done a', 'done b', 'done c']);
  });

  test('lets items queue while a group is running, and takes them together next', async () => {
    const letThrough: (() => void)[] = [];
    const { clock, groups, submit } = recordingQueue(
      group =>
        new Promise(resolve => {
          letThrough.push(() => resolve(group.map(item => ({ ok: item.name }))));
        }),
    );
    const first = submit('a');
    await clock.settle();
    const later = [submit('b'), submit('c')];
    await clock.settle();
    expect(groups).toEqual([['a']]);
    letThrough.shift()?.();
    expect(await first).toBe('a');
    await clock.settle();
    expect(groups).toEqual([['a'], ['b', 'c']]);
    letThrough.shift()?.();
    expect(await Promise.all(later)).toEqual(['b', 'c']);
  });

  test('gives each item its own outcome', async () => {
    const { clock, submit } = recordingQueue(group =>
      group.map(item => (item.name === 'b' ? { error: new Error('no') } : { ok: item.name })),
    );
    const results = Promise.allSettled(['a', 'b', 'c'].map(name => submit(name)));
    await clock.settle();
    expect((await results).map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('fails one whole group when its run %s, and goes on with the next', async (_, fail) => {
    let runs = 0;
    const { clock, submit } = recordingQueue(group => (++runs === 1 ? fail() : group.map(item => ({ ok: item.name }))));
    const failed = Promise.allSettled([submit('a'), submit('b')]);
    await clock.settle();
    expect((await failed).map(result => result.status)).toEqual(['rejected', 'rejected']);
    const next = submit('c');
    await clock.settle();
    expect(await next).toBe('c');
  });

  test('makes an error of whatever a run throws', async () => {
    const { clock, submit } = recordingQueue(() => {
      throw 'text';
    });
    const failed = expect(submit('a')).rejects.toThrow('text');
    await clock.settle();
    await failed;
  });

  test('refuses only the item that cannot be weighed', async () => {
    const clock = new VirtualClock();
    const queue = new GroupQueue<number, number>({
      clock,
      weigh(item) {
        if (item < 0) throw new Error('no weight');
        return 1;
      },
      run: group => group.map(ok => ({ ok })),
    });
    const refused = expect(queue.submit(-1, false)).rejects.toThrow('no weight');
    const accepted = queue.submit(1, false);
    await clock.settle();
    await refused;
    expect(await accepted).toBe(1);
  });

  test('cuts groups by their weight, and takes what is heavier than a group alone', async () => {
    const { clock, groups, submit } = recordingQueue();
    void submit('a', { weight: 600 });
    void submit('b', { weight: 400 });
    void submit('c', { weight: 1 });
    void submit('d', { weight: 5_000 });
    void submit('e', { weight: 1 });
    await clock.settle();
    expect(groups).toEqual([['a', 'b'], ['c'], ['d'], ['e']]);
  });

  test('serves interactive work before bulk work, and never both in one group', async () => {
    const { clock, groups, submit } = recordingQueue();
    void submit('bulk 1', { bulk: true });
    void submit('a');
    void submit('bulk 2', { bulk: true });
    void submit('b');
    await clock.settle();
    expect(groups).toEqual([
      ['a', 'b'],
      ['bulk 1', 'bulk 2'],
    ]);
  });

  test('cuts bulk work into slices', async () => {
    const { clock, groups, submit } = recordingQueue();
    for (let n = 0; n < 10; n++) void submit(`${n}`, { bulk: true, weight: 100 });
    await clock.settle();
    expect(groups.map(group => group.length)).toEqual([4, 4, 2]);
  });

  test.each([
    { interactive: 1, bulk: 1 },
    { interactive: 1_000, bulk: 400 },
    { interactive: 999, bulk: 100 },
    { interactive: 300, bulk: 250 },
    { interactive: 7, bulk: 399 },
    { interactive: 2_500, bulk: 33 },
  ])('gives bulk work a fifth of all rows while interactive work never pauses: %o', async weights => {
    const done = { interactive: 0, bulk: 0 };
    const clock = new VirtualClock();
    let turns = 0;
    const queue = new GroupQueue<'interactive' | 'bulk', true>({
      clock,
      weigh: kind => weights[kind],
      run(group) {
        const kind = group[0] as 'interactive' | 'bulk';
        if (++turns <= 3_000) {
          done[kind] += group.length * weights[kind];
          // As much comes in as has gone out, so that both classes always wait.
          for (const served of group) void queue.submit(served, served === 'bulk');
        }
        return group.map(() => ({ ok: true as const }));
      },
    });
    for (let n = 0; n < 2_000; n++) {
      void queue.submit('interactive', false);
      void queue.submit('bulk', true);
    }
    await clock.settle();
    const share = done.bulk / (done.bulk + done.interactive);
    expect(share).toBeGreaterThan(0.19);
  });

  test('runs bulk work at once when nothing else waits', async () => {
    const { clock, groups, submit } = recordingQueue();
    void submit('bulk', { bulk: true });
    await clock.settle();
    void submit('a');
    await clock.settle();
    expect(groups).toEqual([['bulk'], ['a']]);
  });

  test('is drained when nothing is queued or running', async () => {
    const { clock, queue, submit } = recordingQueue();
    await queue.drained();
    const served: string[] = [];
    for (const name of ['a', 'b']) void submit(name, { weight: 900 }).then(result => served.push(result));
    let drained = false;
    const both = Promise.all([queue.drained(), queue.drained()]).then(() => {
      drained = true;
    });
    expect(drained).toBe(false);
    await clock.settle();
    await both;
    expect(served).toEqual(['done a', 'done b']);
  });
});
