import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isMillraceError, type Labels, silentTelemetry, type Telemetry } from '../core/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineTopology, session, type Topology, TopologyEngine, topic, tumbling } from './index.ts';

interface Measure {
  readonly key: string;
  readonly time: number;
  readonly value: number;
}

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const Measured = defineEvent('Measured', { schema });

const measures = defineTopology(
  'measures',
  builder => {
    const stream = builder
      .events([Measured], {
        name: 'source',
        key: event => (event.data as Measure).key,
        time: event => (event.data as Measure).time,
      })
      .mapValues('value', data => (data as Measure).value);
    const keyed = stream.groupByKey();
    const sum = {
      initial: () => ({ sum: 0 }),
      add: (total: { sum: number }, value: number) => ({ sum: total.sum + value }),
    };
    keyed.windowedBy(tumbling(10, { grace: 0 })).aggregate('sums', { ...sum, retention: 1_000 });
    keyed.windowedBy(session(5, { grace: 0 })).count('visits', { retention: 1_000 });
    keyed
      .count('counts')
      .toStream()
      .to(topic('counts', { partitions: 3, retention: '1h' }));
  },
  { description: 'What was measured' },
);

let environment: TestEnvironment;
let counted: { name: string; amount: number; labels: Labels | undefined }[];

beforeEach(async () => {
  counted = [];
  const telemetry: Telemetry = {
    ...silentTelemetry,
    metrics: {
      ...silentTelemetry.metrics,
      counter: ({ name }) => ({ add: (amount, labels) => void counted.push({ name, amount, labels }) }),
    },
  };
  environment = await createTestEnvironment({ telemetry });
});

afterEach(async () => {
  await environment.clock.resolve(environment.storage.close());
});

async function append(...inputs: readonly (readonly [key: string, time: number, value?: number])[]): Promise<number> {
  const data = inputs.map(([key, time, value = 1]) => ({ type: 'Measured', data: { key, time, value } }));
  return (await environment.clock.resolve(environment.events.append('measure-1', data))).position;
}

async function started(definition: Topology = measures): Promise<TopologyEngine> {
  const engine = new TopologyEngine({ definitions: [definition], environment });
  await environment.clock.resolve(engine.start());
  return engine;
}

async function reach(engine: TopologyEngine, name: string, position: number): Promise<void> {
  expect(await environment.clock.resolve(engine.reached(name, position, 60_000))).toBe(true);
}

describe('queries', () => {
  test('answer by key, by window and in order, with the event time that a value rests on', async () => {
    const engine = await started();
    await reach(engine, 'measures', await append(['b', 1, 5], ['a', 3, 2], ['a', 1, 4], ['a', 25]));
    const sums = engine.store<{ sum: number }>('measures', 'sums');
    expect(await sums.window('a', 0)).toEqual({ key: 'a', start: 0, end: 10, value: { sum: 6 }, timestamp: 3 });
    expect(await sums.window('a', 10)).toBeUndefined();
    const visits = engine.store<number>('measures', 'visits');
    expect(await visits.window('a', 1)).toEqual({ key: 'a', start: 1, end: 3, value: 2, timestamp: 3 });
    expect(await visits.window('a', 2)).toBeUndefined();
    const counts = engine.store<number>('measures', 'counts');
    expect(await counts.get('a')).toEqual({ key: 'a', start: 0, end: 0, value: 3, timestamp: 25 });
    expect(await counts.get('z')).toBeUndefined();
    const first = await sums.all({ limit: 2 });
    expect(first.map(({ key, start }) => [key, start])).toEqual([
      ['a', 0],
      ['a', 20],
    ]);
    const rest = await sums.all({ after: first[1] as (typeof first)[number] });
    expect(rest.map(({ key, start }) => [key, start])).toEqual([['b', 0]]);
    await environment.clock.resolve(engine.stop());
  });

  test('are told when they ask for what is not there', async () => {
    const engine = await started();
    const refused = (code: 'TOPOLOGY_NOT_FOUND' | 'NOT_FOUND' | 'INVALID_ARGUMENT') =>
      expect.toSatisfy(thrown => isMillraceError(thrown, code));
    expect(() => engine.store('other', 'sums')).toThrow(refused('TOPOLOGY_NOT_FOUND'));
    expect(() => engine.status('other')).toThrow(refused('TOPOLOGY_NOT_FOUND'));
    expect(() => engine.store('measures', 'other')).toThrow(refused('NOT_FOUND'));
    await expect(engine.nodes('other')).rejects.toEqual(refused('TOPOLOGY_NOT_FOUND'));
    await expect(engine.store('measures', 'sums').get('a')).rejects.toEqual(refused('INVALID_ARGUMENT'));
    await expect(engine.store('measures', 'counts').window('a', 0)).rejects.toEqual(refused('INVALID_ARGUMENT'));
    await environment.clock.resolve(engine.stop());
  });
});

test('an aggregate that becomes null is deleted, also after it was stored', async () => {
  const lamps = defineTopology('lamps', builder =>
    builder
      .events([Measured], { name: 'source', key: event => (event.data as Measure).key })
      .groupByKey()
      .aggregate('lit', {
        initial: (): number | null => null,
        add: (lit, data) => ((data as Measure).value === 0 ? null : (lit ?? 0) + 1),
      }),
  );
  const engine = await started(lamps);
  const lit = engine.store<number>('lamps', 'lit');
  await reach(engine, 'lamps', await append(['a', 1], ['b', 1], ['a', 2]));
  expect((await lit.all()).map(({ key, value }) => [key, value])).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
  await reach(engine, 'lamps', await append(['a', 3, 0]));
  expect((await lit.all()).map(({ key }) => key)).toEqual(['b']);
  await reach(engine, 'lamps', await append(['a', 4]));
  expect((await lit.get('a'))?.value).toBe(1);
  await environment.clock.resolve(engine.stop());
});

