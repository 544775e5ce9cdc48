import type { Environment, EventHandler } from '../processing/index.ts';
import type { DocumentWrite, Effects, Storage } from '../storage/index.ts';
import type { KeyRing, RecordedEvent } from '../store/index.ts';
import { collectionOf, documentText, type Projection } from './projection.ts';

/** A document while a page of events is folded into it. */
interface Folded {
  state: unknown;
  changed: boolean;
}

type Evolve = Readonly<Record<string, (state: unknown, event: RecordedEvent) => unknown>>;

/** Folds pages of events into documents: one bulk load, the fold in memory, one write for each changed document. */
export class ProjectionHandler implements EventHandler {
  readonly #projection: Projection;
  readonly #storage: Storage;
  readonly #keys: KeyRing;
  readonly #collection: string;
  readonly #evolve: Evolve;
  readonly #key: (event: RecordedEvent) => string | undefined;

  constructor(projection: Projection, { storage, keys }: Pick<Environment, 'storage' | 'keys'>) {
    this.#projection = projection;
    this.#storage = storage;
    this.#keys = keys;
    this.#collection = collectionOf(projection);
    this.#evolve = projection.evolve as Evolve;
    this.#key = projection.key as (event: RecordedEvent) => string | undefined;
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects> {
    const keys = events.map(this.#key);
    const documents = await this.#load(keys);
    for (let index = 0; index < events.length; index++) {
      const key = keys[index];
      if (key !== undefined) this.#fold(documents.get(key) as Folded, events[index] as RecordedEvent);
    }
    return { documents: this.#writes(documents) };
  }

  async #load(keys: readonly (string | undefined)[]): Promise<Map<string, Folded>> {
    const wanted = new Set(keys);
    wanted.delete(undefined);
    const stored = await this.#storage.documents.getMany(this.#collection, [...(wanted as Set<string>)]);
    const documents = new Map<string, Folded>();
    for (const key of wanted as Set<string>) {
      const body = stored.get(key);
      documents.set(key, { state: body === undefined ? undefined : await this.#keys.parse(body), changed: false });
    }
    return documents;
  }

  #fold(document: Folded, event: RecordedEvent): void {
    const evolve = this.#evolve[event.type];
    if (evolve === undefined) return;
    const next = evolve(document.state ?? this.#projection.initial(), event);
    if (next === undefined) return;
    document.state = next ?? undefined;
    document.changed = true;
  }

  #writes(documents: ReadonlyMap<string, Folded>): DocumentWrite[] {
    const writes: DocumentWrite[] = [];
    for (const [key, { state, changed }] of documents) {
      if (!changed) continue;
      const body = state === undefined ? null : documentText(this.#projection, key, state);
      writes.push({ collection: this.#collection, key, body });
    }
    return writes;
  }
}
