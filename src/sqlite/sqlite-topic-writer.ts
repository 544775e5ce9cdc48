import type { Database, Statement } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import {
  type Batch,
  noSuchPartition,
  type StateWrite,
  type TopicDefinition,
  type TopicWrite,
  undefinedTopic,
  unguardedState,
} from '../storage/index.ts';

/** Checks and writes the records of topics, and makes topics. A block of records is one row: rows, not bytes, are what costs. */
export class SqliteTopicWriter {
  readonly #database: Database;
  readonly #topics = new Map<string, { id: number; definition: TopicDefinition }>();
  readonly #end: Statement<[number, number], number>;
  readonly #insert: Statement<[number, number, number, number, number, string]>;
  readonly #trim: Statement<[number, number, number]>;

  constructor(database: Database) {
    this.#database = database;
    this.#end = database
      .prepare<[number, number], number>(
        'SELECT base + count FROM topic_blocks WHERE topic = ? AND partition = ? ORDER BY base DESC LIMIT 1',
      )
      .pluck();
    this.#insert = database.prepare('INSERT INTO topic_blocks VALUES (?, ?, ?, ?, ?, ?)');
    // The last block of a partition stays whatever its age: it says which offset comes next.
    this.#trim = database.prepare(
      `DELETE FROM topic_blocks AS block WHERE topic = ? AND produced_at < ? AND EXISTS (
         SELECT 1 FROM topic_blocks WHERE topic = ? AND partition = block.partition AND base > block.base)`,
    );
    this.forget();
  }

  /** Drops what is remembered and reads it anew. */
  forget(): void {
    this.#topics.clear();
    const rows = this.#database.prepare('SELECT id, definition FROM topics').all() as {
      id: number;
      definition: string;
    }[];
    for (const { id, definition } of rows) {
      const topic = JSON.parse(definition) as TopicDefinition;
      this.#topics.set(topic.name, { id, definition: topic });
    }
  }

  /** Makes a topic, or checks that it is there with as many partitions. */
  define(definition: TopicDefinition): void {
    const existing = this.#topics.get(definition.name)?.definition;
    if (existing !== undefined && existing.partitions !== definition.partitions) {
      throw new MillraceError(
        'TOPIC_MISMATCH',
        `Topic ${definition.name} has ${existing.partitions} partitions, not ${definition.partitions}. Records keep their partition, so use a new name.`,
        { details: { existing, wanted: definition } },
      );
    }
    this.#database
      .prepare(
        'INSERT INTO topics (name, definition) VALUES (?, ?) ON CONFLICT DO UPDATE SET definition = excluded.definition',
      )
      .run(definition.name, JSON.stringify(definition));
    this.forget();
  }

  /** Throws `TOPIC_NOT_DEFINED` or `INVALID_ARGUMENT` when records may not be written. */
  check(writes: readonly TopicWrite[]): void {
    for (const write of writes) {
      const { definition } = this.#topic(write.topic);
      if (write.op === 'produce' && !isPartitionOf(definition, write.partition)) {
        throw noSuchPartition(definition, write.partition);
      }
    }
  }

  /** Makes the writes after all checks have passed. */
  write(writes: readonly TopicWrite[], now: number): void {
    for (const write of writes) {
      const { id } = this.#topic(write.topic);
      if (write.op === 'trim') {
        this.#trim.run(id, write.producedBefore, id);
      } else if (write.records.length > 0) {
        const base = this.#end.get(id, write.partition) ?? 0;
        this.#insert.run(id, write.partition, base, write.records.length, now, JSON.stringify(write.records));
      }
    }
  }

  #topic(name: string): { id: number; definition: TopicDefinition } {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw undefinedTopic(name);
    return topic;
  }
}

/** Checks and writes the state of stream processing. */
export class SqliteStateWriter {
  readonly #database: Database;
  readonly #stores = new Map<string, number>();
  readonly #insertStore: Statement<[string]>;
  readonly #put: Statement<[number, number, string, number, number, string]>;
  readonly #delete: Statement<[number, number, string, number, number]>;
  readonly #expire: Statement<[number, number, number]>;

  constructor(database: Database) {
    this.#database = database;
    this.#insertStore = database.prepare('INSERT INTO state_stores (name) VALUES (?)');
    this.#put = database.prepare(
      `INSERT INTO state (store, partition, key, window_end, window_start, value) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value`,
    );
    this.#delete = database.prepare(
      'DELETE FROM state WHERE store = ? AND partition = ? AND key = ? AND window_end = ? AND window_start = ?',
    );
    this.#expire = database.prepare(
      'DELETE FROM state WHERE store = ? AND partition = ? AND window_end > 0 AND window_end < ?',
    );
    this.forget();
  }

  /** Drops what is remembered and reads it anew. */
  forget(): void {
    this.#stores.clear();
    const rows = this.#database.prepare('SELECT id, name FROM state_stores').all() as { id: number; name: string }[];
    for (const { id, name } of rows) this.#stores.set(name, id);
  }

  /** Throws `UNGUARDED_WRITE` when the batch moves no cursor. */
  check(writes: readonly StateWrite[], batch: Batch): void {
    const first = writes[0];
    if (first === undefined || (batch.cursors?.length ?? 0) > 0) return;
    throw unguardedState(first.store);
  }

  /** Makes the writes after all checks have passed. */
  write(writes: readonly StateWrite[]): void {
    for (const write of writes) {
      const store = this.#store(write.store);
      if (write.op === 'put') {
        this.#put.run(store, write.partition, write.key, write.end, write.start, write.value);
      } else if (write.op === 'delete') {
        this.#delete.run(store, write.partition, write.key, write.end, write.start);
      } else {
        this.#expire.run(store, write.partition, write.endBefore);
      }
    }
  }

  #store(name: string): number {
    let id = this.#stores.get(name);
    if (id === undefined) {
      id = this.#insertStore.run(name).lastInsertRowid as number;
      this.#stores.set(name, id);
    }
    return id;
  }
}

function isPartitionOf({ partitions }: TopicDefinition, partition: number): boolean {
  return Number.isInteger(partition) && partition >= 0 && partition < partitions;
}
