import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment, VirtualClock } from '../testing/index.ts';
import { defineProjection, defineQuery, ProjectionEngine } from './index.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });
const Other = defineEvent('Other', { schema: z.object({}) });

function model<const Name extends string>(name: Name, version = 1) {
  return defineProjection(name, {
    version,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ sum: 0, version }),
    evolve: { Added: ({ sum }, { data }) => ({ sum: sum + data.n, version }) },
    indexes: ['sum'],
  });
}

const sums = model('sums');
let runs = 0;
const total = defineQuery('total', {
  models: { sums },
  run: async ({ sums }, { atLeast }: { atLeast: number }) => {
    runs++;
    const [row] = await sums.aggregate({ where: { sum: { gte: atLeast } }, of: 'sum' });
    return row?.sum ?? 0;
  },
});

const open: { storage: Storage; clock: VirtualClock; engines: ProjectionEngine[] }[] = [];
afterEach(async () => {
  runs = 0;
  for (const { storage, clock, engines } of open.splice(0)) {
    for (const engine of engines) await clock.resolve(engine.stop());
    await clock.resolve(storage.close());
  }
});

async function setUp(...projections: ConstructorParameters<typeof ProjectionEngine>[0]['projections'][number][]) {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  const engines: ProjectionEngine[] = [];
  open.push({ storage, clock, engines });
  const environment = await createTestEnvironment({ clock, storage, definitions: [Added, Other] });
  const run = async (defined = projections): Promise<ProjectionEngine> => {
    const started = new ProjectionEngine({ projections: defined, environment });
    engines.push(started);
    await clock.resolve(started.start());
    return started;
  };
  const engine = await run();
  const add = async (key: string, n: number) =>
    (await clock.resolve(environment.events.append('s-1', [Added({ key, n })]))).position;
  return { clock, storage, environment, engine, run, add };
}

test('keeps a result until a model changes, and says what it rests on', async () => {
  const { clock, engine, environment, add } = await setUp(sums);
  const after = await add('a', 5);
  const ask = (options = {}) => clock.resolve(engine.queries.ask(total, { atLeast: 1 }, options));
  expect(await ask({ after })).toMatchObject({ result: 5, fromCache: false, position: 1 });
  expect(await ask()).toMatchObject({ result: 5, fromCache: true, position: 1 });
  const irrelevant = (await clock.resolve(environment.events.append('s-2', [Other({})]))).position;
  expect(await ask({ after: irrelevant })).toMatchObject({ result: 5, fromCache: true, position: 2 });
  const later = await add('b', 3);
  expect(await ask({ after: later })).toMatchObject({ result: 8, fromCache: false, position: 3 });
  expect(await ask({ cache: false })).toMatchObject({ result: 8, fromCache: false });
  expect(await clock.resolve(engine.queries.ask(total, { atLeast: 4 }, {}))).toMatchObject({
    result: 5,
    fromCache: false,
  });
  await clock.advance(60_001);
  expect(await ask()).toMatchObject({ fromCache: false });
});

test('runs once for all who ask at the same time', async () => {
  const { clock, engine, add } = await setUp(sums);
  await add('a', 5);
  await clock.settle();
  const answers = await clock.resolve(
    Promise.all(Array.from({ length: 20 }, () => engine.queries.ask(total, { atLeast: 1 }, {}))),
  );
  expect(new Set(answers.map(({ result }) => result))).toEqual(new Set([5]));
  expect(runs).toBe(1);
});

