import type { Database, Statement } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import {
  type CollectionDefinition,
  type DocumentQuery,
  type DocumentReader,
  type IndexValue,
  type StoredDocument,
  undefinedCollection,
} from '../storage/index.ts';
import { column, table } from './sqlite-document-writer.ts';
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
    const collection = this.#collection(name);
    const conditions: string[] = [];
    const values: unknown[] = [];
    for (const [field, value] of Object.entries(query.where ?? {})) {
      conditions.push(equality(indexColumn(collection, field), field, value));
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
    const indexed = indexColumn(collection, field);
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

/**
 * An index holds what SQLite makes of a JSON value: true is 1, false is 0, and a list or object is its text. The type in the
 * document tells them apart; it is looked at only where values can be mistaken, so that writing costs nothing more.
 */
function equality(column: string, field: string, value: IndexValue): string {
  const type = `json_type(body, '$.${field}')`;
  if (typeof value === 'boolean') return `(${column} IS ? AND ${type} = '${value}')`;
  return isAmbiguous(value)
    ? `(${column} IS ? AND ${type} NOT IN ('true', 'false', 'object', 'array'))`
    : `${column} IS ?`;
}

function isAmbiguous(value: unknown): boolean {
  return value === 0 || value === 1 || (typeof value === 'string' && /^[[{]/.test(value));
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
