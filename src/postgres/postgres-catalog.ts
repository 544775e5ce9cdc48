import { categoryOf, SYSTEM_PREFIX } from '../core/index.ts';
import type { Batch, CollectionDefinition, TopicDefinition } from '../storage/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';

/**
 * How many categories have kinds of their own for one type; further ones share a kind. Streams whose names do not begin with
 * a category, such as bare UUIDs, would otherwise make a kind each.
 */
const CATEGORIES_PER_TYPE_MAX = 32;

/** A collection, and the number that is in the name of its table. */
export interface KnownCollection {
  readonly id: number;
  readonly definition: CollectionDefinition;
}

/** A topic, and the number that stands for it. */
export interface KnownTopic {
  readonly id: number;
  readonly definition: TopicDefinition;
}

/**
 * Names that stand as numbers in the tables, and what is defined under them. Remembered for as long as the process runs:
 * numbers never change, and what another process has defined or dropped is found out on use.
 */
export class PostgresCatalog {
  readonly #connection: PostgresConnection;
  readonly #kinds = new Map<string, Map<string | null, number>>();
  readonly #typesOfKinds = new Map<number, string>();
  readonly #schemaVersions = new Set<string>();
  readonly #stores = new Map<string, number>();
  readonly #collections = new Map<string, KnownCollection>();
  readonly #topics = new Map<string, KnownTopic>();

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  /** Whether what is committed is tied into the hash chain. */
  get hashChain(): boolean {
    return this.#connection.target.hashChain;
  }

  /** The kind of an event type in a category, which `prepare` has seen. */
  kindOf(type: string, category: string): number {
    const kinds = this.#kinds.get(type) as Map<string | null, number>;
    return (kinds.get(category) ?? kinds.get(null)) as number;
  }

  /** Whether events of a type in a version of its schema are known to be stored. */
  isStored(type: string, schemaVersion: number): boolean {
    return this.#schemaVersions.has(versionName(type, schemaVersion));
  }

  /** The events of a batch are stored. */
  stored({ appends = [] }: Batch): void {
    for (const { stream, events } of appends) {
      if (stream.startsWith(SYSTEM_PREFIX)) continue;
      for (const { type, schemaVersion } of events) this.#schemaVersions.add(versionName(type, schemaVersion));
    }
  }

  /** The number of a store that `prepare` has seen. */
  storeId(name: string): number {
    return this.#stores.get(name) as number;
  }

  /** A collection that is known. */
  collection(name: string): KnownCollection | undefined {
    return this.#collections.get(name);
  }

  /** A topic that is known. */
  topic(name: string): KnownTopic | undefined {
    return this.#topics.get(name);
  }

  /** Drops what is remembered of collections: one of them was dropped or made anew. */
  forgetCollections(): void {
    this.#collections.clear();
  }