test('pages by an index, and refuses a page of another query and one without a bound', async () => {
  const { clock, engine, add } = await setUp(sums);
  for (let n = 0; n < 7; n++) await add(`k${n}`, n % 3);
  await clock.settle();
  const page = defineQuery('page', {
    models: { sums },
    run: ({ sums }, query: { after?: string; limit?: number; direction?: 'descending' }) =>
      sums.page({ orderBy: 'sum', limit: 3, ...query }),
  });
  const keys: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { result } = await clock.resolve(engine.queries.ask(page, after === undefined ? {} : { after }, {}));
    keys.push(...result.items.map(({ key }) => key));
    after = result.next;
  }
  expect(keys).toEqual(['k0', 'k3', 'k6', 'k1', 'k4', 'k2', 'k5']);
  const { result } = await clock.resolve(engine.queries.ask(page, {}, {}));
  const other = engine.queries.ask(page, { after: result.next ?? '', direction: 'descending' }, {});
  await expect(clock.resolve(other)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(clock.resolve(engine.queries.ask(page, { limit: 20_000 }, {}))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('says how a page is found, and warns where more is looked at than is wanted', async () => {
  const { engine } = await setUp(sums);
  expect(await engine.queries.explain(sums, { where: { sum: 1 }, orderBy: 'sum' })).toMatchObject({
    index: 'sum',
    isScan: false,
    warnings: [],
  });
  expect(await engine.queries.explain(sums, {})).toMatchObject({ index: 'key', isScan: false });
  const sorted = await engine.queries.explain(sums, { where: { sum: { gte: 1 } } });
  expect(sorted).toMatchObject({ isScan: true, warnings: [expect.stringContaining('sorted by key')] });
});

test('answers again whenever the answer has changed', async () => {
  const { clock, engine, add } = await setUp(sums);
  const ending = new AbortController();
  const seen: number[] = [];
  const watching = (async () => {
    for await (const { result } of engine.queries.live(total, { atLeast: 2 }, { signal: ending.signal }))
      seen.push(result);
  })();
  await clock.settle();
  for (const n of [1, 5, 0, 2]) {
    await add('a', n);
    await clock.advance(20_000);
  }
  ending.abort();
  await clock.resolve(watching);
  expect(seen).toEqual([0, 6, 8]);
});

test('names the query and the cause when it fails', async () => {
  const { clock, engine } = await setUp(sums);
  const failing = defineQuery('failing', {
    models: { sums },
    run: async () => {
      throw new Error('no such thing');
    },
  });
  await expect(clock.resolve(engine.queries.ask(failing, {}, {}))).rejects.toMatchObject({
    code: 'QUERY_FAILED',
    message: expect.stringMatching(/failing.*no such thing/),
  });
  const missing = defineQuery('missing', { models: { other: model('other') }, run: async () => 1 });
  await expect(clock.resolve(engine.queries.ask(missing, {}, {}))).rejects.toMatchObject({
    code: 'READ_MODEL_NOT_FOUND',
  });
});

test('reads two models in the versions that were live together, though one is swapped meanwhile', async () => {
  const [left, right] = [model('left'), model('right')];
  const { clock, engine, run, add } = await setUp(left, right);
  await add('a', 1);
  await clock.settle();
  await clock.resolve(engine.stop());
  const both = await run([left, right, model('left', 2), model('right', 2)]);
  await clock.settle();
  let swapping: Promise<unknown> | undefined;
  const versions = defineQuery('versions', {
    models: { left, right },
    cache: false,
    run: async ({ left, right }) => {
      const one = await left.get('a');
      swapping ??= both.swap('left', 'right');
      await swapping;
      const other = await right.get('a');
      return [one?.version, other?.version];
    },
  });
  expect(await clock.resolve(both.queries.ask(versions, {}, {}))).toMatchObject({ result: [2, 2] });
});

test('never serves a result older than its position, whatever is written meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('write', 'ask', 'ask after', 'turn'), { minLength: 5, maxLength: 40 }),
      async steps => {
        const { clock, engine, environment } = await setUp(sums);
        let written = 0;
        const pending: Promise<unknown>[] = [];
        for (const step of steps) {
          if (step === 'write') {
            pending.push(environment.events.append('s-1', [Added({ key: `k${written++ % 3}`, n: 1 })]));
          } else if (step === 'turn') await clock.settle();
          else {
            const after = step === 'ask after' ? Math.max(0, written - 1) : 0;
            pending.push(
              engine.queries.ask(total, { atLeast: 0 }, { after }).then(({ result, position }) => {
                // Every event counts one: a result of a position holds at least so many.
                expect(result).toBeGreaterThanOrEqual(position);
                expect(result).toBeGreaterThanOrEqual(after);
              }),
            );
          }
        }
        await clock.resolve(Promise.all(pending));
      },
    ),
    { numRuns: 60 },
  );
});
