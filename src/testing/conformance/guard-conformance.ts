import assert from 'node:assert/strict';
import type { Batch, DocumentWrite, EncodedEvent, ExpectedRevision, Storage } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { acquireCursor, moveCursor } from './held-cursor.ts';
import { refusal } from './refusal.ts';
import { sampleAppend, sampleEvent } from './sample-event.ts';

/** No document without the guard of its collection. */
export const guardConformance: ConformanceSlice = {
  name: 'guards',
  tests: {
    'refuses a document of a processor without the move of one of its cursors': async ({ storage }) => {
      await defineCollections(storage);
      const other = await acquireCursor(storage, { processor: 'other' });
      const unguarded: Batch[] = [
        {},
        { cursors: [] },
        { cursors: [moveCursor(other, null, '1')] },
        { appends: [sampleAppend('order-1', 'noStream')] },
        { appends: [sampleAppend('p', 'noStream')] },
      ];
      for (const batch of unguarded) await assertUnguarded(storage, batch, { collection: 'owned', key: 'order-1' });
      assert.deepEqual(await storage.cursors.read(), []);
    },

    'accepts a document of a processor with any of its cursors': async ({ storage }) => {
      await defineCollections(storage);
      for (const partition of [0, 7]) {
        const lease = await acquireCursor(storage, { partition });
        const documents = [{ collection: 'owned', key: `k${partition}`, body: '{}' }];
        await storage.commit({ cursors: [moveCursor(lease, null, '1')], documents });
        await storage.commit({
          cursors: [moveCursor(lease, '1', '2')],
          documents: documents.map(write => ({ ...write, body: null })),
        });
      }
      assert.equal(await storage.documents.count('owned'), 0);
    },

    'refuses a document whose guard is refused': async ({ storage }) => {
      await defineCollections(storage);
      const lease = await acquireCursor(storage);
      const owned = [{ collection: 'owned', key: 'k', body: '{}' }];
      await refusal(
        storage.commit({ cursors: [moveCursor({ ...lease, fence: lease.fence + 1 }, null, '1')], documents: owned }),
        'LEASE_LOST',
      );
      await refusal(
        storage.commit({ cursors: [moveCursor(lease, 'x', '1')], documents: owned }),
        'CHECKPOINT_CONFLICT',
      );
      await refusal(
        storage.commit({
          appends: [sampleAppend('order-1', 4)],
          documents: [{ collection: 'inline', key: 'order-1', body: '{}' }],
        }),
        'REVISION_CONFLICT',
      );
      assert.equal(await storage.documents.count('owned'), 0);
      assert.equal(await storage.documents.count('inline'), 0);
    },

    'refuses a document of a category without an append to its stream at an exact revision': async ({ storage }) => {
      await defineCollections(storage);
      const lease = await acquireCursor(storage);
      await storage.commit({ appends: [sampleAppend('order-1', 'noStream')] });
      const unguarded: Batch[] = [
        {},
        { appends: [] },
        { cursors: [moveCursor(lease, null, '1')] },
        { appends: [sampleAppend('order-1', 'any')] },
        { appends: [sampleAppend('order-1', 'exists')] },
        { appends: [sampleAppend('order-1', 0, [])] },
        { appends: [sampleAppend('order-2', 'noStream')] },
        { appends: [sampleAppend('order-2', 'noStream'), sampleAppend('order-1', 'any')] },
      ];
      for (const batch of unguarded) await assertUnguarded(storage, batch, { collection: 'inline', key: 'order-1' });
    },

    'refuses a document of a category under the key of a stream of another': async ({ storage }) => {
      await defineCollections(storage);
      for (const key of ['cart-1', 'orders-1', 'Order-1', 'orderly']) {
        await assertUnguarded(storage, { appends: [sampleAppend(key, 'noStream')] }, { collection: 'inline', key });
      }
    },

    'accepts a document of a category with its stream at an exact revision': async ({ storage }) => {
      await defineCollections(storage);
      const write = (body: string | null): DocumentWrite => ({ collection: 'inline', key: 'order-1-a', body });
      await storage.commit({ appends: [sampleAppend('order-1-a', 'noStream')], documents: [write('1')] });
      await storage.commit({ appends: [sampleAppend('order-1-a', 0, [sampleEvent()])], documents: [write('2')] });
      assert.equal(await storage.documents.get('inline', 'order-1-a'), '2');
      await storage.commit({ appends: [sampleAppend('order-1-a', 1)], documents: [write(null)] });
      assert.equal(await storage.documents.get('inline', 'order-1-a'), undefined);
    },

    'refuses a snapshot of a stream without an append that expects the stream to be there': async ({ storage }) => {
      await defineCollections(storage);
      const lease = await acquireCursor(storage);
      await storage.commit({ appends: [sampleAppend('order-1', 'noStream')] });
      const unguarded: Batch[] = [
        {},
        { cursors: [moveCursor(lease, null, '1')] },
        { appends: [sampleAppend('order-1', 'any', [])] },
        { appends: [sampleAppend('order-2', 'noStream')] },
      ];
      for (const batch of unguarded) await assertUnguarded(storage, batch, { collection: 'kept', key: 'order-1' });
      const first = { appends: [sampleAppend('order-2', 'noStream')] };
      await assertUnguarded(storage, first, { collection: 'kept', key: 'order-2' });
      await storage.commit({ appends: [sampleAppend('cart-1', 'noStream')] });
      const stranger = { appends: [sampleAppend('cart-1', 'exists', [])] };
      await assertUnguarded(storage, stranger, { collection: 'kept', key: 'cart-1' });
    },

    'refuses a snapshot of a stream that is not there or elsewhere': async ({ storage }) => {
      await defineCollections(storage);
      await storage.commit({ appends: [sampleAppend('order-1', 'noStream')] });
      const write = (key: string): DocumentWrite => ({ collection: 'kept', key, body: '{}' });
      for (const [key, expected] of [
        ['order-2', 'exists'],
        ['order-1', 1],
      ] as const) {
        const batch = { appends: [sampleAppend(key, expected, [])], documents: [write(key)] };
        await refusal(storage.commit(batch), 'REVISION_CONFLICT');
      }
      assert.equal(await storage.documents.count('kept'), 0);
    },

    'accepts a snapshot of a stream that is there, with events or without': async ({ storage }) => {
      await defineCollections(storage);
      await storage.commit({ appends: [sampleAppend('order-1', 'noStream')] });
      const snapshot = async (body: string | null, expected: ExpectedRevision, events: EncodedEvent[] = []) => {
        await storage.commit({
          appends: [sampleAppend('order-1', expected, events)],
          documents: [{ collection: 'kept', key: 'order-1', body }],
        });
        return storage.documents.get('kept', 'order-1');
      };
      assert.equal(await snapshot('1', 'exists'), '1');
      assert.equal(await snapshot('2', 0), '2');
      assert.equal(await snapshot('3', 'exists', [sampleEvent()]), '3');
      assert.equal(await snapshot(null, 1), undefined);
      assert.equal(await storage.log.head(), 2);
    },

    'refuses a batch in which one of many documents is not guarded': async ({ storage }) => {
      await defineCollections(storage);
      const lease = await acquireCursor(storage);
      const documents = ['a', 'b'].map(key => ({ collection: 'owned', key, body: '{}' }));
      const batch = { cursors: [moveCursor(lease, null, '1')], documents };
      await assertUnguarded(storage, batch, { collection: 'inline', key: 'order-1' });
      await storage.commit(batch);
      assert.equal(await storage.documents.count('owned'), 2);
    },
  },
};

async function defineCollections({ documents }: Storage): Promise<void> {
  await documents.define({ name: 'owned', owner: { processor: 'p' }, indexes: [] });
  await documents.define({ name: 'inline', owner: { category: 'order' }, indexes: [] });
  await documents.define({ name: 'kept', owner: { snapshotsOf: 'order' }, indexes: [] });
}

/** Neither putting nor deleting the document is accepted as part of the batch. */
async function assertUnguarded(storage: Storage, batch: Batch, document: Omit<DocumentWrite, 'body'>): Promise<void> {
  const head = await storage.log.head();
  for (const body of ['{}', null]) {
    const documents = [...(batch.documents ?? []), { ...document, body }];
    await refusal(storage.commit({ ...batch, documents }), 'UNGUARDED_WRITE');
  }
  assert.equal(await storage.documents.count(document.collection), 0);
  assert.equal(await storage.log.head(), head);
}
