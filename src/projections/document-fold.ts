import type { DocumentWrite, Storage } from '../storage/index.ts';
import type { KeyRing, RecordedEvent } from '../store/index.ts';
import { documentText, keysOf, type Projection } from './projection.ts';

/** A document while events are folded into it. */
interface Folded {
  state: unknown;
  changed: boolean;
}

type Evolve = Readonly<
  Record<string, ((state: unknown, event: RecordedEvent, found: unknown, key: string) => unknown) | undefined>
>;

/** An event, and those of its documents that it is to be folded into. */
export interface FoldedEvent {
  readonly event: RecordedEvent;
  readonly keys: readonly string[];
}

/** Folds events into the documents of one collection: one bulk load, the fold in memory, one write for each changed document. */
export class DocumentFold {
  readonly #projection: Projection;
  readonly #collection: string;
  readonly #storage: Storage;
  readonly #keys: KeyRing;

  constructor(
    projection: Projection,
    collection: string,
    { storage, keys }: { readonly storage: Storage; readonly keys: KeyRing },
  ) {
    this.#projection = projection;
    this.#collection = collection;
    this.#storage = storage;
    this.#keys = keys;
  }

  /** An event with the documents that it belongs to. */
  address(event: RecordedEvent): FoldedEvent {
    return { event, keys: keysOf(this.#projection, event) };
  }

  /** The writes that events lead to; `skipped` hears of those that change nothing. */
  async writes(events: readonly FoldedEvent[], skipped?: (event: RecordedEvent) => void): Promise<DocumentWrite[]> {
    const { enrich } = this.#projection;
    const found = enrich && (await enrich(events.map(({ event }) => event) as never[]));
    const documents = await this.#load(events);
    for (const { event, keys } of events) {
      let changed = false;
      for (const key of keys) changed = this.#fold(documents.get(key) as Folded, event, found, key) || changed;
      if (!changed) skipped?.(event);
    }
    return this.#changed(documents);
  }

  async #load(events: readonly FoldedEvent[]): Promise<Map<string, Folded>> {
    const wanted = new Set<string>();
    for (const { keys } of events) for (const key of keys) wanted.add(key);
    const stored = await this.#storage.documents.getMany(this.#collection, [...wanted]);
    const documents = new Map<string, Folded>();
    for (const key of wanted) {
      const body = stored.get(key);
      documents.set(key, { state: body === undefined ? undefined : await this.#keys.parse(body), changed: false });
    }
    return documents;
  }

  #fold(document: Folded, event: RecordedEvent, found: unknown, key: string): boolean {
    const { evolve, initial } = this.#projection;
    const next = (evolve as Evolve)[event.type]?.(document.state ?? initial(), event, found, key);
    if (next === undefined) return false;
    document.state = next ?? undefined;
    document.changed = true;
    return true;
  }

  #changed(documents: ReadonlyMap<string, Folded>): DocumentWrite[] {
    const writes: DocumentWrite[] = [];
    for (const [key, { state, changed }] of documents) {
      if (!changed) continue;
      const body = state === undefined ? null : documentText(this.#projection, key, state);
      writes.push({ collection: this.#collection, key, body });
    }
    return writes;
  }
}