  /**
   * Sees to it that every name in the batches is known: types and stores are registered, collections and topics looked up.
   * Answers nothing when there is nothing to do, so that the common case costs no turn of the event loop.
   */
  prepare(batches: readonly Batch[]): Promise<void> | undefined {
    const kinds = new Map<string, [type: string, category: string]>();
    const stores = new Set<string>();
    let collections = false;
    let topics = false;
    for (const batch of batches) {
      for (const { stream, events } of batch.appends ?? []) {
        const category = categoryOf(stream);
        for (const { type } of events) {
          if (!this.#hasKind(type, category)) kinds.set(JSON.stringify([type, category]), [type, category]);
        }
      }
      for (const { store } of batch.state ?? []) if (!this.#stores.has(store)) stores.add(store);
      for (const { collection } of batch.documents ?? []) collections ||= !this.#collections.has(collection);
      for (const { topic } of batch.topics ?? []) topics ||= !this.#topics.has(topic);
    }
    if (kinds.size === 0 && stores.size === 0 && !collections && !topics) return undefined;
    return this.#prepare({ kinds: [...kinds.values()], stores, collections, topics });
  }

  /** The event type of a kind. */
  typeOf(kind: number): string | undefined {
    return this.#typesOfKinds.get(kind);
  }

  /** All event types that have been registered. */
  get typeNames(): Iterable<string> {
    return this.#kinds.keys();
  }

  /** Reads the kinds of events that other processes have registered. */
  async loadKinds(): Promise<void> {
    const { schema } = this.#connection;
    const rows = await this.#connection.rows<[number, string, string | null]>(
      `SELECT id, type, category FROM ${schema}.kinds`,
    );
    for (const [id, type, category] of rows) {
      const kinds = this.#kinds.get(type);
      if (kinds === undefined) this.#kinds.set(type, new Map([[category, id]]));
      else kinds.set(category, id);
      this.#typesOfKinds.set(id, type);
    }
  }

  /** The number of a store, or undefined when nothing was ever written to it. */
  async findStore(name: string): Promise<number | undefined> {
    const known = this.#stores.get(name);
    if (known !== undefined) return known;
    const { schema } = this.#connection;
    const row = await this.#connection.row<[number]>(`SELECT id FROM ${schema}.state_stores WHERE name = $1`, [name]);
    if (row !== undefined) this.#stores.set(name, row[0]);
    return row?.[0];
  }

  /** A collection, looked up when it is not known. */
  async findCollection(name: string): Promise<KnownCollection | undefined> {
    if (!this.#collections.has(name)) await this.#loadCollections();
    return this.#collections.get(name);
  }

  /** A topic, looked up when it is not known. */
  async findTopic(name: string): Promise<KnownTopic | undefined> {
    if (!this.#topics.has(name)) await this.loadTopics();
    return this.#topics.get(name);
  }

  /** Reads all topics. */
  async loadTopics(): Promise<readonly TopicDefinition[]> {
    const { schema } = this.#connection;
    const rows = await this.#connection.rows<[number, string]>(
      `SELECT id, definition FROM ${schema}.topics ORDER BY name`,
    );
    const topics = rows.map(([id, text]): KnownTopic => ({ id, definition: JSON.parse(text) as TopicDefinition }));
    for (const topic of topics) this.#topics.set(topic.definition.name, topic);
    return topics.map(({ definition }) => definition);
  }

  async #loadCollections(): Promise<void> {
    const { schema } = this.#connection;
    const rows = await this.#connection.rows<[number, string]>(`SELECT id, definition FROM ${schema}.collections`);
    this.#collections.clear();
    for (const [id, text] of rows) {
      const definition = JSON.parse(text) as CollectionDefinition;
      this.#collections.set(definition.name, { id, definition });
    }
  }

  async #prepare(missing: {
    kinds: readonly (readonly [type: string, category: string])[];
    stores: ReadonlySet<string>;
    collections: boolean;
    topics: boolean;
  }): Promise<void> {
    if (missing.kinds.length > 0) await this.#registerKinds(missing.kinds);
    if (missing.stores.size > 0) await this.#registerStores(missing.stores);
    if (missing.collections) await this.#loadCollections();
    if (missing.topics) await this.loadTopics();
  }

  /** Another process may do the same at the same time: of two rows for one kind, the first stays. */
  async #registerKinds(missing: readonly (readonly [type: string, category: string])[]): Promise<void> {
    const { schema } = this.#connection;
    await this.loadKinds();
    const added = new Map<string, number>();
    const rows = missing.flatMap(([type, category]): [string, string | null][] => {
      if (this.#hasKind(type, category)) return [];
      const before = added.get(type) ?? this.#kinds.get(type)?.size ?? 0;
      added.set(type, before + 1);
      return [[type, before < CATEGORIES_PER_TYPE_MAX ? category : null]];
    });
    await this.#connection.rows(
      `INSERT INTO ${schema}.kinds (type, category)
       SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING`,
      [rows.map(([type]) => type), rows.map(([, category]) => category)],
    );
    await this.loadKinds();
  }

  async #registerStores(names: ReadonlySet<string>): Promise<void> {
    const { schema } = this.#connection;
    const list = [...names].sort();
    await this.#connection.rows(
      `INSERT INTO ${schema}.state_stores (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING`,
      [list],
    );
    const rows = await this.#connection.rows<[number, string]>(
      `SELECT id, name FROM ${schema}.state_stores WHERE name = ANY ($1)`,
      [list],
    );
    for (const [id, name] of rows) this.#stores.set(name, id);
  }

  #hasKind(type: string, category: string): boolean {
    const kinds = this.#kinds.get(type);
    return kinds !== undefined && (kinds.has(category) || kinds.has(null));
  }
}

function versionName(type: string, schemaVersion: number): string {
  return `${schemaVersion} ${type}`;
}
