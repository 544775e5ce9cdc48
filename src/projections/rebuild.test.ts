import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment, VirtualClock } from '../testing/index.ts';
import { defineProjection, type Projection, ProjectionEngine } from './index.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });

let broken = false;

function sums(version: number, factor = version): Projection {
  return defineProjection('sums', {
    version,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ sum: 0 }),
    evolve: {
      Added: ({ sum }, { data }) => {
        if (broken && data.n === 13) throw new Error('13 cannot be added');
        return data.n === 100 && version > 1 ? null : { sum: sum + factor * data.n };
      },
    },
  });
}

const open: { storage: Storage; clock: VirtualClock; engines: ProjectionEngine[] }[] = [];
afterEach(async () => {
  broken = false;
  for (const { storage, clock, engines } of open.splice(0)) {
    for (const engine of engines) await clock.resolve(engine.stop());
    await clock.resolve(storage.close());
  }
});

async function setUp() {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  const engines: ProjectionEngine[] = [];
  open.push({ storage, clock, engines });
  const environment = await createTestEnvironment({ clock, storage, definitions: [Added] });
  const run = async (...projections: Projection[]): Promise<ProjectionEngine> => {
    const engine = new ProjectionEngine({ projections, environment });
    engines.push(engine);
    await clock.resolve(engine.start());
    return engine;
  };
  const append = async (key: string, n: number) =>
    (await clock.resolve(environment.events.append('s-1', [Added({ key, n })]))).position;
  return { clock, storage, run, append };
}

test('rebuilds beside the live documents, as a job that tells how far it is, and swaps when told to', async () => {
  const { clock, run, append, storage } = await setUp();
  const engine = await run(sums(1));
  for (let n = 1; n <= 10; n++) await append(`k${n % 3}`, n);
  await clock.settle();
  const job = await clock.resolve(engine.rebuild('sums', { maxPerSecond: 5 }));
  expect(job).toMatchObject({ kind: 'rebuild', projection: 'sums', build: '1.1', swap: 'manual', state: 'running' });
  expect(await clock.resolve(engine.rebuild('sums'))).toMatchObject({ id: job.id });
  expect(engine.status('sums')).toMatchObject({ state: 'rebuilding', build: '1' });
  await clock.advance(5_000);
  expect(await engine.job(job.id)).toMatchObject({ state: 'done', position: 10, head: 10, error: null });
  const compared = await engine.compare('sums');
  expect(compared).toMatchObject({ same: 3, different: 0, onlyLive: 0, onlyNext: 0, samples: [] });
  await clock.resolve(engine.swap('sums'));
  expect(engine.status('sums')).toMatchObject({ state: 'running', build: '1.1' });
  await append('k1', 5);
  await clock.settle();
  expect(await clock.resolve(engine.rollback('sums'))).toMatchObject({ build: '1' });
  expect(await engine.get('sums', 'k1')).toEqual({ sum: 27 });
  await clock.resolve(engine.dropPrevious('sums'));
  expect(engine.status('sums').builds.map(({ build }) => build)).toEqual(['1']);
  await expect(storage.documents.count('sums@1.1')).rejects.toMatchObject({ code: 'COLLECTION_NOT_DEFINED' });
});

test('goes on with a rebuild that a restart has interrupted, and swaps by itself where that was asked for', async () => {
  const { clock, run, append } = await setUp();
  const first = await run(sums(1));
  for (let n = 1; n <= 50; n++) await append('a', 1);
  await clock.settle();
  const { id } = await clock.resolve(first.rebuild('sums', { swap: 'auto', maxPerSecond: 10 }));
  await clock.resolve(first.stop());
  const second = await run(sums(1));
  await clock.advance(10_000);
  expect(await second.job(id)).toMatchObject({ state: 'done', swap: 'auto' });
  expect(second.status('sums')).toMatchObject({ build: '1.1', state: 'running' });
  expect(await second.get('sums', 'a')).toEqual({ sum: 50 });
});

