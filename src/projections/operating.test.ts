import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment, VirtualClock } from '../testing/index.ts';
import { defineProjection, type Projection, ProjectionEngine } from './index.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });
const Moved = defineEvent('Moved', { schema: z.object({ from: z.string(), to: z.string(), n: z.number() }) });

let broken = true;

function sums(version = 1, factor = 1, more: Partial<Projection> = {}): Projection {
  const defined = defineProjection('sums', {
    version,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ sum: 0 }),
    evolve: {
      Added: ({ sum }, { data }) => {
        if (broken && data.n === 13) throw new Error('13 cannot be added');
        return { sum: sum + data.n };
      },
    },
  });
  const evolve =
    factor === 1 ? defined.evolve : { Added: (_: unknown, { data }: { data: { n: number } }) => ({ sum: data.n }) };
  return { ...defined, evolve, ...more };
}

const open: { storage: Storage; clock: VirtualClock }[] = [];
const engines: ProjectionEngine[] = [];
afterEach(async () => {
  broken = true;
  for (const { storage, clock } of open.splice(0)) {
    for (const engine of engines.splice(0)) await clock.resolve(engine.stop());
    await clock.resolve(storage.close());
  }
});

async function setUp() {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  open.push({ storage, clock });
  const environment = await createTestEnvironment({ clock, storage, definitions: [Added, Moved] });
  const run = async (...projections: Projection[]): Promise<ProjectionEngine> => {
    const engine = new ProjectionEngine({ projections, environment });
    engines.push(engine);
    await clock.resolve(engine.start());
    return engine;
  };
  const append = async (key: string, n: number) =>
    (await clock.resolve(environment.events.append('s-1', [Added({ key, n })]))).position;
  return { clock, storage, environment, run, append };
}

const parking = { failure: { retry: { attempts: 1, base: 1 }, afterwards: 'park' } } as const;
const parkingKeys = { failure: { retry: { attempts: 1, base: 1 }, afterwards: 'parkKey' } } as const;

test('stays where it was paused, through a restart, and goes on when it is resumed', async () => {
  const { clock, run, append } = await setUp();
  const first = await run(sums());
  await append('a', 1);
  await clock.settle();
  expect(await clock.resolve(first.pause('sums'))).toMatchObject({ state: 'paused', position: 1 });
  await append('a', 2);
  await clock.resolve(first.stop());
  const second = await run(sums());
  await clock.settle();
  expect(second.status('sums')).toMatchObject({ state: 'paused', position: 1, head: 2, lag: 1 });
  expect(await second.get('sums', 'a')).toEqual({ sum: 1 });
  await clock.resolve(second.resume('sums'));
  await clock.settle();
  expect(second.status('sums')).toMatchObject({ state: 'running', phase: 'live', lag: 0 });
  expect(await second.get('sums', 'a')).toEqual({ sum: 3 });
});

test('deploys what it can, says of each what came of it, and answers a request the same twice', async () => {
  const { clock, run } = await setUp();
  const engine = await run(sums());
  const result = await clock.resolve(engine.deploy(['sums', 'nobody'], { requestId: 'r-1' }));
  expect(result).toMatchObject({
    requestId: 'r-1',
    projections: [
      { name: 'sums', state: 'RUNNING', version: 1, reason: null },
      { name: 'nobody', state: 'FAILED', version: null, reason: { code: 'PROJECTION_NOT_FOUND' } },
    ],
  });
  await clock.advance(1_000);
  expect(await clock.resolve(engine.deploy('all', { requestId: 'r-1' }))).toEqual(result);
});

test('refuses a definition that was changed under its version, says what changed, and takes it when told to', async () => {
  const { clock, run, append } = await setUp();
  const first = await run(sums());
  await append('a', 5);
  await clock.settle();
  await clock.resolve(first.stop());
  const changed = await run(sums(1, 2), defineProjection('others', { ...counting, version: 1 }));
  expect(changed.status('sums')).toMatchObject({
    state: 'failed',
    reason: { code: 'PROJECTION_CHANGED', details: { changed: ['evolve.Added'] } },
  });
  expect(changed.status('others').state).toBe('running');
  expect(await changed.get('sums', 'a')).toEqual({ sum: 5 });
  await clock.resolve(changed.deploy(['sums'], { acceptChanges: true }));
  await append('a', 7);
  await clock.settle();
  expect(changed.status('sums').state).toBe('running');
  expect(await changed.get('sums', 'a')).toEqual({ sum: 7 });
});

const counting = {
  events: [Added],
  key: (event: { data: { key: string } }) => event.data.key,
  initial: () => ({ count: 0 }),
  evolve: { Added: ({ count }: { count: number }) => ({ count: count + 1 }) },
};

