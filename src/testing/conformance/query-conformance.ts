import assert from 'node:assert/strict';
import type { IndexValue } from '../../storage/index.ts';
import type { ConformanceContext } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { type FastCheck, loadFastCheck } from './property-testing.ts';
import { refusal } from './refusal.ts';
import { SampleCollection } from './sample-collection.ts';

const VALUES: Readonly<Record<string, unknown>> = {
  zero: { v: 0 },
  one: { v: 1 },
  minus: { v: -1 },
  half: { v: 0.5 },
  big: { v: 9_007_199_254_740_991 },
  huge: { v: 1.5e300 },
  textZero: { v: '0' },
  textOne: { v: '1' },
  empty: { v: '' },
  text: { v: 'text' },
  Text: { v: 'Text' },
  emoji: { v: '🙂' },
  quote: { v: "o'clock" },
  yes: { v: true },
  no: { v: false },
  textTrue: { v: 'true' },
  none: { v: null },
  textNull: { v: 'null' },
  missing: { other: 1 },
  list: { v: [1] },
  textList: { v: '[1]' },
  object: { v: { a: 1 } },
  textObject: { v: '{"a":1}' },
  scalar: 7,
};

/** Finding documents by declared indexes. */
export const queryConformance: ConformanceSlice = {
  name: 'queries',
  tests: {
    'finds documents whose field equals a value of the same type': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put(VALUES);
      const find = async (v: IndexValue): Promise<string[]> => (await things.keys({ where: { v } })).sort();
      assert.deepEqual(await find(0), ['zero']);
      assert.deepEqual(await find(1), ['one']);
      assert.deepEqual(await find(-1), ['minus']);
      assert.deepEqual(await find(0.5), ['half']);
      assert.deepEqual(await find(9_007_199_254_740_991), ['big']);
      assert.deepEqual(await find(1.5e300), ['huge']);
      assert.deepEqual(await find('0'), ['textZero']);
      assert.deepEqual(await find('1'), ['textOne']);
      assert.deepEqual(await find(''), ['empty']);
      assert.deepEqual(await find('text'), ['text']);
      assert.deepEqual(await find('🙂'), ['emoji']);
      assert.deepEqual(await find("o'clock"), ['quote']);
      assert.deepEqual(await find(true), ['yes']);
      assert.deepEqual(await find(false), ['no']);
      assert.deepEqual(await find('true'), ['textTrue']);
      assert.deepEqual(await find('null'), ['textNull']);
      assert.deepEqual(await find('[1]'), ['textList']);
      assert.deepEqual(await find('{"a":1}'), ['textObject']);
      assert.deepEqual(await find('absent'), []);
    },

    'finds a field that is missing like one that is null': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put(VALUES);
      const found = await things.keys({ where: { v: null } });
      assert.deepEqual(found.sort(), ['missing', 'none', 'scalar']);
    },

    'finds what a document says, not what it said before': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await things.put({ a: { v: 1 }, b: { v: 1 } });
      await things.put({ a: { v: 2 }, b: undefined });
      assert.deepEqual(await things.keys({ where: { v: 1 } }), []);
      assert.deepEqual(await things.keys({ where: { v: 2 } }), ['a']);
    },

    'finds documents by several fields at once': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['a', 'b', 'c']);
      for (let n = 0; n < 12; n++)
        await things.put({ [`k${String(n).padStart(2, '0')}`]: { a: n % 2, b: n % 3, c: 'x' } });
      assert.deepEqual(await things.keys({ where: { a: 1, b: 2 } }), ['k05', 'k11']);
      assert.deepEqual(await things.keys({ where: { a: 1, b: 2, c: 'y' } }), []);
      assert.deepEqual(await things.keys({ where: { c: 'x', b: 0 }, orderBy: 'a' }), ['k00', 'k06', 'k03', 'k09']);
    },

    'orders by an index in either direction, equal values by key': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n', 't']);
      await things.put({ c: { n: 10, t: 'b' }, a: { n: 9, t: 'B' }, d: { n: 9, t: 'a' }, b: { n: -1.5, t: 'é' } });
      assert.deepEqual(await things.keys({ orderBy: 'n' }), ['b', 'a', 'd', 'c']);
      assert.deepEqual(await things.keys({ orderBy: 'n', direction: 'descending' }), ['c', 'd', 'a', 'b']);
      assert.deepEqual(await things.keys({ orderBy: 't' }), ['a', 'd', 'c', 'b']);
      assert.deepEqual(await things.keys({ direction: 'descending' }), ['d', 'c', 'b', 'a']);
      assert.deepEqual(await things.keys({ orderBy: 'n', limit: 2 }), ['b', 'a']);
    },

    'answers 100 documents unless told otherwise, and never more than 10,000': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n']);
      const key = (n: number): string => String(n).padStart(5, '0');
      await things.put(Object.fromEntries(Array.from({ length: 10_050 }, (_, n) => [key(n), { n }])));
      assert.deepEqual(
        await things.keys({}),
        Array.from({ length: 100 }, (_, n) => key(n)),
      );
      assert.equal((await things.keys({ limit: 101, orderBy: 'n' })).length, 101);
      assert.equal((await things.keys({ limit: 0 })).length, 0);
      assert.equal((await things.keys({ limit: 1_000_000 })).length, 10_000);
      assert.equal(await storage.documents.count('things'), 10_050);
    },

    'counts documents by the values of an index, as text': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      assert.deepEqual(await storage.documents.countBy('things', 'v'), new Map());
      const values = ['done', 'done', 'running', 1, 1, '1', 0, true, true, false, null, 'null', undefined, 1.5, [1]];
      await things.put(Object.fromEntries(values.map((v, n) => [`k${n}`, { v }])));
      const counts = await storage.documents.countBy('things', 'v');
      assert.deepEqual(
        new Map([...counts].sort()),
        new Map([
          ['0', 1],
          ['1', 3],
          ['1.5', 1],
          ['done', 2],
          ['false', 1],
          ['null', 3],
          ['running', 1],
          ['true', 2],
        ]),
      );
    },

    'refuses to find, order or count by a field without an index': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['v']);
      await refusal(things.keys({ where: { w: 1 } }), 'INVALID_ARGUMENT');
      await refusal(things.keys({ where: { v: 1, w: 1 } }), 'INVALID_ARGUMENT');
      await refusal(things.keys({ orderBy: 'w' }), 'INVALID_ARGUMENT');
      await refusal(things.keys({ orderBy: 'key' }), 'INVALID_ARGUMENT');
      await refusal(storage.documents.countBy('things', 'w'), 'INVALID_ARGUMENT');
    },

    'finds the same documents as a look at every one of them': checkQueries,
  },
};