test('a restart keeps stream time and the counts of what was dropped', async () => {
  const first = await started();
  await reach(first, 'measures', await append(['a', 3], ['b', 50], ['a', 4]));
  await environment.clock.resolve(first.stop());
  const second = await started();
  await reach(second, 'measures', await append(['a', 5], ['a', -1], ['b', 45]));
  const late = { late: 2 };
  expect(await second.nodes('measures')).toEqual([
    { node: 'source', kind: 'events', streamTime: 50, dropped: { 'negative-time': 1 } },
    { node: 'value', kind: 'map-values', streamTime: null, dropped: {} },
    { node: 'sums', kind: 'window-aggregate', streamTime: 50, dropped: { late: 3 } },
    { node: 'visits', kind: 'session-count', streamTime: 50, dropped: late },
    { node: 'counts', kind: 'count', streamTime: null, dropped: {} },
    { node: 'to:counts', kind: 'to', streamTime: null, dropped: {} },
  ]);
  expect(await second.store('measures', 'visits').dropped()).toEqual(late);
  const total = (metric: string, node?: string): number =>
    counted
      .filter(({ name, labels }) => name === metric && labels?.['node'] === node)
      .reduce((all, { amount }) => all + amount, 0);
  expect(total('millrace_stream_late_records_total', 'sums')).toBe(3);
  expect(total('millrace_stream_dropped_records_total', 'source')).toBe(1);
  expect(total('millrace_stream_records_total')).toBe(6);
  await environment.clock.resolve(second.stop());
});

test('says where it stands under the name of the topology', async () => {
  const engine = await started();
  const position = await append(['a', 1]);
  await reach(engine, 'measures', position);
  const [status] = engine.statuses();
  expect(status).toMatchObject({
    topology: 'measures',
    name: 'topology:measures',
    position,
    lag: 0,
    description: 'What was measured',
  });
  await environment.clock.resolve(engine.stop());
  expect(engine.status('measures').state).toBe('stopped');
});

test('spreads records over the partitions of a topic by key and removes them after its retention', async () => {
  const { storage, clock } = environment;
  const engine = await started();
  await reach(engine, 'measures', await append(['a', 1], ['b', 2], ['c', 3], ['d', 4], ['a', 5]));
  const read = async () =>
    (await Promise.all([0, 1, 2].map(partition => storage.topics.read('counts', partition, 0, 100)))).map(records =>
      records.map(({ key, value }) => `${key}${value}`),
    );
  const before = await read();
  expect(before.flat().sort()).toEqual(['a1', 'a2', 'b1', 'c1', 'd1']);
  const ofA = before.find(records => records.includes('a1'));
  expect(ofA).toContain('a2');
  await clock.advance(7_200_000);
  await reach(engine, 'measures', await append(['a', 6]));
  await clock.advance(120_000);
  await reach(engine, 'measures', await append(['a', 7]));
  const after = (await read()).flat();
  expect(after).not.toContain('a1');
  expect(after).toContain('a4');
  await clock.resolve(engine.stop());
});

describe('a function that fails', () => {
  const fragile = (afterwards: 'halt' | 'park'): Topology =>
    defineTopology(
      'fragile',
      builder =>
        builder
          .events([Measured], { name: 'source', key: event => (event.data as Measure).key })
          .mapValues('checked', data => {
            if ((data as Measure).value < 0) throw new Error('a negative measure');
            return (data as Measure).value;
          })
          .groupByKey()
          .count('counts'),
      { failure: { retry: { attempts: 2, base: 10 }, afterwards } },
    );

  test('halts the topology at the event, and says at which node', async () => {
    const engine = await started(fragile('halt'));
    await append(['a', 1], ['a', 2, -1], ['a', 3]);
    await environment.clock.runUntil(() => engine.status('fragile').state === 'failed');
    expect(engine.status('fragile')).toMatchObject({
      position: 1,
      failedAt: 2,
      reason: { code: 'TOPOLOGY_FAILED', details: { topology: 'fragile', node: 'checked', position: 2 } },
    });
    expect(await engine.store('fragile', 'counts').get('a')).toMatchObject({ value: 1 });
    await environment.clock.resolve(engine.stop());
  });

  test('may cost the event alone, which is kept as a dead letter', async () => {
    const engine = await started(fragile('park'));
    await reach(engine, 'fragile', await append(['a', 1], ['a', 2, -1], ['a', 3]));
    expect(await engine.store('fragile', 'counts').get('a')).toMatchObject({ value: 2 });
    expect((await environment.storage.work.counts('dead:topology:fragile')).parked).toBe(1);
    await environment.clock.resolve(engine.stop());
  });
});

test('follows a long log in pages and holds no more in memory than it may', async () => {
  const keys = 3_000;
  for (let start = 0; start < 12_000; start += 500) {
    await append(...Array.from({ length: 500 }, (_, index) => [`k${(start + index) % keys}`, start + index] as const));
  }
  const engine = new TopologyEngine({ definitions: [measures], environment, cacheEntriesMax: 100 });
  await environment.clock.resolve(engine.start());
  await reach(engine, 'measures', 12_000);
  const counts = await engine.store<number>('measures', 'counts').all({ limit: 10_000 });
  expect(counts).toHaveLength(keys);
  expect(new Set(counts.map(({ value }) => value))).toEqual(new Set([4]));
  await environment.clock.resolve(engine.stop());
});
