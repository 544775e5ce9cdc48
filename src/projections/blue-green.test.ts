import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment, faultyStorage, VirtualClock } from '../testing/index.ts';
import { defineProjection, type Projection, ProjectionEngine } from './index.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });

/** Version v of a sum counts every event v times. */
function sums(version: number): Projection {
  return defineProjection('sums', {
    version,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ sum: 0, version }),
    evolve: { Added: ({ sum }, { data }) => ({ sum: sum + version * data.n, version }) },
    indexes: ['sum'],
  });
}

const open: { storage: Storage; clock: VirtualClock; engines: ProjectionEngine[] }[] = [];
afterEach(async () => {
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
  return { clock, storage, environment, run, append };
}

test('builds a new version beside the old one, which is read until the new one has all that it has', async () => {
  const { clock, run, append } = await setUp();
  const old = await run(sums(1));
  for (let n = 1; n <= 20; n++) await append('a', n);
  await clock.settle();
  await clock.resolve(old.stop());
  const starting = run(sums(2));
  const engine = open.at(-1)?.engines.at(-1) as ProjectionEngine;
  const seen = new Set<string>();
  for (let n = 0; n < 200; n++) {
    const read = await engine.get('sums', 'a').catch(() => undefined);
    if (read !== undefined) seen.add(JSON.stringify(read));
    await new Promise(resolve => setImmediate(resolve));
  }
  await starting;
  expect([...seen]).toEqual(['{"sum":210,"version":1}', '{"sum":420,"version":2}']);
  const last = await append('a', 100);
  expect(await clock.resolve(engine.get('sums', 'a', { after: last }))).toEqual({ sum: 620, version: 2 });
  expect(engine.status('sums')).toMatchObject({ version: 2, build: '2', state: 'running' });
});

test('swaps to a new version when told to, and back, with both of them following the log', async () => {
  const { clock, run, append } = await setUp();
  const first = await run(sums(2));
  await append('a', 1);
  await clock.settle();
  await clock.resolve(first.stop());
  const engine = await run(sums(2), sums(3));
  await append('a', 2);
  await clock.settle();
  expect(engine.status('sums')).toMatchObject({ state: 'rebuilding', version: 2 });
  expect(await engine.get('sums', 'a')).toEqual({ sum: 6, version: 2 });
  expect(await clock.resolve(engine.swap('sums'))).toMatchObject({ version: 3 });
  await append('a', 3);
  await clock.settle();
  expect(await engine.get('sums', 'a')).toEqual({ sum: 18, version: 3 });
  expect(await clock.resolve(engine.rollback('sums'))).toMatchObject({ version: 2 });
  expect(await engine.get('sums', 'a')).toEqual({ sum: 12, version: 2 });
  expect(
    engine.status('sums').builds.map(({ build, role, position }) => ({
      build,
      role,
      position,
    })),
  ).toEqual([
    { build: '2', role: 'live', position: 3 },
    { build: '3', role: 'previous', position: 3 },
  ]);
});

test('says what is missing when nothing can be swapped', async () => {
  const { clock, run } = await setUp();
  const engine = await run(sums(1));
  await expect(clock.resolve(engine.swap('sums'))).rejects.toMatchObject({ code: 'PROJECTION_NOT_READY' });
  await expect(clock.resolve(engine.rollback('sums'))).rejects.toMatchObject({ code: 'PROJECTION_NOT_READY' });
  await expect(clock.resolve(engine.swap('nobody'))).rejects.toMatchObject({ code: 'PROJECTION_NOT_FOUND' });
});

test('swaps whole, at one position, or not at all, wherever it crashes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.constantFrom('crash-before', 'crash-after'), async (at, fault) => {
      const { clock, storage, environment, append } = await setUp();
      const first = new ProjectionEngine({ projections: [sums(1)], environment });
      await clock.resolve(first.start());
      for (let n = 1; n <= 5; n++) await append('a', n);
      await clock.settle();
      await clock.resolve(first.stop());
      let commits = 0;
      const faulty = faultyStorage(storage, () => (commits++ === at ? fault : undefined));
      const crashing = await createTestEnvironment({ clock, storage: faulty, definitions: [Added] });
      const engine = new ProjectionEngine({ projections: [sums(1), sums(2)], environment: crashing });
      await clock.resolve(
        engine
          .start()
          .then(() => engine.swap('sums'))
          .catch(() => undefined),
      );
      await clock.resolve(engine.stop().catch(() => undefined));
      const after = await createTestEnvironment({ clock, storage, definitions: [Added], owner: 'after' });
      const last = new ProjectionEngine({ projections: [sums(1), sums(2)], environment: after });
      await clock.resolve(last.start());
      const { version } = last.status('sums');
      expect(await clock.resolve(last.get('sums', 'a', { after: 5 }))).toEqual({ sum: 15 * version, version });
      if (version === 1) await clock.resolve(last.swap('sums'));
      expect(await last.get('sums', 'a')).toEqual({ sum: 30, version: 2 });
      await clock.resolve(last.stop());
    }),
    { numRuns: 30 },
  );
});
