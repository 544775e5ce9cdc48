import assert from 'node:assert/strict';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';
import { SampleCollection } from './sample-collection.ts';

const ODD_KEYS = [
  'k',
  'K',
  'k ',
  '',
  "o'k",
  '"k"',
  'k%',
  'k_',
  'é',
  'e\u0301',
  '日本',
  '🙂',
  '\uffee',
  '\u{1f600}b',
  'a\nb',
  'null',
  '0',
  '00',
  'x'.repeat(2_000),
];

/** Documents by key: how they are defined, put, read and deleted. */
export const documentConformance: ConformanceSlice = {
  name: 'documents',
  tests: {
    'puts, replaces and deletes documents': async ({ storage }) => {
      const things = await SampleCollection.define(storage);
      await things.put({ a: { n: 1 }, b: { n: 2 } });
      await things.put({ a: { n: 3 }, b: undefined, never: undefined });
      assert.equal(await storage.documents.get('things', 'a'), '{"n":3}');
      assert.equal(await storage.documents.get('things', 'b'), undefined);
      assert.equal(await storage.documents.count('things'), 1);
    },

    'makes the writes of a batch in their order': async ({ storage }) => {
      const things = await SampleCollection.define(storage);
      await things.write([
        { key: 'a', body: '1' },
        { key: 'a', body: null },
        { key: 'a', body: '{"n":2}' },
        { key: 'b', body: '{}' },
        { key: 'b', body: null },
      ]);
      assert.deepEqual(await storage.documents.getMany('things', ['a', 'b']), new Map([['a', '{"n":2}']]));
    },

    'keeps the text of a document as it was given': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n']);
      const bodies = [
        '{ "n" : 1.50 }',
        '{"n":1e3,"text":"🙂\\u0000"}',
        '[1, 2]',
        '"text"',
        '12',
        'null',
        '{"n":{"deep":[]}}',
      ];
      await things.write(bodies.map((body, n) => ({ key: String(n), body })));
      for (const [n, body] of bodies.entries()) assert.equal(await storage.documents.get('things', String(n)), body);
    },

    'keeps documents with odd and similar keys apart, in the order of their code points': async ({ storage }) => {
      const things = await SampleCollection.define(storage);
      await things.put(Object.fromEntries(ODD_KEYS.map(key => [key, { key }])));
      for (const key of ODD_KEYS) assert.equal(await storage.documents.get('things', key), JSON.stringify({ key }));
      assert.equal((await storage.documents.getMany('things', ODD_KEYS)).size, ODD_KEYS.length);
      const ordered = [...ODD_KEYS].sort(byCodePoint);
      assert.deepEqual(await things.keys({}), ordered);
      assert.deepEqual(await things.keys({ direction: 'descending' }), ordered.reverse());
    },

    'answers the documents that exist of many keys': async ({ storage }) => {
      const things = await SampleCollection.define(storage);
      await things.put({ a: 1, b: 2 });
      const found = await storage.documents.getMany('things', ['b', 'none', 'a', 'b']);
      assert.deepEqual(
        new Map([...found].sort()),
        new Map([
          ['a', '1'],
          ['b', '2'],
        ]),
      );
      assert.deepEqual(await storage.documents.getMany('things', []), new Map());
    },

    'stores a document of a megabyte': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n']);
      const body = { n: 1, text: 'megabyte 🙂 '.repeat(80_000) };
      await things.put({ big: body });
      assert.ok(
        (await storage.documents.get('things', 'big')) === JSON.stringify(body),
        'the document came back changed',
      );
      assert.deepEqual(await things.keys({ where: { n: 1 } }), ['big']);
    },

    'never shows half of a batch': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n']);
      const keys = ['a', 'b', 'c', 'd'];
      const putAll = (n: number) => things.put(Object.fromEntries(keys.map(key => [key, { n }])));
      await putAll(0);
      for (let n = 1; n <= 40; n++) {
        const written = putAll(n);
        let done = false;
        void written.finally(() => {
          done = true;
        });
        while (!done) {
          const found = await storage.documents.getMany('things', keys);
          assert.equal(new Set(found.values()).size, 1, 'a read showed half of a batch');
          assert.equal((await storage.documents.countBy('things', 'n')).size, 1);
          await new Promise(resolve => setImmediate(resolve));
        }
        assert.equal(await storage.documents.get('things', 'd'), `{"n":${n}}`);
      }
    },

    'defines a collection once, however often it is asked to': async ({ storage }) => {
      const definition = { name: 'things', owner: { processor: 'p' }, indexes: ['n', 'm'] };
      await storage.documents.define(definition);
      await storage.documents.define({ indexes: ['n', 'm'], owner: { processor: 'p' }, name: 'things' });
      await Promise.all(Array.from({ length: 5 }, () => storage.documents.define({ ...definition, name: 'others' })));
      assert.equal(await storage.documents.count('others'), 0);
    },

    'refuses to define a collection that exists with another owner or other indexes': async ({ storage }) => {
      const definition = { name: 'things', owner: { processor: 'p' }, indexes: ['n'] };
      await storage.documents.define(definition);
      const { define } = storage.documents;
      const refused = [
        { ...definition, owner: { processor: 'q' } },
        { ...definition, owner: { category: 'p' } },
        { ...definition, indexes: [] },
        { ...definition, indexes: ['m'] },
        { ...definition, indexes: ['n', 'm'] },
      ];
      for (const other of refused) await refusal(define.call(storage.documents, other), 'COLLECTION_MISMATCH');
      await storage.documents.define(definition);
    },

    'refuses an index on what is no plain field': async ({ storage }) => {
      for (const field of ['', 'a b', 'a.b', "a'b", '$.a', '1a', 'a-b']) {
        const definition = { name: 'things', owner: { processor: 'p' }, indexes: ['n', field] };
        await refusal(storage.documents.define(definition), 'INVALID_ARGUMENT');
      }
      await refusal(storage.documents.count('things'), 'COLLECTION_NOT_DEFINED');
    },

    'refuses to read or write a collection that nobody defined': async ({ storage }) => {
      const { documents } = storage;
      await refusal(documents.get('none', 'a'), 'COLLECTION_NOT_DEFINED');
      await refusal(documents.getMany('none', ['a']), 'COLLECTION_NOT_DEFINED');
      await refusal(documents.query('none', {}), 'COLLECTION_NOT_DEFINED');
      await refusal(documents.countBy('none', 'n'), 'COLLECTION_NOT_DEFINED');
      await refusal(documents.count('none'), 'COLLECTION_NOT_DEFINED');
      await refusal(
        storage.commit({ documents: [{ collection: 'none', key: 'a', body: '{}' }] }),
        'COLLECTION_NOT_DEFINED',
      );
    },

    'drops a collection with its documents': async ({ storage }) => {
      const things = await SampleCollection.define(storage, ['n']);
      const others = await SampleCollection.define(storage, ['n'], 'others');
      await things.put({ a: { n: 1 } });
      await others.put({ a: { n: 1 } });
      await storage.documents.drop('things');
      await storage.documents.drop('things');
      await storage.documents.drop('never');
      await refusal(storage.documents.get('things', 'a'), 'COLLECTION_NOT_DEFINED');
      await refusal(things.put({ a: { n: 1 } }), 'COLLECTION_NOT_DEFINED');
      assert.equal(await storage.documents.count('others'), 1);
    },

    'defines a dropped collection anew, and differently': async ({ storage }) => {
      const owner = { processor: 'processor of things' };
      const things = await SampleCollection.define(storage, ['n', 'm']);
      await things.put({ a: { n: 1, m: 2 } });
      assert.deepEqual(await things.keys({ where: { m: 2 } }), ['a']);
      await storage.documents.drop('things');
      await storage.documents.define({ name: 'things', owner, indexes: ['m'] });
      assert.equal(await storage.documents.get('things', 'a'), undefined);
      assert.equal(await storage.documents.count('things'), 0);
      await things.put({ b: { n: 3, m: 4 } });
      assert.deepEqual(await things.keys({ where: { m: 4 } }), ['b']);
      await refusal(things.keys({ where: { n: 3 } }), 'INVALID_ARGUMENT');
    },
  },
  reopening: {
    'keeps collections and documents when the storage is opened again': async context => {
      const things = await SampleCollection.define(context.storage, ['n']);
      await things.put({ a: { n: 1 }, b: { n: 2 } });
      await context.reopen();
      const { documents } = context.storage;
      assert.deepEqual(await documents.query('things', { where: { n: 2 } }), [{ key: 'b', body: '{"n":2}' }]);
      const definition = { name: 'things', owner: { processor: 'processor of things' }, indexes: ['n'] };
      await documents.define(definition);
      await refusal(documents.define({ ...definition, indexes: [] }), 'COLLECTION_MISMATCH');
    },
  },
};

function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
