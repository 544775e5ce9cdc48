import assert from 'node:assert/strict';
import type { AggregateRow, DocumentFilter, DocumentQuery, Storage } from '../../storage/index.ts';
import type { ConformanceContext } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { loadFastCheck } from './property-testing.ts';
import { refusal } from './refusal.ts';
import { SampleCollection } from './sample-collection.ts';

const MIXED: Readonly<Record<string, unknown>> = Object.fromEntries(
  [null, undefined, true, false, -5, 0, 0.5, 1, 7, 1e9, '', '0', '5', 'A', 'a', '[x', 'é', [1], { a: 1 }].flatMap(
    (v, n) => [
      [`k${String(n).padStart(2, '0')}`, { v }],
      [`m${String(n).padStart(2, '0')}`, { v }],
    ],
  ),
);

/** Pages, ranges and aggregates over declared indexes. */
export const pageConformance: ConformanceSlice = {
  name: 'pages and aggregates',
  tests: {
    'pages through any order, each page behind the last document of the one before': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put(MIXED);
      for (const orderBy of [undefined, 'v']) {
        for (const direction of ['ascending', 'descending'] as const) {
          const order = { direction, ...(orderBy === undefined ? {} : { orderBy }) };
          const whole = await things.keys({ ...order, limit: 1_000 });
          assert.equal(whole.length, Object.keys(MIXED).length);
          for (const limit of [1, 3, 7]) assert.deepEqual(await paged(storage, { ...order, limit }), whole);
        }
      }
    },

    'goes on behind a document that is gone': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put({ a: { v: 1 }, b: { v: 2 }, c: { v: 3 } });
      await things.put({ b: undefined });
      assert.deepEqual(await things.keys({ orderBy: 'v', after: { key: 'b', value: 2 } }), ['c']);
      assert.deepEqual(await things.keys({ after: { key: 'b' } }), ['c']);
    },

    'finds numbers or texts between bounds, and nothing of another type': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put(MIXED);
      const find = async (v: DocumentFilter[string]): Promise<unknown[]> => {
        const keys = await things.keys({ where: { v }, orderBy: 'v' });
        return keys.filter(key => key.startsWith('k')).map(key => (MIXED[key] as { v: unknown }).v);
      };
      assert.deepEqual(await find({ gte: 0 }), [0, 0.5, 1, 7, 1e9]);
      assert.deepEqual(await find({ gt: 0, lte: 7 }), [0.5, 1, 7]);
      assert.deepEqual(await find({ lt: 1 }), [-5, 0, 0.5]);
      assert.deepEqual(await find({ gte: '5' }), ['5', 'A', '[x', 'a', 'é']);
      assert.deepEqual(await find({ gt: 'A', lt: 'a' }), ['[x']);
      assert.deepEqual(await find({ lte: '5' }), ['', '0', '5']);
      assert.deepEqual(await find({ in: [1, 'a', null, true] }), [null, undefined, true, 1, 'a']);
      assert.deepEqual(await find({ in: [] }), []);
    },

    'refuses a condition that is none': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      for (const v of [{}, { gt: 1, lt: 'a' }, { near: 1 }, [1], { in: 1 }, { gte: true }, { in: [1], gt: 0 }]) {
        await refusal(things.keys({ where: { v } } as DocumentQuery), 'INVALID_ARGUMENT');
      }
      await refusal(storage.documents.aggregate('things', { of: 'w' }), 'INVALID_ARGUMENT');
      await refusal(storage.documents.aggregate('things', { groupBy: 'w' }), 'INVALID_ARGUMENT');
    },

    'counts, sums and compares the numbers of a field, by group': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n', 'g']);
      assert.deepEqual(await storage.documents.aggregate('things', { of: 'n' }), []);
      const rows = [
        [1, 'a'],
        [2.5, 'a'],
        [true, 'a'],
        ['9', 'b'],
        [-4, true],
        [0, true],
        [10, 1],
        [3, null],
        [4, undefined],
        [5, [1]],
      ];
      await things.put(Object.fromEntries(rows.map(([n, g], index) => [`k${index}`, { n, g }])));
      assert.deepEqual(await storage.documents.aggregate('things', { of: 'n' }), [
        { count: 10, sum: 21.5, min: -4, max: 10 },
      ]);
      assert.deepEqual(await storage.documents.aggregate('things', { where: { n: { gt: 2 } } }), [
        { count: 5, sum: null, min: null, max: null },
      ]);
      const groups = await storage.documents.aggregate('things', { of: 'n', groupBy: 'g' });
      assert.deepEqual(
        new Map(groups.map(({ group, ...figures }) => [group, figures])),
        new Map<unknown, AggregateRow>([
          [null, { count: 2, sum: 7, min: 3, max: 4 }],
          [true, { count: 2, sum: -4, min: -4, max: 0 }],
          [1, { count: 1, sum: 10, min: 10, max: 10 }],
          ['a', { count: 3, sum: 3.5, min: 1, max: 2.5 }],
          ['b', { count: 1, sum: null, min: null, max: null }],
        ]),
      );
      assert.equal((await storage.documents.aggregate('things', { groupBy: 'g', limit: 2 })).length, 2);
    },

    'explains how it would answer, without answering': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put(MIXED);
      const plan = await storage.documents.explain('things', { where: { v: 'a' }, orderBy: 'v' });
      assert.ok(plan.length > 0 && plan.every(line => line.length > 0), 'there is no plan');
    },

    'finds between bounds what a look at every document finds': checkRanges,
  },
};

