import type { CommitResult, CursorLease, DocumentQuery, DocumentWrite, Storage } from '../../storage/index.ts';
import { acquireCursor, moveCursor } from './held-cursor.ts';

/** A collection owned by a processor, with what it takes to write it. */
export class SampleCollection {
  readonly name: string;
  readonly #storage: Storage;
  readonly #lease: CursorLease;
  #checkpoint: string | null = null;
  #moves = 0;

  private constructor(storage: Storage, name: string, lease: CursorLease) {
    this.#storage = storage;
    this.name = name;
    this.#lease = lease;
  }

  /** Defines the collection and takes the cursor of its owner. */
  static async define(storage: Storage, indexes: readonly string[] = [], name = 'things'): Promise<SampleCollection> {
    const processor = `processor of ${name}`;
    await storage.documents.define({ name, owner: { processor }, indexes });
    return new SampleCollection(storage, name, await acquireCursor(storage, { processor }));
  }

  /** Puts documents, or deletes those given as undefined, in one batch. */
  put(documents: Readonly<Record<string, unknown>>): Promise<CommitResult> {
    return this.write(
      Object.entries(documents).map(([key, body]) => ({ key, body: body === undefined ? null : JSON.stringify(body) })),
    );
  }

  /** Makes writes in one batch, in their order. */
  async write(writes: readonly Omit<DocumentWrite, 'collection'>[]): Promise<CommitResult> {
    const to = String(++this.#moves);
    const result = await this.#storage.commit({
      cursors: [moveCursor(this.#lease, this.#checkpoint, to)],
      documents: writes.map(write => ({ ...write, collection: this.name })),
    });
    this.#checkpoint = to;
    return result;
  }

  /** The keys that a query finds, in their order. */
  async keys(query: DocumentQuery): Promise<string[]> {
    return (await this.#storage.documents.query(this.name, query)).map(document => document.key);
  }
}
