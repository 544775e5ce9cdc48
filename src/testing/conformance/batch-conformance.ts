import assert from 'node:assert/strict';
import type { ErrorCode } from '../../core/index.ts';
import type { Batch } from '../../storage/index.ts';
import { enqueue } from './claimed-work.ts';
import type { ConformanceSlice, ConformanceTest } from './conformance-slice.ts';
import { refusal } from './refusal.ts';
import { sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';
import { SampleWorld } from './sample-world.ts';

type FullBatch = ReturnType<SampleWorld['batch']>;

/** What makes an otherwise acceptable batch one that must be refused. Each is put behind the acceptable writes. */
interface Flaw {
  readonly code: ErrorCode;
  add(batch: FullBatch, world: SampleWorld): Batch;
}

const FLAWS: Readonly<Record<string, Flaw>> = {
  'a stream is not where it is expected': {
    code: 'REVISION_CONFLICT',
    add: batch => ({ ...batch, appends: [...batch.appends, sampleAppend('other-1', 'exists')] }),
  },
  'an id was used before': {
    code: 'EVENT_ID_REUSED',
    add: (batch, { known }) => ({ ...batch, appends: [...batch.appends, sampleAppend('other-1', 'any', [known])] }),
  },
  'an id was used before that is said to be fresh': {
    code: 'EVENT_ID_REUSED',
    add: (batch, { known }) => ({
      ...batch,
      appends: [...batch.appends, sampleAppend('other-1', 'any', [{ ...known, fresh: true }])],
    }),
  },
  'it appends twice to one stream': {
    code: 'INVALID_ARGUMENT',
    add: batch => ({ ...batch, appends: [...batch.appends, sampleAppend('audit-1')] }),
  },
  'a cursor is not held': {
    code: 'LEASE_LOST',
    add: batch => ({
      ...batch,
      cursors: [...batch.cursors, { processor: 'p', partition: 1, fence: 1, from: null, to: '1' }],
    }),
  },
  'a cursor is at another checkpoint': {
    code: 'CHECKPOINT_CONFLICT',
    add: batch => ({ ...batch, cursors: batch.cursors.map(move => ({ ...move, from: '0' })) }),
  },
  'a collection is not defined': {
    code: 'COLLECTION_NOT_DEFINED',
    add: batch => ({ ...batch, documents: [...batch.documents, { collection: 'none', key: 'k', body: '{}' }] }),
  },
  'a document is not guarded': {
    code: 'UNGUARDED_WRITE',
    add: batch => ({
      ...batch,
      documents: [...batch.documents, { collection: 'snapshots', key: 'order-2', body: '{}' }],
    }),
  },
  'a document is no JSON': {
    code: 'INVALID_ARGUMENT',
    add: batch => ({
      ...batch,
      documents: [...batch.documents, { collection: 'read-model', key: 'k', body: '{"n":' }],
    }),
  },
  'a key of work is taken': {
    code: 'WORK_KEY_TAKEN',
    add: batch => ({ ...batch, work: [...batch.work, enqueue('ready')] }),
  },
  'work to be redriven is not parked': {
    code: 'WORK_NOT_FOUND',
    add: batch => ({ ...batch, work: [...batch.work, { op: 'redrive', queue: 'q', key: 'ready', dueAt: 0 }] }),
  },
  'work is not held': {
    code: 'LEASE_LOST',
    add: batch => ({ ...batch, work: [...batch.work, { op: 'hold', queue: 'q', key: 'ready', fence: 1 }] }),
  },
  'a topic is not defined': {
    code: 'TOPIC_NOT_DEFINED',
    add: batch => ({
      ...batch,
      topics: [...batch.topics, { op: 'produce', topic: 'none', partition: 0, records: [] }],
    }),
  },
  'a topic has no such partition': {
    code: 'INVALID_ARGUMENT',
    add: batch => ({ ...batch, topics: [...batch.topics, { op: 'produce', topic: 't', partition: 2, records: [] }] }),
  },
  'state comes without a cursor': {
    code: 'UNGUARDED_WRITE',
    add: ({ cursors: _, ...batch }) => ({
      ...batch,
      documents: batch.documents.filter(({ collection }) => collection === 'snapshots'),
    }),
  },
};

/** A batch is whole or nothing, and no batch feels another that is refused. */
export const batchConformance: ConformanceSlice = {
  name: 'batches',
  tests: {
    'applies a batch with writes of every kind whole': async ({ storage }) => {
      const world = await SampleWorld.fill(storage);
      const before = await world.look();
      const { appends, replayed } = await storage.commit(world.batch());
      assert.deepEqual(appends, [
        { stream: 'order-1', revision: 2, position: 3 },
        { stream: 'audit-1', revision: 0, position: 4 },
      ]);
      assert.equal(replayed, false);
      await world.assertApplied(before);
    },

    ...Object.fromEntries(
      Object.entries(FLAWS).map(([reason, flaw]) => [`changes nothing when ${reason}`, refusesWhole(flaw)]),
    ),

    'accepts a batch with nothing in it': async ({ storage }) => {
      const { appends, replayed, recordedAt } = await storage.commit({});
      assert.deepEqual([appends, replayed], [[], false]);
      assert.ok(Number.isSafeInteger(recordedAt));
      await storage.commit({ class: 'bulk', appends: [], cursors: [], documents: [], work: [], topics: [], state: [] });
    },

    'spares the neighbours of refused batches': async ({ storage }) => {
      const world = await SampleWorld.fill(storage);
      const before = await world.look();
      const accepted = (name: string): Promise<unknown> =>
        Promise.all(
          Array.from({ length: 3 }, (_, n) =>
            storage.commit({ appends: [sampleAppend(`${name}-${n}`, 'noStream', sampleEvents(2))] }),
          ),
        );
      const commits = Object.entries(FLAWS).flatMap(([, flaw], n) => [
        accepted(`neighbour${n}`),
        refusal(storage.commit(flaw.add(world.batch(), world)), flaw.code),
      ]);
      await Promise.all([...commits, accepted('last')]);
      const { events, ...rest } = await world.look();
      const { events: known, ...unchanged } = before;
      assert.deepEqual(rest, unchanged);
      assert.equal(events.length, known.length + (Object.keys(FLAWS).length + 1) * 6);
      await storage.commit(world.batch());
    },

    'spares the neighbours also when the refusal is found while writing': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('known-1', 'any', [sampleEvent({ id: 'known' })])] });
      const commits = Array.from({ length: 40 }, (_, n) => {
        const events = n % 4 === 3 ? [sampleEvent({ id: 'known', fresh: true, data: '1' })] : sampleEvents(1);
        const commit = storage.commit({
          appends: [sampleAppend(`a-${n}`, 'noStream', [...sampleEvents(1), ...events])],
        });
        return n % 4 === 3 ? refusal(commit, 'EVENT_ID_REUSED') : commit;
      });
      await Promise.all(commits);
      assert.equal(await storage.log.head(), 61);
      const { events } = await storage.log.readLog({ after: 0, limit: 100 });
      assert.deepEqual(
        events.map(event => event.position),
        Array.from({ length: 61 }, (_, n) => n + 1),
      );
    },

    'checks each batch against what the batches before it have written': async ({ storage }) => {
      const commits = Array.from({ length: 50 }, (_, n) =>
        storage.commit({
          class: n % 2 === 0 ? 'interactive' : 'bulk',
          appends: [sampleAppend('a-1')],
          work: [enqueue(`k${n % 10}`)],
        }),
      );
      const settled = await Promise.allSettled(commits);
      assert.equal(settled.filter(commit => commit.status === 'fulfilled').length, 10);
      assert.equal(await storage.log.head(), 10);
      assert.equal((await storage.work.counts('q')).ready, 10);
    },

    'serves both classes when both are busy': async ({ storage }) => {
      const commits = (['bulk', 'interactive'] as const).flatMap(name =>
        Array.from({ length: 200 }, () =>
          storage.commit({ class: name, appends: [sampleAppend(`${name}-1`, 'any', sampleEvents(3))] }),
        ),
      );
      await Promise.all(commits);
      assert.equal(await storage.log.streamRevision('bulk-1'), 599);
      assert.equal(await storage.log.streamRevision('interactive-1'), 599);
    },
  },
};

function refusesWhole({ code, add }: Flaw): ConformanceTest {
  return async ({ storage }) => {
    const world = await SampleWorld.fill(storage);
    const before = await world.look();
    await refusal(storage.commit(add(world.batch(), world)), code);
    await world.assertUnchanged(before);
    await storage.commit(world.batch());
    await world.assertApplied(before);
  };
}
