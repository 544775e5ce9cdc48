import { describe, expect, test } from 'vitest';
import { isMillraceError } from '../core/index.ts';
import { defineEvent, type RecordedEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { defineTopology, session, type TopologyBuilder, topic, tumbling } from './index.ts';
import { TopologyTask } from './topology-task.ts';

/** [key, time, value]; the value is 1 when left out. */
type Input = readonly [key: string | null, time: number, value?: number | null];

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const Measured = defineEvent('Measured', { schema });
const out = topic('out', { partitions: 1, retention: 'forever' });

function source(topology: TopologyBuilder) {
  return topology.events([Measured], {
    name: 'source',
    key: event => (event.data as Input)[0],
    value: event => ((event.data as Input)[2] === undefined ? 1 : ((event.data as Input)[2] as number | null)),
    time: event => (event.data as Input)[1],
  });
}

function recorded(data: unknown, position: number): RecordedEvent {
  const beside = { metadata: { correlationId: 'c' }, tags: [], contentHash: '' };
  const at = { occurredAt: 7, recordedAt: 8, position, revision: 0 };
  return { ...at, stream: 'm-1', id: `${position}`, type: 'Measured', schemaVersion: 1, data, ...beside };
}

/** Sends records through a topology; answers what leaves it, as [key, value, timestamp], and the drops of each node. */
async function run(build: (topology: TopologyBuilder) => void, inputs: readonly unknown[]) {
  const environment = await createTestEnvironment();
  const topology = defineTopology('tested', build);
  const task = new TopologyTask({ topology, partition: 0, environment, cacheEntriesMax: 100 });
  const effects = await task.handle(inputs.map((data, index) => recorded(data, index + 1)));
  const outputs = (effects.topics ?? []).flatMap(write => (write.op === 'produce' ? write.records : []));
  const dropped: Record<string, unknown> = {};
  for (const write of effects.state ?? []) {
    if (write.op !== 'put' || write.store !== 'tested/$nodes') continue;
    const counts = (JSON.parse(write.value) as { dropped: object }).dropped;
    if (Object.keys(counts).length > 0) dropped[write.key] = counts;
  }
  await environment.storage.close();
  return { outputs: outputs.map(({ key, value, timestamp }) => [key, value, timestamp]), dropped, effects };
}

function windowed(key: string, start: number, end: number): string {
  return JSON.stringify({ key, start, end });
}

describe('a source', () => {
  test('drops and counts events without a usable time, and passes nothing of them on', async () => {
    const times = [5, -1, 1.5, Number.NaN, '5', undefined, Number.MAX_SAFE_INTEGER + 1, 0];
    const { outputs, dropped } = await run(
      t => source(t).to(out),
      times.map(time => ['a', time]),
    );
    expect(outputs).toEqual([
      ['a', 1, 5],
      ['a', 1, 0],
    ]);
    expect(dropped).toEqual({ source: { 'negative-time': 1, 'invalid-time': 5 } });
  });

  test('takes stream, data and time of occurrence unless told otherwise', async () => {
    const { outputs } = await run(t => t.events([Measured], { name: 'plain' }).to(out), [{ n: 1 }]);
    expect(outputs).toEqual([['m-1', { n: 1 }, 7]]);
  });

  test('offers the greatest time that it has seen to events that have none', async () => {
    const seen: number[] = [];
    const build = (topology: TopologyBuilder): void =>
      topology
        .events([Measured], {
          name: 'source',
          time: (event, streamTime) => {
            seen.push(streamTime);
            return (event.data as number | null) ?? streamTime;
          },
        })
        .to(out);
    const { outputs } = await run(build, [10, 3, null]);
    expect(seen).toEqual([-1, 10, 10]);
    expect(outputs.map(([, , timestamp]) => timestamp)).toEqual([10, 3, 10]);
  });
});

test('stateless operators change what they say and keep the time', async () => {
  const build = (topology: TopologyBuilder): void =>
    source(topology)
      .filter('big', value => value !== null && value > 1)
      .mapValues('doubled', (value, key) => `${key}${(value ?? 0) * 2}`)
      .selectKey('rekeyed', (value, key) => `${key}/${value}`)
      .map('swapped', (value, key) => [value, key])
      .to(out);
  const { outputs } = await run(build, [
    ['a', 1, 2],
    ['b', 2, 1],
    ['c', 3, 3],
  ]);
  expect(outputs).toEqual([
    ['a4', 'a/a4', 1],
    ['c6', 'c/c6', 3],
  ]);
});

describe('an aggregate without windows', () => {
  test('emits every update with the greatest time of its contributors, and drops what has no key or no value', async () => {
    const { outputs, dropped } = await run(
      t => source(t).groupByKey().count('counted').toStream().to(out),
      [
        ['a', 5],
        ['a', 3],
        [null, 9],
        ['a', 9, null],
        ['b', 4],
      ],
    );
    expect(outputs).toEqual([
      ['a', 1, 5],
      ['a', 2, 5],
      ['b', 1, 4],
    ]);
    expect(dropped).toEqual({ counted: { 'null-key': 1, 'null-value': 1 } });
  });

  test('reduces from the first value on', async () => {
    const { outputs } = await run(
      t => source(t).groupByKey().reduce('greatest', Math.max).toStream().to(out),
      [
        ['a', 1, 5],
        ['a', 2, 3],
        ['a', 3, 8],
      ],
    );
    expect(outputs.map(([, value]) => value)).toEqual([5, 5, 8]);
  });

  test('deletes an entry that becomes null and begins anew', async () => {
    const build = (topology: TopologyBuilder): void =>
      source(topology)
        .groupBy('same', () => 'k')
        .aggregate('sum', {
          initial: (): number | null => 100,
          add: (sum, value) => (value < 0 ? null : (sum ?? 0) + value),
        })
        .toStream()
        .to(out);
    const { outputs, effects } = await run(build, [
      ['a', 9, 1],
      ['b', 5, -1],
      ['c', 3, 2],
      ['d', 2, -1],
    ]);
    expect(outputs).toEqual([
      ['k', 101, 9],
      ['k', null, 9],
      ['k', 102, 3],
      ['k', null, 3],
    ]);
    expect(effects.state?.filter(write => write.store === 'tested/sum')).toEqual([]);
  });
});

describe('a tumbling window', () => {
  const counted = (grace: number) => (topology: TopologyBuilder) =>
    source(topology).groupByKey().windowedBy(tumbling(10, { grace })).count('counted').toStream().to(out);

  test('takes records until stream time, the record itself included, reaches its end plus grace', async () => {
    const { outputs, dropped } = await run(counted(5), [
      ['a', 3],
      ['b', 14],
      ['a', 9],
      ['b', 15],
      ['a', 9],
      ['a', 10],
    ]);
    expect(outputs).toEqual([
      [windowed('a', 0, 10), 1, 3],
      [windowed('b', 10, 20), 1, 14],
      [windowed('a', 0, 10), 2, 9],
      [windowed('b', 10, 20), 2, 15],
      [windowed('a', 10, 20), 1, 10],
    ]);
    expect(dropped).toEqual({ counted: { late: 1 } });
  });

  test('keeps the greatest time of its contributors and counts records without a value, not those without a key', async () => {
    const { outputs, dropped } = await run(counted(0), [
      ['a', 7],
      ['a', 2, null],
      [null, 99],
      ['a', 3],
    ]);
    expect(outputs).toEqual([
      [windowed('a', 0, 10), 1, 7],
      [windowed('a', 0, 10), 2, 7],
      [windowed('a', 0, 10), 3, 7],
    ]);
    expect(dropped).toEqual({ counted: { 'null-key': 1 } });
  });

  test('reduces a first null to nothing', async () => {
    const build = (topology: TopologyBuilder): void =>
      source(topology)
        .groupByKey()
        .windowedBy(tumbling(10, { grace: 0 }))
        .reduce('sum', (sum, value) => (sum ?? 0) + (value ?? 0))
        .toStream()
        .to(out);
    const { outputs } = await run(build, [
      ['a', 1, null],
      ['a', 2, 4],
      ['a', 3, null],
    ]);
    expect(outputs.map(([, value]) => value)).toEqual([null, 4, 4]);
  });

  test('has a stream time of its own: what a filter holds back does not close it', async () => {
    const build = (topology: TopologyBuilder): void =>
      source(topology)
        .filter('a-only', (_, key) => key === 'a')
        .groupByKey()
        .windowedBy(tumbling(10, { grace: 0 }))
        .count('counted')
        .toStream()
        .to(out);
    const { outputs } = await run(build, [
      ['a', 1],
      ['b', 1_000],
      ['a', 2],
    ]);
    expect(outputs).toHaveLength(2);
  });
});

describe('a session', () => {
  const joined = (gap: number, grace: number) => (topology: TopologyBuilder) =>
    source(topology)
      .groupByKey()
      .windowedBy(session(gap, { grace }))
      .aggregate('joined', {
        initial: () => 'i',
        add: (text, value) => `${text}+${value}`,
        merge: (left, right) => `(${left}|${right})`,
        retention: '1d',
      })
      .toStream()
      .to(out);

  test('grows by records within the gap, both ends included, after a tombstone for what it was', async () => {
    const { outputs } = await run(joined(5, 100), [
      ['a', 10, 1],
      ['a', 15, 2],
      ['a', 5, 3],
      ['a', 21, 4],
    ]);
    expect(outputs).toEqual([
      [windowed('a', 10, 10), 'i+1', 10],
      [windowed('a', 10, 10), null, 10],
      [windowed('a', 10, 15), '(i|i+1)+2', 15],
      [windowed('a', 10, 15), null, 15],
      [windowed('a', 5, 15), '(i|(i|i+1)+2)+3', 15],
      [windowed('a', 21, 21), 'i+4', 21],
    ]);
  });

  test('joins the sessions on both sides, oldest first, and adds the record last', async () => {
    const { outputs } = await run(joined(5, 100), [
      ['a', 10, 1],
      ['a', 20, 2],
      ['a', 15, 3],
    ]);
    expect(outputs.slice(2)).toEqual([
      [windowed('a', 10, 10), null, 10],
      [windowed('a', 20, 20), null, 20],
      [windowed('a', 10, 20), '((i|i+1)|i+2)+3', 20],
    ]);
  });

  test('takes a second record of the same instant without a tombstone', async () => {
    const { outputs } = await run(joined(5, 100), [
      ['a', 10, 1],
      ['a', 10, 2],
    ]);
    expect(outputs).toEqual([
      [windowed('a', 10, 10), 'i+1', 10],
      [windowed('a', 10, 10), '(i|i+1)+2', 10],
    ]);
  });

  test('is closed strictly after its end plus gap plus grace', async () => {
    const { outputs, dropped } = await run(joined(5, 2), [
      ['b', 100, 0],
      ['a', 93, 1],
      ['a', 92, 2],
      ['c', 92, 3],
    ]);
    expect(outputs.slice(1)).toEqual([
      [windowed('a', 93, 93), 'i+1', 93],
      [windowed('a', 93, 93), null, 93],
      [windowed('a', 92, 93), '(i|i+1)+2', 93],
    ]);
    expect(dropped).toEqual({ joined: { late: 1 } });
  });

  test('takes a late record that reaches into an open session, and what lies behind it', async () => {
    const { outputs, dropped } = await run(joined(5, 20), [
      ['a', 60, 1],
      ['a', 70, 2],
      ['b', 100, 0],
      ['a', 76, 3],
      ['a', 65, 4],
    ]);
    expect(outputs.slice(3)).toEqual([[windowed('a', 76, 76), 'i+3', 76]]);
    expect(dropped).toEqual({ joined: { late: 1 } });
    const bridged = await run(joined(5, 20), [
      ['a', 60, 1],
      ['a', 70, 2],
      ['a', 75, 3],
      ['b', 100, 0],
      ['a', 65, 4],
    ]);
    expect(bridged.outputs.at(-1)).toEqual([windowed('a', 60, 75), '((i|i+1)|(i|i+2)+3)+4', 75]);
    expect(bridged.dropped).toEqual({});
  });

  test('does not reach back to a session past its retention', async () => {
    const build = (topology: TopologyBuilder): void =>
      source(topology)
        .groupByKey()
        .windowedBy(session(5, { grace: 20 }))
        .count('counted', { retention: 35 })
        .toStream()
        .to(out);
    const inputs: Input[] = [
      ['a', 64],
      ['a', 74],
      ['a', 79],
    ];
    const kept = await run(build, [...inputs, ['b', 99], ['a', 69]]);
    expect(kept.outputs.at(-1)).toEqual([windowed('a', 64, 79), 4, 79]);
    const gone = await run(build, [...inputs, ['b', 100], ['a', 69]]);
    expect(gone.outputs.at(-1)).toEqual([windowed('a', 69, 79), 3, 79]);
  });

  test('drops records without a key and takes those without a value', async () => {
    const { outputs, dropped } = await run(
      t =>
        source(t)
          .groupByKey()
          .windowedBy(session(5, { grace: 0 }))
          .count('counted')
          .toStream()
          .to(out),
      [
        ['a', 1, null],
        [null, 50],
        ['a', 2],
      ],
    );
    expect(outputs.map(([, value]) => value)).toEqual([1, null, 2]);
    expect(dropped).toEqual({ counted: { 'null-key': 1 } });
  });
});

test('state flows on: a result of one aggregate can be grouped and aggregated again', async () => {
  const build = (topology: TopologyBuilder): void =>
    source(topology)
      .groupByKey()
      .windowedBy(tumbling(10, { grace: 0 }))
      .count('by-window')
      .toStream()
      .groupBy('by-start', (_, { start }) => `${start}`)
      .reduce('most', Math.max)
      .toStream()
      .to(out);
  const { outputs } = await run(build, [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['a', 11],
  ]);
  expect(outputs).toEqual([
    ['0', 1, 1],
    ['0', 1, 2],
    ['0', 2, 3],
    ['10', 1, 11],
  ]);
});

test('writes only the last value of an entry, and the removal of windows past their retention', async () => {
  const { effects } = await run(
    t =>
      source(t)
        .groupByKey()
        .windowedBy(tumbling(10, { grace: 0 }))
        .count('counted', { retention: 20 }),
    [
      ['a', 1],
      ['a', 2],
      ['a', 50],
    ],
  );
  const place = { store: 'tested/counted', partition: 0 };
  expect(effects.state?.filter(write => write.store === place.store)).toEqual([
    { ...place, op: 'put', key: 'a', start: 0, end: 10, value: '[2,2]' },
    { ...place, op: 'put', key: 'a', start: 50, end: 60, value: '[50,1]' },
    { ...place, op: 'expire', endBefore: 30 },
  ]);
});

describe('a function of the program that fails', () => {
  const failing = (build: (topology: TopologyBuilder) => void) => run(build, [['a', 1, 5]]);

  test('is named with its node and the position of the event', async () => {
    const failure = failing(t =>
      source(t)
        .mapValues('broken', () => {
          throw new Error('no rate for this day');
        })
        .to(out),
    );
    await expect(failure).rejects.toSatisfy(thrown => isMillraceError(thrown, 'TOPOLOGY_FAILED'));
    await expect(failure).rejects.toMatchObject({
      message: 'Node broken of topology tested failed on the event at position 1: no rate for this day',
      details: { topology: 'tested', node: 'broken', position: 1 },
    });
  });

  test('is named when state had to be read first, and when the result cannot be kept', async () => {
    const add = (): never => {
      throw new Error('bad');
    };
    const failure = failing(t =>
      source(t)
        .groupByKey()
        .aggregate('sum', { initial: () => 0, add }),
    );
    await expect(failure).rejects.toMatchObject({ code: 'TOPOLOGY_FAILED', details: { node: 'sum' } });
    const nothing = failing(t =>
      source(t)
        .groupByKey()
        .aggregate('sum', { initial: () => 0, add: () => undefined as never }),
    );
    await expect(nothing).rejects.toMatchObject({ code: 'TOPOLOGY_FAILED', details: { node: 'sum' } });
    const unkept = failing(t =>
      source(t)
        .groupByKey()
        .aggregate('big', { initial: () => 0n, add: sum => sum + 1n }),
    );
    await expect(unkept).rejects.toMatchObject({ code: 'TOPOLOGY_FAILED', details: { node: 'big' } });
  });

  test('is told when it changes an aggregate instead of returning a new one', async () => {
    const build = (topology: TopologyBuilder): void => {
      source(topology)
        .groupByKey()
        .aggregate('sum', {
          initial: () => ({ sum: 0 }),
          add: (total, value) => {
            total.sum += value;
            return total;
          },
        });
    };
    await expect(
      run(build, [
        ['a', 1],
        ['a', 2],
      ]),
    ).rejects.toMatchObject({ code: 'TOPOLOGY_FAILED', details: { position: 2 } });
  });
});