test('begins again by itself after it has failed, and goes on once the cause is gone', async () => {
  const { clock, run, append } = await setUp();
  const engine = await run(sums());
  await append('a', 13);
  await clock.runUntil(() => engine.status('sums').state === 'failed');
  const { restartAt, failedAt, reason } = engine.status('sums');
  expect({ failedAt, stack: reason?.details?.['stack'] }).toEqual({
    failedAt: 1,
    stack: expect.stringContaining('13'),
  });
  broken = false;
  await clock.advance((restartAt ?? 0) - clock.now());
  await clock.settle();
  expect(engine.status('sums')).toMatchObject({ state: 'running', reason: null, restartAt: null });
  expect(await engine.get('sums', 'a')).toEqual({ sum: 13 });
});

test('tries a parked event again, with other data if that is given, and commits it once', async () => {
  const { clock, run, append } = await setUp();
  const engine = await run(sums(1, 1, parking));
  for (const [key, n] of [
    ['a', 1],
    ['a', 13],
    ['b', 13],
    ['a', 2],
  ] as const)
    await append(key, n);
  await clock.resolve(engine.get('sums', 'a', { after: 4 }));
  const parked = await engine.parked('sums');
  expect(parked.map(({ position, keys, behind }) => ({ position, keys, behind }))).toEqual([
    { position: 2, keys: ['a'], behind: false },
    { position: 3, keys: ['b'], behind: false },
  ]);
  await clock.resolve(engine.retryParked('sums'));
  await clock.settle();
  expect(await engine.parkedCount('sums')).toBe(2);
  await clock.resolve(engine.editParked('sums', parked[0]?.id ?? '', { key: 'a', n: 10 }));
  await clock.settle();
  expect(await engine.get('sums', 'a')).toEqual({ sum: 13 });
  await clock.resolve(engine.skipParked('sums', parked[1]?.id ?? ''));
  expect(await engine.parkedCount('sums')).toBe(0);
  await expect(engine.skipParked('sums', 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('keeps the later events of a parked key behind it, in their order, while other keys go on', async () => {
  const { clock, run, append, storage } = await setUp();
  const last = defineProjection('last', {
    version: 1,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ seen: [] as number[] }),
    evolve: {
      Added: ({ seen }, { data }) => {
        if (broken && data.n === 13) throw new Error('13 cannot be added');
        return { seen: [...seen, data.n] };
      },
    },
    ...parkingKeys,
  });
  const engine = await run(last);
  for (const [key, n] of [
    ['a', 1],
    ['a', 13],
    ['a', 2],
    ['b', 3],
    ['a', 4],
  ] as const)
    await append(key, n);
  await clock.resolve(engine.get('last', 'b', { after: 5 }));
  expect(await engine.get('last', 'a')).toEqual({ seen: [1] });
  expect(await engine.get('last', 'b')).toEqual({ seen: [3] });
  expect((await engine.parked('last')).map(({ behind }) => behind)).toEqual([false, true, true]);
  await clock.resolve(engine.retryParked('last'));
  await clock.settle();
  expect(await engine.get('last', 'a')).toEqual({ seen: [1] });
  broken = false;
  const [first] = await engine.parked('last');
  await clock.resolve(engine.retryParked('last', [first?.id ?? '']));
  await clock.settle();
  expect(await engine.get('last', 'a')).toEqual({ seen: [1, 13, 2, 4] });
  expect(await storage.work.counts('dead:projection:last@1')).toEqual({ ready: 0, parked: 0, done: 0 });
});

test('lets go on what waited behind an event that is skipped', async () => {
  const { clock, run, append } = await setUp();
  const engine = await run(sums(1, 1, parkingKeys));
  for (const n of [13, 2, 3]) await append('a', n);
  await clock.settle();
  const [first] = await engine.parked('sums');
  await clock.resolve(engine.skipParked('sums', first?.id ?? ''));
  await clock.settle();
  expect(await engine.get('sums', 'a')).toEqual({ sum: 5 });
  expect(await engine.parkedCount('sums')).toBe(0);
});

test('folds an event into several documents, by a key for each type, with what was looked up for many at once', async () => {
  const { clock, environment, run, append } = await setUp();
  const asked: number[] = [];
  const balances = defineProjection('balances', {
    version: 1,
    events: [Added, Moved],
    key: { Added: event => event.data.key, Moved: event => [event.data.from, event.data.to] },
    enrich: async events => {
      asked.push(events.length);
      return new Map(events.map(({ position }) => [position, `#${position}`]));
    },
    initial: () => ({ balance: 0, last: '' }),
    evolve: {
      Added: ({ balance }, { data, position }, names) => ({
        balance: balance + data.n,
        last: names.get(position) ?? '',
      }),
      Moved: ({ balance }, { data, position }, names, key) => ({
        balance: balance + (key === data.from ? -data.n : data.n),
        last: names.get(position) ?? '',
      }),
    },
  });
  await append('a', 10);
  await clock.resolve(environment.events.append('s-2', [Moved({ from: 'a', to: 'b', n: 4 })]));
  const engine = await run(balances);
  await clock.settle();
  expect(await engine.get('balances', 'a')).toEqual({ balance: 6, last: '#2' });
  expect(await engine.get('balances', 'b')).toEqual({ balance: 4, last: '#2' });
  expect(asked).toEqual([2]);
});
