import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineEvent, type RecordedEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { defineTopology, session, type Topology, type TopologyBuilder, topic, tumbling } from './index.ts';
import { TopologyTask } from './topology-task.ts';

interface Input {
  readonly key: string;
  readonly time: number;
  readonly value: number;
}

type Output = readonly [key: string, start: number, end: number, value: number | null, timestamp: number];

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const Measured = defineEvent('Measured', { schema });
const out = topic('out', { partitions: 1, retention: 'forever' });
const PROCESSOR = 'tested';

function source(topology: TopologyBuilder) {
  return topology.events([Measured], {
    name: 'source',
    key: event => (event.data as Input).key,
    value: event => (event.data as Input).value,
    time: event => (event.data as Input).time,
  });
}

const sum = { initial: () => 0, add: (total: number, value: number) => total + value };

function tumblingSum(size: number, grace: number): Topology {
  return defineTopology('tested', topology =>
    source(topology).groupByKey().windowedBy(tumbling(size, { grace })).aggregate('sum', sum).toStream().to(out),
  );
}

function sessionSum(gap: number, grace: number): Topology {
  return defineTopology('tested', topology =>
    source(topology)
      .groupByKey()
      .windowedBy(session(gap, { grace }))
      .aggregate('sum', { ...sum, merge: (left, right) => left + right, retention: '1000d' })
      .toStream()
      .to(out),
  );
}

/** Sums again from all records that were accepted, for every record. */
function naiveTumbling(inputs: readonly Input[], size: number, grace: number): { outputs: Output[]; late: number } {
  const accepted: Input[] = [];
  const outputs: Output[] = [];
  let streamTime = -1;
  for (const input of inputs) {
    streamTime = Math.max(streamTime, input.time);
    const start = Math.floor(input.time / size) * size;
    if (streamTime >= start + size + grace) continue;
    accepted.push(input);
    const same = accepted.filter(({ key, time }) => key === input.key && Math.floor(time / size) * size === start);
    const total = same.reduce((all, { value }) => all + value, 0);
    outputs.push([input.key, start, start + size, total, Math.max(...same.map(({ time }) => time))]);
  }
  return { outputs, late: inputs.length - accepted.length };
}

/** A session is what hangs together when all accepted records of a key are put in order. */
function sessionsOf(records: readonly Input[], gap: number): Input[][] {
  const sessions: Input[][] = [];
  for (const record of [...records].sort((one, other) => one.time - other.time)) {
    const last = sessions.at(-1);
    if (last !== undefined && record.time - (last.at(-1) as Input).time <= gap) last.push(record);
    else sessions.push([record]);
  }
  return sessions;
}

function naiveSessions(inputs: readonly Input[], gap: number, grace: number): { outputs: Output[]; late: number } {
  const accepted: Input[] = [];
  const outputs: Output[] = [];
  let streamTime = -1;
  const boundsOf = (records: readonly Input[]): [number, number] => [
    (records[0] as Input).time,
    (records.at(-1) as Input).time,
  ];
  for (const input of inputs) {
    streamTime = Math.max(streamTime, input.time);
    const before = accepted.filter(({ key }) => key === input.key);
    const grown = sessionsOf([...before, input], gap).find(records => records.includes(input)) as Input[];
    const [start, end] = boundsOf(grown);
    if (end < streamTime - grace - gap) continue;
    accepted.push(input);
    if (start !== input.time || end !== input.time) {
      for (const old of sessionsOf(before, gap)) {
        const [oldStart, oldEnd] = boundsOf(old);
        if (old.every(record => grown.includes(record))) outputs.push([input.key, oldStart, oldEnd, null, oldEnd]);
      }
    }
    outputs.push([input.key, start, end, grown.reduce((all, { value }) => all + value, 0), end]);
  }
  return { outputs, late: inputs.length - accepted.length };
}