async function checkRanges(context: ConformanceContext): Promise<void> {
  const fc = await loadFastCheck();
  const { runs, seed } = context.thoroughness;
  const number = fc.constantFrom(-2, -0.5, 0, 1, 3, 10, 1e15);
  const bounds = fc.record({ gt: number, gte: number, lt: number, lte: number }, { requiredKeys: [] });
  const documents = fc.dictionary(fc.stringMatching(/^[a-c]{1,3}$/), fc.option(number), { maxKeys: 20 });
  const plan = fc.record({
    documents,
    filters: fc.array(bounds, { maxLength: 6 }),
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, ({ documents, filters, descending, limit }) =>
      context.withFreshStorage(async ({ storage }) => {
        const things = await SampleCollection.define(storage, ['v']);
        await things.put(Object.fromEntries(Object.entries(documents).map(([key, v]) => [key, { v }])));
        for (const v of filters.filter(each => Object.keys(each).length > 0)) {
          const {
            gt = Number.NEGATIVE_INFINITY,
            gte = Number.NEGATIVE_INFINITY,
            lt = Number.POSITIVE_INFINITY,
            lte = Number.POSITIVE_INFINITY,
          } = v;
          const expected = Object.entries(documents)
            .filter(([, n]) => n !== null && n > gt && n >= gte && n < lt && n <= lte)
            .sort(([one, left], [other, right]) => (left as number) - (right as number) || (one < other ? -1 : 1))
            .map(([key]) => key);
          if (descending) expected.reverse();
          const direction = descending ? 'descending' : 'ascending';
          assert.deepEqual(await paged(storage, { where: { v }, orderBy: 'v', direction, limit }), expected);
          const sum = expected.reduce((total, key) => total + (documents[key] as number), 0);
          const [row] = await storage.documents.aggregate('things', { where: { v }, of: 'v' });
          assert.deepEqual([row?.count ?? 0, row?.sum ?? 0], [expected.length, sum]);
        }
      }),
    ),
    { numRuns: Math.ceil(runs / 2), ...(seed === undefined ? {} : { seed }) },
  );
}

/** The keys of all pages of a query, one page after another. */
async function paged(storage: Storage, query: DocumentQuery): Promise<string[]> {
  const keys: string[] = [];
  for (let after: { key: string; value?: unknown } | undefined; ; ) {
    const page = await storage.documents.query('things', { ...query, ...(after === undefined ? {} : { after }) });
    keys.push(...page.map(({ key }) => key));
    const last = page.at(-1);
    if (last === undefined || page.length < (query.limit ?? 100)) return keys;
    after = { key: last.key, value: (JSON.parse(last.body) as { v?: unknown }).v };
  }
}
