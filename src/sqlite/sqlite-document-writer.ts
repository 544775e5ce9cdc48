import type { Database, Statement } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import {
  type Batch,
  type CollectionDefinition,
  type DocumentWrite,
  isGuarded,
  undefinedCollection,
  unguardedDocument,
} from '../storage/index.ts';

/** A collection's table and the statements that write it. */
interface Collection {
  readonly definition: CollectionDefinition;
  readonly put: Statement<[string, string]>;
  readonly delete: Statement<[string]>;
}

/** Checks the guards of documents and writes them, and makes their collections. */
export class SqliteDocumentWriter {
  readonly #database: Database;
  readonly #collections = new Map<string, Collection>();

  constructor(database: Database) {
    this.#database = database;
    this.forget();
  }

  /** Drops what is remembered and reads it anew. */
  forget(): void {
    this.#collections.clear();
    const rows = this.#database.prepare('SELECT id, definition FROM collections').all() as {
      id: number;
      definition: string;
    }[];
    for (const row of rows) this.#remember(row.id, JSON.parse(row.definition) as CollectionDefinition);
  }

  /** Makes a collection's table, or checks that it is there as described. */
  define(definition: CollectionDefinition): void {
    const existing = this.#collections.get(definition.name)?.definition;
    if (existing !== undefined) {
      if (JSON.stringify(existing) === JSON.stringify(definition)) return;
      throw new MillraceError(
        'COLLECTION_MISMATCH',
        `Collection ${definition.name} exists with another owner or other indexes. Raise the version of what owns it, so that it gets a new collection.`,
        { details: { existing, wanted: definition } },
      );
    }
    const make = this.#database.transaction(() => {
      const id = this.#database
        .prepare('INSERT INTO collections (name, definition) VALUES (?, ?)')
        .run(definition.name, JSON.stringify(definition)).lastInsertRowid as number;
      const columns = definition.indexes.map(
        (field, index) => `, ${column(index)} GENERATED ALWAYS AS (json_extract(body, ${jsonPath(field)})) VIRTUAL`,
      );
      this.#database.exec(
        `CREATE TABLE ${table(id)} (key TEXT NOT NULL UNIQUE, body TEXT NOT NULL${columns.join('')})`,
      );
      definition.indexes.forEach((_, index) => {
        this.#database.exec(`CREATE INDEX ${table(id)}_${column(index)} ON ${table(id)} (${column(index)}, key)`);
      });
      return id;
    });
    // Remembered only now: until it is committed it may fail, and is to be made again then.
    this.#remember(make(), definition);
  }

  /** Deletes a collection with its documents. */
  drop(name: string): void {
    this.#database.transaction(() => {
      const id = this.#database.prepare('SELECT id FROM collections WHERE name = ?').pluck().get(name);
      if (id === undefined) return;
      this.#database.exec(`DROP TABLE ${table(id as number)}`);
      this.#database.prepare('DELETE FROM collections WHERE id = ?').run(id);
    })();
    this.#collections.delete(name);
  }

  /** Throws `UNGUARDED_WRITE` or `COLLECTION_NOT_DEFINED` when a document may not be written by this batch. */
  check(writes: readonly DocumentWrite[], batch: Batch): void {
    for (const write of writes) {
      const { owner } = this.#collection(write.collection).definition;
      if (!isGuarded(owner, write.key, batch)) throw unguardedDocument(write, owner);
    }
  }

  /** Writes documents after all checks have passed. */
  write(writes: readonly DocumentWrite[]): void {
    for (const { collection, key, body } of writes) {
      const statements = this.#collection(collection);
      if (body === null) statements.delete.run(key);
      else statements.put.run(key, body);
    }
  }

  #collection(name: string): Collection {
    const collection = this.#collections.get(name);
    if (collection === undefined) throw undefinedCollection(name);
    return collection;
  }

  #remember(id: number, definition: CollectionDefinition): void {
    this.#collections.set(definition.name, {
      definition,
      put: this.#database.prepare(
        `INSERT INTO ${table(id)} (key, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body`,
      ),
      delete: this.#database.prepare(`DELETE FROM ${table(id)} WHERE key = ?`),
    });
  }
}

/** The table of a collection. */
export function table(collectionId: number): string {
  return `documents_${collectionId}`;
}

/** The generated column of a collection's nth index. */
export function column(index: number): string {
  return `index_${index}`;
}

const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A JSON path to a top-level field, as an SQL literal; the field's form is what keeps SQL out of it. */
function jsonPath(field: string): string {
  if (FIELD.test(field)) return `'$.${field}'`;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(field)} cannot be an index: a field of letters, digits and underscores can.`,
    { details: { field } },
  );
}