/** Runs a topology in pages; after each page it may lose its memory, as a restart does. */
async function run(topology: Topology, inputs: readonly Input[], pages: readonly { size: number; restart: boolean }[]) {
  const environment = await createTestEnvironment();
  const { storage, clock } = environment;
  const task = new TopologyTask({ topology, partition: 0, environment, cacheEntriesMax: 2 });
  await storage.topics.define(out);
  const wanted = { processor: PROCESSOR, partitions: [0], owner: 'test', leaseMs: 1_000_000 };
  const [lease] = await storage.cursors.acquire(wanted);
  if (lease === undefined) throw new Error('The cursor is not free.');
  const { fence } = lease;
  let from: string | null = null;
  for (let position = 0, turn = 0; position < inputs.length; turn++) {
    const { size, restart } = pages[turn % pages.length] as (typeof pages)[number];
    const events = inputs.slice(position, position + size).map((data, index) => recorded(data, position + index + 1));
    position += events.length;
    const to = String(position);
    const effects = await task.handle(events);
    await clock.resolve(
      storage.commit({ ...effects, cursors: [{ processor: PROCESSOR, partition: 0, fence, from, to }] }),
    );
    from = to;
    if (restart) task.reset();
    else task.committed(events);
  }
  const records = await storage.topics.read('out', 0, 0, 100_000);
  const outputs = records.map(({ key: text, value, timestamp }) => {
    const { key, start, end } = JSON.parse(text as string) as { key: string; start: number; end: number };
    return [key, start, end, value, timestamp];
  });
  const nodes = await storage.topics.scanState('tested/$nodes', 0, { limit: 10 });
  const node = nodes.find(({ key }) => key === 'sum');
  const late = (JSON.parse(node?.value ?? '{"dropped":{}}') as { dropped: { late?: number } }).dropped.late ?? 0;
  const state = await storage.topics.scanState('tested/sum', 0, { limit: 100_000 });
  await clock.resolve(storage.close());
  return { outputs, late, state: state.map(({ key, start, end, value }) => [key, start, end, JSON.parse(value)[1]]) };
}

function recorded(data: Input, position: number): RecordedEvent {
  const beside = { metadata: { correlationId: 'c' }, tags: [], contentHash: '' };
  const at = { occurredAt: 0, recordedAt: 0, position, revision: 0 };
  return { ...at, stream: 'm-1', id: `${position}`, type: 'Measured', schemaVersion: 1, data, ...beside };
}

/** What is left of the outputs when each entry keeps its last value. */
function lastOf(outputs: readonly Output[]): unknown[] {
  const last = new Map<string, unknown[]>();
  for (const [key, start, end, value] of outputs) {
    if (value === null) last.delete(`${key}/${start}/${end}`);
    else last.set(`${key}/${start}/${end}`, [key, start, end, value]);
  }
  const entries = [...last.values()] as [string, number, number, number][];
  return entries.sort(([a, , c], [x, , z]) => (a === x ? c - z : a < x ? -1 : 1));
}

/** Times wander forward by random steps and fall back by up to `back`, so that some records are in time and some are late. */
const inputs = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      step: fc.integer({ min: 0, max: 20 }),
      back: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 80 }) },
      ),
      value: fc.integer({ min: -9, max: 99 }),
    }),
    { minLength: 1, maxLength: 80 },
  )
  .map(steps => {
    let now = 0;
    return steps.map(({ key, step, back, value }): Input => {
      now += step;
      return { key, time: Math.max(0, now - back), value };
    });
  });
const pages = fc.array(fc.record({ size: fc.integer({ min: 1, max: 20 }), restart: fc.boolean() }), {
  minLength: 1,
  maxLength: 8,
});
const length = fc.integer({ min: 1, max: 25 });
const grace = fc.integer({ min: 0, max: 30 });

test('tumbling windows give what a naive model gives, in whatever pages and however often memory is lost', async () => {
  await fc.assert(
    fc.asyncProperty(inputs, pages, length, grace, async (records, turns, sizeMs, graceMs) => {
      const expected = naiveTumbling(records, sizeMs, graceMs);
      const actual = await run(tumblingSum(sizeMs, graceMs), records, turns);
      expect(actual.outputs).toEqual(expected.outputs);
      expect(actual.late).toBe(expected.late);
    }),
    { numRuns: 150 },
  );
});

test('sessions give what a naive model gives, in whatever pages and however often memory is lost', async () => {
  await fc.assert(
    fc.asyncProperty(inputs, pages, length, grace, async (records, turns, gapMs, graceMs) => {
      const expected = naiveSessions(records, gapMs, graceMs);
      const actual = await run(sessionSum(gapMs, graceMs), records, turns);
      expect(actual.outputs).toEqual(expected.outputs);
      expect(actual.late).toBe(expected.late);
      expect(actual.state).toEqual(lastOf(expected.outputs));
    }),
    { numRuns: 150 },
  );
});

test('a late record reaches back behind an open session to one that memory has let go of', async () => {
  const times = [60, 70, 75, 100, 77, 65];
  const records = times.map((time, index) => ({ key: time === 100 ? 'b' : 'a', time, value: 2 ** index }));
  const { outputs, state } = await run(sessionSum(5, 20), records, [{ size: 1, restart: false }]);
  expect(outputs).toEqual(naiveSessions(records, 5, 20).outputs);
  expect(state).toEqual([
    ['a', 60, 77, 1 + 2 + 4 + 16 + 32],
    ['b', 100, 100, 8],
  ]);
});
