import { isMillraceError } from '../core/index.ts';
import type { Storage } from '../storage/index.ts';
import type { AnyDecider } from './decider.ts';
import { type Snapshot, snapshotCollection, snapshotRules } from './snapshot.ts';

/** Keeps snapshots as documents of the storage. What it loses costs time, never a result. */
export class SnapshotStore {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Makes the place for the snapshots of a decider; drops all of them when one is of another version, or when the decider wants none any
   * more.
   */
  async prepare(decider: AnyDecider): Promise<void> {
    const { documents } = this.#storage;
    const rules = snapshotRules(decider);
    const collection = snapshotCollection(decider);
    if (rules === undefined) return documents.drop(collection.name);
    try {
      await documents.define(collection);
    } catch (thrown) {
      if (!isMillraceError(thrown, 'COLLECTION_MISMATCH')) throw thrown;
      await documents.drop(collection.name);
      await documents.define(collection);
    }
    // The least and the greatest version: when both are the right one, all are.
    for (const direction of ['ascending', 'descending'] as const) {
      const query = { orderBy: 'version', direction, limit: 1 } as const;
      const [found] = await documents.query(collection.name, query);
      if (found === undefined || (JSON.parse(found.body) as Snapshot).version === rules.version) continue;
      await documents.drop(collection.name);
      await documents.define(collection);
      return;
    }
  }

  /** The snapshot of a stream if there is one that the decider can go on from. Throws what reading throws. */
  async read(decider: AnyDecider, stream: string): Promise<Snapshot | undefined> {
    const rules = snapshotRules(decider);
    if (rules === undefined) return undefined;
    const snapshot = await this.#find(rules.collection.name, stream);
    if (snapshot?.version !== rules.version) return undefined;
    // The event that it rests on must be there: a stream may have been deleted, and a store restored to what it was before.
    const [event] = await this.#storage.log.readStream(stream, { from: snapshot.revision, limit: 1 });
    return event?.id === snapshot.eventId && event.revision === snapshot.revision ? snapshot : undefined;
  }

  /** Keeps a snapshot in place of the one before. Refused with `REVISION_CONFLICT` when its stream is gone. */
  async write(decider: AnyDecider, snapshot: Snapshot): Promise<void> {
    const { name } = snapshotCollection(decider);
    const { stream } = snapshot;
    await this.#storage.commit({
      class: 'bulk',
      appends: [{ stream, expected: 'exists', events: [] }],
      documents: [{ collection: name, key: stream, body: JSON.stringify(snapshot) }],
    });
  }

  async #find(collection: string, stream: string): Promise<Snapshot | undefined> {
    try {
      const body = await this.#storage.documents.get(collection, stream);
      return body === undefined ? undefined : (JSON.parse(body) as Snapshot);
    } catch (thrown) {
      // Nobody has prepared it yet, or another process is just dropping it.
      if (isMillraceError(thrown, 'COLLECTION_NOT_DEFINED')) return undefined;
      throw thrown;
    }
  }
}
