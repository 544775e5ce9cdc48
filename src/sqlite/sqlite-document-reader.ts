import type { Database, Statement } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import type { CollectionDefinition, DocumentQuery, DocumentReader, StoredDocument } from '../storage/index.ts';
import { column, table, undefinedCollection } from './sqlite-document-writer.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

interface Collection {
  readonly table: string;
  readonly definition: CollectionDefinition;
  readonly get: Statement<[string], string>;
}

const QUERY_LIMIT_DEFAULT = 100;
const QUERY_LIMIT_MAX = 10_000;

/** Reads documents by key and by declared indexes; has collections made by the writer. */
export class SqliteDocumentReader implements DocumentReader {
  readonly #database: Database;
  readonly #writer: SqliteWriterHost;
  readonly #collections = new Map<string, Collection>();

  constructor(database: Database, writer: SqliteWriterHost) {
    this.#database = database;
    this.#writer = writer;
  }

  async define({ name, owner, indexes }: CollectionDefinition): Promise<void> {
    await this.#writer.call('defineCollection', { name, owner, indexes });
  }

  async drop(collection: string): Promise<void> {
    this.#collections.delete(collection);
    await this.#writer.call('dropCollection', collection);
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    return this.#collection(collection).get.get(key);
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { get } = this.#collection(collection);
    const found = new Map<string, string>();
    for (const key of keys) {
      const body = get.get(key);
      if (body !== undefined) found.set(key, body);
    }
    return found;
  }

  async query(name: string, query: DocumentQuery): Promise<readonly StoredDocument[]> {
    const collection = this.#collection(name);
    const conditions: string[] = [];
    const values: unknown[] = [];
    for (const [field, value] of Object.entries(query.where ?? {})) {
      conditions.push(`${indexColumn(collection, field)} IS ?`);
      values.push(typeof value === 'boolean' ? Number(value) : value);
    }
    const direction = query.direction === 'descending' ? 'DESC' : 'ASC';
    const order = query.orderBy === undefined ? '' : `${indexColumn(collection, query.orderBy)} ${direction}, `;
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    values.push(Math.min(query.limit ?? QUERY_LIMIT_DEFAULT, QUERY_LIMIT_MAX));
    return this.#database
      .prepare<unknown[], StoredDocument>(
        `SELECT key, body FROM ${collection.table} ${where} ORDER BY ${order}key ${direction} LIMIT ?`,
      )
      .all(...values);
  }

  async countBy(name: string, index: string): Promise<ReadonlyMap<string, number>> {
    const collection = this.#collection(name);
    const field = indexColumn(collection, index);
    const rows = this.#database
      .prepare<[], [unknown, number]>(`SELECT ${field}, count(*) FROM ${collection.table} GROUP BY ${field}`)
      .raw()
      .all();
    return new Map(rows.map(([value, count]) => [String(value), count]));
  }

  async count(name: string): Promise<number> {
    return this.#database
      .prepare(`SELECT count(*) FROM ${this.#collection(name).table}`)
      .pluck()
      .get() as number;
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

function indexColumn(collection: Collection, field: string): string {
  const index = collection.definition.indexes.indexOf(field);
  if (index !== -1) return column(index);
  const { name, indexes } = collection.definition;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `Collection ${name} has no index on ${field}. It has: ${indexes.join(', ') || 'none'}. Declare the index, or filter by another field.`,
    { details: { collection: name, field, indexes } },
  );
}
