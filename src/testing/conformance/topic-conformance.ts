import assert from 'node:assert/strict';
import type { NewTopicRecord, Storage, TopicRecord } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';

/** Topics: partitions, offsets, blocks and retention. */
export const topicConformance: ConformanceSlice = {
  name: 'topics',
  tests: {
    'defines a topic once, however often it is asked to': async ({ storage: { topics } }) => {
      await topics.define({ name: 't', partitions: 3, retention: 'forever' });
      await topics.define({ name: 't', partitions: 3, retention: 'forever' });
      await topics.define({ name: 'a', partitions: 1, retention: { maxAgeMs: 1_000 } });
      assert.deepEqual(
        [...(await topics.list())].sort((one, other) => (one.name < other.name ? -1 : 1)),
        [
          { name: 'a', partitions: 1, retention: { maxAgeMs: 1_000 } },
          { name: 't', partitions: 3, retention: 'forever' },
        ],
      );
    },

    'takes another retention for a topic, but not another number of partitions': async ({ storage: { topics } }) => {
      await topics.define({ name: 't', partitions: 3, retention: 'forever' });
      await topics.define({ name: 't', partitions: 3, retention: { maxAgeMs: 5 } });
      await refusal(topics.define({ name: 't', partitions: 4, retention: 'forever' }), 'TOPIC_MISMATCH');
      await refusal(topics.define({ name: 't', partitions: 2, retention: 'forever' }), 'TOPIC_MISMATCH');
      assert.deepEqual(await topics.list(), [{ name: 't', partitions: 3, retention: { maxAgeMs: 5 } }]);
    },

    'keeps records as they were given, at offsets from 0': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      const records: NewTopicRecord[] = [
        { key: 'k', value: { odd: '🙂\u0000', list: [1.5, null, true], nested: { a: {} } }, timestamp: 1_000 },
        { key: null, value: 'text', timestamp: 500 },
        { key: '', value: null, timestamp: 0 },
        { key: 'é🙂', value: 0, timestamp: -1 },
        { key: 'k', value: [], timestamp: 2 ** 40 },
      ];
      await produce(storage, 0, records);
      assert.deepEqual(await storage.topics.read('t', 0, 0, 100), atOffsets(records, 0));
      assert.equal(await storage.topics.end('t', 0), 5);
    },

    'counts offsets by partition, over batches of any size': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 3, retention: 'forever' });
      const expected: NewTopicRecord[][] = [[], [], []];
      for (let n = 0; n < 30; n++) {
        const partition = (n * 7) % 3;
        const records = Array.from({ length: n % 5 }, (_, index) => record(`${n}/${index}`));
        await produce(storage, partition, records);
        (expected[partition] as NewTopicRecord[]).push(...records);
      }
      for (const [partition, records] of expected.entries()) {
        assert.equal(await storage.topics.end('t', partition), records.length);
        assert.deepEqual(await storage.topics.read('t', partition, 0, 1_000), atOffsets(records, 0));
      }
    },

    'gives concurrent producers offsets without gaps, each block together': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      const blocks = Array.from({ length: 50 }, (_, n) =>
        Array.from({ length: 1 + (n % 4) }, (__, i) => record(`${n}/${i}`)),
      );
      await Promise.all(blocks.map(block => produce(storage, 0, block)));
      const read = await storage.topics.read('t', 0, 0, 1_000);
      assert.deepEqual(
        read.map(({ offset }) => offset),
        Array.from({ length: blocks.flat().length }, (_, offset) => offset),
      );
      const order = read.map(({ key }) => key as string);
      for (const block of blocks) {
        const first = order.indexOf(block[0]?.key as string);
        assert.deepEqual(
          order.slice(first, first + block.length),
          block.map(({ key }) => key),
        );
      }
    },

    'writes to several partitions, and several times to one, in one batch': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 2, retention: 'forever' });
      const produced = [
        [0, 'a'],
        [1, 'b'],
        [0, 'c'],
        [0, 'd'],
      ] as const;
      await storage.commit({
        topics: produced.map(([partition, key]) => ({ op: 'produce', topic: 't', partition, records: [record(key)] })),
      });
      assert.deepEqual(await storage.topics.read('t', 0, 0, 10), atOffsets([record('a'), record('c'), record('d')], 0));
      assert.deepEqual(await storage.topics.read('t', 1, 0, 10), atOffsets([record('b')], 0));
    },

    'reads from any offset and up to any limit, across blocks': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 2, retention: 'forever' });
      const all = Array.from({ length: 23 }, (_, n) => record(`k${n}`));
      for (const [from, to] of [
        [0, 1],
        [1, 8],
        [8, 10],
        [10, 10],
        [10, 23],
      ])
        await produce(storage, 0, all.slice(from, to));
      for (let from = 0; from <= 25; from++) {
        for (const limit of [1, 2, 7, 100]) {
          const read = await storage.topics.read('t', 0, from, limit);
          assert.deepEqual(read, atOffsets(all, 0).slice(from, from + limit));
        }
      }
      assert.deepEqual(await storage.topics.read('t', 1, 0, 10), []);
      assert.equal(await storage.topics.end('t', 1), 0);
      assert.deepEqual(await storage.topics.read('t', 0, 0, 0), []);
    },

    'trims old records and keeps the offsets of the others': async context => {
      const { storage } = context;
      await storage.topics.define({ name: 't', partitions: 2, retention: 'forever' });
      for (let n = 0; n < 3; n++) await produce(storage, 0, [record(`old ${n}`), record(`old ${n}b`)]);
      await context.outlastShortLease();
      const { recordedAt } = await produce(storage, 0, [record('new'), record('newer')]);
      await produce(storage, 0, [record('newest')]);
      await produce(storage, 1, [record('other partition')]);
      await storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: recordedAt }] });
      const kept = [
        { ...record('new'), offset: 6 },
        { ...record('newer'), offset: 7 },
        { ...record('newest'), offset: 8 },
      ];
      assert.deepEqual(await storage.topics.read('t', 0, 0, 100), kept);
      assert.deepEqual(await storage.topics.read('t', 0, 3, 1), kept.slice(0, 1));
      assert.deepEqual(await storage.topics.read('t', 0, 7, 100), kept.slice(1));
      assert.equal(await storage.topics.end('t', 0), 9);
      assert.equal((await storage.topics.read('t', 1, 0, 100)).length, 1);
      await produce(storage, 0, [record('next')]);
      assert.equal((await storage.topics.read('t', 0, 9, 1))[0]?.offset, 9);
    },

    'never gives an offset twice, even when everything was trimmed': async context => {
      const { storage } = context;
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      await produce(storage, 0, [record('a'), record('b')]);
      await storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: Number.MAX_SAFE_INTEGER }] });
      assert.equal(await storage.topics.end('t', 0), 2);
      await produce(storage, 0, [record('c')]);
      assert.deepEqual(await storage.topics.read('t', 0, 2, 10), atOffsets([record('c')], 2));
      assert.equal(await storage.topics.end('t', 0), 3);
    },

    'trims one topic and leaves the others': async ({ storage }) => {
      for (const name of ['t', 'u']) await storage.topics.define({ name, partitions: 1, retention: 'forever' });
      for (const topic of ['t', 'u', 't', 'u']) {
        await storage.commit({ topics: [{ op: 'produce', topic, partition: 0, records: [record('k')] }] });
      }
      await storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: 0 }] });
      assert.equal((await storage.topics.read('t', 0, 0, 10)).length, 2);
      await storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: Number.MAX_SAFE_INTEGER }] });
      assert.ok((await storage.topics.read('t', 0, 0, 10)).length < 2);
      assert.equal((await storage.topics.read('u', 0, 0, 10)).length, 2);
    },

    'refuses a topic that nobody defined': async ({ storage }) => {
      await refusal(produce(storage, 0, [record('k')]), 'TOPIC_NOT_DEFINED');
      await refusal(produce(storage, 0, []), 'TOPIC_NOT_DEFINED');
      await refusal(storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: 1 }] }), 'TOPIC_NOT_DEFINED');
      await refusal(storage.topics.read('t', 0, 0, 1), 'TOPIC_NOT_DEFINED');
      await refusal(storage.topics.end('t', 0), 'TOPIC_NOT_DEFINED');
      assert.deepEqual(await storage.topics.list(), []);
    },

    'refuses to produce to a partition that the topic does not have': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 2, retention: 'forever' });
      for (const partition of [-1, 2, 0.5, 100, Number.NaN]) {
        await refusal(produce(storage, partition, [record('k')]), 'INVALID_ARGUMENT');
      }
    },

    'stores a block of a megabyte': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      const records = Array.from({ length: 1_000 }, (_, n) => ({
        ...record(`k${n}`),
        value: `${n} ${'🙂 text '.repeat(110)}`,
      }));
      await produce(storage, 0, records);
      assert.deepEqual(await storage.topics.read('t', 0, 999, 2), atOffsets(records, 0).slice(999));
      assert.equal((await storage.topics.read('t', 0, 0, 5_000)).length, 1_000);
    },
  },
  reopening: {
    'keeps topics, records and offsets when the storage is opened again': async context => {
      await context.storage.topics.define({ name: 't', partitions: 2, retention: { maxAgeMs: 9 } });
      await produce(context.storage, 1, [record('a'), record('b')]);
      await context.storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: Number.MAX_SAFE_INTEGER }] });
      await context.reopen();
      const { topics } = context.storage;
      assert.deepEqual(await topics.list(), [{ name: 't', partitions: 2, retention: { maxAgeMs: 9 } }]);
      await produce(context.storage, 1, [record('c')]);
      assert.deepEqual(await topics.read('t', 1, 2, 10), atOffsets([record('c')], 2));
    },
  },
};

function record(key: string): NewTopicRecord {
  return { key, value: { key }, timestamp: 1_000 };
}

function atOffsets(records: readonly NewTopicRecord[], first: number): TopicRecord[] {
  return records.map((given, index) => ({ ...given, offset: first + index }));
}

function produce(storage: Storage, partition: number, records: readonly NewTopicRecord[]) {
  return storage.commit({ topics: [{ op: 'produce', topic: 't', partition, records }] });
}