type Document = Readonly<Record<'a' | 'b', number | string | null>>;

/** For any documents and any query without mixed types: the answer is the plain filter and sort of all documents. */
async function checkQueries(context: ConformanceContext): Promise<void> {
  const fc = await loadFastCheck();
  const { runs, seed } = context.thoroughness;
  await fc.assert(
    fc.asyncProperty(documentsAndQueries(fc), ({ documents, queries }) =>
      context.withFreshStorage(async ({ storage }) => {
        const things = await SampleCollection.define(storage, ['a', 'b']);
        await things.put(documents);
        for (const { where, descending, orderBy, limit } of queries) {
          const direction = descending ? 'descending' : 'ascending';
          const expected = Object.entries(documents)
            .filter(([, body]) => Object.entries(where).every(([field, value]) => body[field as 'a' | 'b'] === value))
            .sort((one, other) => compareBy(orderBy, one, other) * (descending ? -1 : 1))
            .slice(0, limit)
            .map(([key]) => key);
          const query = { where, direction, limit, ...(orderBy === undefined ? {} : { orderBy }) } as const;
          assert.deepEqual(await things.keys(query), expected, JSON.stringify(query));
        }
      }),
    ),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
}

function compareBy(orderBy: 'a' | 'b' | undefined, one: [string, Document], other: [string, Document]): number {
  if (orderBy !== undefined) {
    const [left, right] = [one[1][orderBy], other[1][orderBy]];
    if (left !== right) {
      if (left === null) return -1;
      if (right === null) return 1;
      return left < right ? -1 : 1;
    }
  }
  return one[0] < other[0] ? -1 : 1;
}

function documentsAndQueries(fc: FastCheck) {
  const number = fc.option(fc.constantFrom(-2, -0.5, 0, 1, 3, 10, 1e15));
  const text = fc.option(fc.constantFrom('', 'a', 'A', 'b', 'aa', '10', '9'));
  const document: import('fast-check').Arbitrary<Document> = fc.record({ a: number, b: text });
  const where = fc.record({ a: number, b: text }, { requiredKeys: [] });
  const query = fc.record({
    where,
    orderBy: fc.constantFrom(undefined, 'a' as const, 'b' as const),
    descending: fc.boolean(),
    limit: fc.integer({ min: 0, max: 12 }),
  });
  return fc.record({
    documents: fc.dictionary(fc.stringMatching(/^[a-c]{1,3}$/), document, { maxKeys: 20 }),
    queries: fc.array(query, { minLength: 1, maxLength: 8 }),
  });
}