test('says what differs between the live build and the one that is made', async () => {
  const { clock, run, append } = await setUp();
  const first = await run(sums(1));
  for (const [key, n] of [
    ['a', 1],
    ['b', 100],
    ['c', 0],
    ['é', 2],
  ] as const)
    await append(key, n);
  await clock.settle();
  await clock.resolve(first.stop());
  const engine = await run(sums(1), sums(2));
  await clock.settle();
  expect(await engine.compare('sums')).toEqual({
    projection: 'sums',
    live: { build: '1', position: 4, documents: 4 },
    next: { build: '2', position: 4, documents: 3 },
    ...{ same: 1, different: 2, onlyLive: 1, onlyNext: 0 },
    samples: [
      { key: 'a', live: { sum: 1 }, next: { sum: 2 } },
      { key: 'b', live: { sum: 100 }, next: null },
      { key: 'é', live: { sum: 2 }, next: { sum: 4 } },
    ],
  });
});

test('cancels a rebuild without a trace, and the next one begins anew', async () => {
  const { clock, run, append, storage } = await setUp();
  const engine = await run(sums(1));
  await append('a', 1);
  await clock.settle();
  const job = await clock.resolve(engine.rebuild('sums'));
  await clock.resolve(engine.cancelJob(job.id));
  expect(engine.status('sums').builds).toHaveLength(1);
  await expect(engine.job(job.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(storage.documents.count('sums@1.1')).rejects.toMatchObject({ code: 'COLLECTION_NOT_DEFINED' });
  expect(await clock.resolve(engine.rebuild('sums'))).toMatchObject({ build: '1.2' });
});

test('mends one document, and tells how it stood once and which events made it', async () => {
  const { clock, run, append, storage } = await setUp();
  const engine = await run(sums(1));
  for (let n = 1; n <= 4; n++) await append(n % 2 === 1 ? 'a' : 'b', n);
  await clock.settle();
  const later = clock.now() + 1;
  await clock.advance(10);
  await append('a', 5);
  await clock.settle();
  await clock.resolve(engine.pause('sums'));
  const [lease] = await storage.cursors.acquire({
    processor: 'projection:sums@1',
    partitions: [0],
    owner: 'x',
    leaseMs: 1,
  });
  const { processor, partition, fence, checkpoint } = lease as NonNullable<typeof lease>;
  await clock.resolve(
    storage.commit({
      cursors: [{ processor, partition, fence, from: checkpoint, to: checkpoint ?? '0' }],
      documents: [{ collection: 'sums@1', key: 'a', body: '{"sum":-1}' }],
    }),
  );
  await clock.resolve(engine.resume('sums'));
  expect(await clock.resolve(engine.rebuildDocument('sums', 'a'))).toEqual({ sum: 9 });
  expect(await engine.get('sums', 'a')).toEqual({ sum: 9 });
  expect(await engine.asOf('sums', 'a', { position: 3 })).toEqual({ document: { sum: 4 }, position: 3 });
  expect(await engine.asOf('sums', 'a', { time: later })).toEqual({ document: { sum: 4 }, position: 3 });
  expect(await engine.asOf('sums', 'nobody', { position: 5 })).toEqual({ document: undefined, position: 0 });
  expect((await engine.history('sums', 'a')).map(({ position }) => position)).toEqual([1, 3, 5]);
  expect((await engine.history('sums', 'a', { after: 1, limit: 1 })).map(({ position }) => position)).toEqual([3]);
  await append('a', 1);
  await clock.settle();
  expect(await engine.get('sums', 'a')).toEqual({ sum: 10 });
});

test('leaves out the event that it has failed at when told to, and keeps it', async () => {
  const { clock, run, append } = await setUp();
  broken = true;
  const engine = await run(sums(1));
  for (const n of [1, 13, 2]) await append('a', n);
  await clock.runUntil(() => engine.status('sums').state === 'failed');
  expect(await clock.resolve(engine.skipFailed('sums'))).toBe(true);
  expect(await clock.resolve(engine.get('sums', 'a', { after: 3 }))).toEqual({ sum: 3 });
  expect(await engine.parked('sums')).toMatchObject([{ position: 2, reason: { message: '13 cannot be added' } }]);
  expect(await clock.resolve(engine.skipFailed('sums'))).toBe(false);
});
