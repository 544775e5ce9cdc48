import type { Batch, CollectionDefinition, TopicDefinition } from '../storage/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';

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
  readonly #types = new Map<string, number>();
  readonly #typeNames = new Map<number, string>();
  readonly #stores = new Map<string, number>();
  readonly #collections = new Map<string, KnownCollection>();
  readonly #topics = new Map<string, KnownTopic>();

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  /** The number of an event type that `prepare` has seen. */
  typeId(name: string): number {
    return this.#types.get(name) as number;
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
    const types = new Set<string>();
    const stores = new Set<string>();
    let collections = false;
    let topics = false;
    for (const batch of batches) {
      for (const { events } of batch.appends ?? []) {
        for (const { type } of events) if (!this.#types.has(type)) types.add(type);
      }
      for (const { store } of batch.state ?? []) if (!this.#stores.has(store)) stores.add(store);
      for (const { collection } of batch.documents ?? []) collections ||= !this.#collections.has(collection);
      for (const { topic } of batch.topics ?? []) topics ||= !this.#topics.has(topic);
    }
    if (types.size === 0 && stores.size === 0 && !collections && !topics) return undefined;
    return this.#prepare({ types, stores, collections, topics });
  }

  /** The name of an event type. */
  typeName(id: number): string | undefined {
    return this.#typeNames.get(id);
  }

  /** All event types that have been registered. */
  get typeNames(): Iterable<string> {
    return this.#types.keys();
  }

  /** Reads the event types that other processes have registered. */
  async loadTypes(): Promise<void> {
    const rows = await this.#connection.rows<[number, string]>(`SELECT id, name FROM ${this.#connection.schema}.types`);
    for (const [id, name] of rows) {
      this.#types.set(name, id);
      this.#typeNames.set(id, name);
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
    types: ReadonlySet<string>;
    stores: ReadonlySet<string>;
    collections: boolean;
    topics: boolean;
  }): Promise<void> {
    if (missing.types.size > 0) {
      await this.#register('types', missing.types);
      await this.loadTypes();
    }
    if (missing.stores.size > 0) {
      const rows = await this.#register('state_stores', missing.stores);
      for (const [id, name] of rows) this.#stores.set(name, id);
    }
    if (missing.collections) await this.#loadCollections();
    if (missing.topics) await this.loadTopics();
  }

  async #register(table: 'types' | 'state_stores', names: ReadonlySet<string>): Promise<[number, string][]> {
    const { schema } = this.#connection;
    const list = [...names].sort();
    await this.#connection.rows(
      `INSERT INTO ${schema}.${table} (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING`,
      [list],
    );
    return this.#connection.rows(`SELECT id, name FROM ${schema}.${table} WHERE name = ANY ($1)`, [list]);
  }
}
