import assert from 'node:assert/strict';
import type { Batch, ClaimedWork, CursorLease, StateWrite, Storage } from '../../storage/index.ts';
import { claimOne, enqueue, heldWrite } from './claimed-work.ts';
import { acquireCursor, moveCursor } from './held-cursor.ts';
import { sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';
import { type Scope, type VisibleState, visibleState } from './visible-state.ts';

const SCOPE: Scope = {
  collections: ['read-model', 'snapshots'],
  queues: ['q', 'other'],
  topics: [{ name: 't', partitions: 2 }],
  stores: [{ name: 's', partitions: 2 }],
};

/** A storage with something of every kind in it, and a batch that changes something of every kind. */
export class SampleWorld {
  /** An event that is stored. */
  readonly known = sampleEvent({ id: 'known' });
  readonly #storage: Storage;
  readonly #lease: CursorLease;
  readonly #held: ClaimedWork;

  private constructor(storage: Storage, lease: CursorLease, held: ClaimedWork) {
    this.#storage = storage;
    this.#lease = lease;
    this.#held = held;
  }

  /** Fills an empty storage. */
  static async fill(storage: Storage): Promise<SampleWorld> {
    const { documents, topics } = storage;
    await documents.define({ name: 'read-model', owner: { processor: 'p' }, indexes: ['n'] });
    await documents.define({ name: 'snapshots', owner: { category: 'order' }, indexes: [] });
    await topics.define({ name: 't', partitions: 2, retention: 'forever' });
    const lease = await acquireCursor(storage);
    await storage.commit({
      cursors: [moveCursor(lease, null, '1')],
      documents: [{ collection: 'read-model', key: 'old', body: '{"n":1}' }],
      work: [enqueue('held'), enqueue('ready', { dueAt: 1 })],
      topics: [{ op: 'produce', topic: 't', partition: 0, records: [{ key: 'old', value: 1, timestamp: 1 }] }],
      state: [putState('old')],
    });
    const world = new SampleWorld(storage, lease, await claimOne(storage));
    await storage.commit({ appends: [sampleAppend('order-1', 'noStream', [world.known])] });
    return world;
  }

  /** A batch that would be accepted, with writes of every kind. */
  batch(): Required<Omit<Batch, 'class' | 'streams'>> {
    return {
      appends: [sampleAppend('order-1', 0, sampleEvents(2)), sampleAppend('audit-1')],
      claim: { key: 'claimed', digest: new Uint8Array([1]), answer: '', keepMs: 60_000 },
      conditions: [{ query: [{ types: ['Never'] }, { tags: ['never'] }], after: 0 }],
      cursors: [moveCursor(this.#lease, '1', '2')],
      documents: [
        { collection: 'read-model', key: 'new', body: '{"n":2}' },
        { collection: 'read-model', key: 'old', body: null },
        { collection: 'snapshots', key: 'order-1', body: '{}' },
      ],
      work: [enqueue('new'), enqueue('new', { queue: 'other' }), heldWrite(this.#held, { op: 'complete' })],
      topics: [{ op: 'produce', topic: 't', partition: 1, records: [{ key: 'new', value: 2, timestamp: 2 }] }],
      state: [putState('new'), { op: 'delete', store: 's', partition: 0, key: 'old', start: 0, end: 0 }],
    };
  }

  /** Fails unless the state of everything is as it was. */
  async assertUnchanged(before: VisibleState): Promise<void> {
    assert.deepEqual(await this.look(), before);
  }

  /** Fails unless the whole of `batch` has been applied to the state that was there before. */
  async assertApplied(before: VisibleState): Promise<void> {
    const after = await this.look();
    assert.equal(after.events.length, before.events.length + 3);
    assert.deepEqual(after.documents, {
      'read-model': [{ key: 'new', body: '{"n":2}' }],
      snapshots: [{ key: 'order-1', body: '{}' }],
    });
    assert.deepEqual(
      after.cursors.map(cursor => cursor.checkpoint),
      ['2'],
    );
    assert.deepEqual(
      after.work.q?.map(item => item.key),
      ['ready', 'new'],
    );
    assert.deepEqual(
      after.work.other?.map(item => item.key),
      ['new'],
    );
    assert.equal(after.topics['t/1']?.end, 1);
    assert.deepEqual(
      after.state['s/0']?.map(entry => entry.key),
      ['new'],
    );
  }

  /** Everything that a reader can see. */
  look(): Promise<VisibleState> {
    return visibleState(this.#storage, SCOPE);
  }
}

function putState(key: string): StateWrite {
  return { op: 'put', store: 's', partition: 0, key, start: 0, end: 0, value: '1' };
}
