import type { Database, Statement } from 'better-sqlite3';
import {
  type AggregateRow,
  type CollectionDefinition,
  type DocumentAggregate,
  type DocumentQuery,
  type DocumentReader,
  type StoredDocument,
  undefinedCollection,
} from '../storage/index.ts';
import { aggregateLimit, aggregation, type Figures, groupValue } from './sqlite-document-aggregate.ts';
import { filterOf, indexColumn, isAmbiguous, limitOf, type SqlPart, selections } from './sqlite-document-query.ts';
import { table } from './sqlite-document-writer.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

interface Collection {
  readonly table: string;
  readonly definition: CollectionDefinition;
  readonly get: Statement<[string], string>;
}

/** Reads documents by key and by declared indexes; has collections made by the writer. */
export class SqliteDocumentReader implements DocumentReader {
  readonly #database: Database;
  readonly #writer: SqliteWriterHost;
  readonly #collections = new Map<string, Collection>();
  readonly #begin: Statement<[]>;
  readonly #end: Statement<[]>;

  constructor(database: Database, writer: SqliteWriterHost) {
    this.#database = database;
    this.#writer = writer;
    this.#begin = database.prepare('BEGIN');
    this.#end = database.prepare('COMMIT');
  }

  async define({ name, owner, indexes }: CollectionDefinition): Promise<void> {
    await this.#writer.call('defineCollection', { name, owner, indexes });
  }

  async drop(collection: string): Promise<void> {
    await this.#writer.call('dropCollection', collection);
    // Not before: a read while it was being dropped would have remembered it again.
    this.#collections.delete(collection);
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    return this.#collection(collection).get.get(key);
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { get } = this.#collection(collection);
    // In one transaction: the writer on its thread may commit between two reads, and a batch is never seen by half.
    return this.#atOnce(() => {
      const found = new Map<string, string>();
      for (const key of keys) {
        const body = get.get(key);
        if (body !== undefined) found.set(key, body);
      }
      return found;
    });
  }

  async query(name: string, query: DocumentQuery): Promise<readonly StoredDocument[]> {
    const { table, definition } = this.#collection(name);
    const parts = selections(table, definition, query);
    const limit = limitOf(query);
    const read = ({ text, values }: SqlPart, most: number) =>
      this.#database.prepare<unknown[], StoredDocument>(text).all(...values, most);
    const [first, second] = parts as [SqlPart, SqlPart?];
    if (second === undefined) return read(first, limit);
    return this.#atOnce(() => {
      const found = read(first, limit);
      return found.length < limit ? [...found, ...read(second, limit - found.length)] : found;
    });
  }

  async explain(name: string, query: DocumentQuery): Promise<readonly string[]> {
    const { table, definition } = this.#collection(name);
    return selections(table, definition, query).flatMap(({ text, values }) =>
      this.#database
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
        .all(...values, limitOf(query))
        .map(({ detail }) => detail),
    );
  }

  async aggregate(name: string, aggregate: DocumentAggregate): Promise<readonly AggregateRow[]> {
    const { table, definition } = this.#collection(name);
    return this.#database
      .prepare<unknown[], [group: unknown, type: string, count: number, ...figures: Figures]>(
        aggregation(table, definition, aggregate),
      )
      .raw()
      .all(...filterOf(definition, aggregate.where ?? {}).values, aggregateLimit(aggregate))
      .map(([group, type, count, sum, min, max]) => ({
        ...(aggregate.groupBy === undefined ? {} : { group: groupValue(group, type) }),
        ...{ count, sum, min, max },
      }));
  }

  async countBy(name: string, index: string): Promise<ReadonlyMap<string, number>> {
    const collection = this.#collection(name);
    const field = indexColumn(collection.definition, index);
    return this.#atOnce(() => {
      const counts = new Map<string, number>();
      const add = (value: string, count: number): unknown => counts.set(value, (counts.get(value) ?? 0) + count);
      const rows = this.#database
        .prepare<[], [unknown, number]>(`SELECT ${field}, count(*) FROM ${collection.table} GROUP BY ${field}`)
        .raw()
        .all();
      for (const [value, count] of rows) {
        if (!isAmbiguous(value)) add(String(value), count);
        else for (const [text, part] of this.#countTexts(collection, index, value)) add(text, part);
      }
      return counts;
    });
  }

  async count(name: string): Promise<number> {
    return this.#database
      .prepare(`SELECT count(*) FROM ${this.#collection(name).table}`)
      .pluck()
      .get() as number;
  }

  /** Tells apart what one value of an index stands for, by looking at the documents. */
  #countTexts(collection: Collection, field: string, value: unknown): [string, number][] {
    const indexed = indexColumn(collection.definition, field);
    const type = `json_type(body, '$.${field}')`;
    return this.#database
      .prepare<[unknown], [string, number]>(
        `SELECT CASE WHEN ${type} IN ('true', 'false') THEN ${type} ELSE CAST(${indexed} AS TEXT) END, count(*)
         FROM ${collection.table} WHERE ${indexed} IS ? AND ${type} NOT IN ('object', 'array') GROUP BY 1`,
      )
      .raw()
      .all(value);
  }

  #atOnce<R>(read: () => R): R {
    this.#begin.run();
    try {
      return read();
    } finally {
      this.#end.run();
    }
  }

  #collection(name: string): Collection {
    const known = this.#collections.get(name);
    if (known !== undefined) return known;
    const row = this.#database.prepare('SELECT id, definition FROM collections WHERE name = ?').get(name) as
      | { id: number; definition: string }
      | undefined;
    if (row === undefined) throw undefinedCollection(name);
    const collection: Collection = {
      table: table(row.id),
      definition: JSON.parse(row.definition) as CollectionDefinition,
      get: this.#database.prepare<[string], string>(`SELECT body FROM ${table(row.id)} WHERE key = ?`).pluck(),
    };
    this.#collections.set(name, collection);
    return collection;
  }
}
