import { MillraceError } from '../core/index.ts';
import type {
  AggregateRow,
  CollectionDefinition,
  DocumentAggregate,
  DocumentQuery,
  DocumentReader,
  IndexValue,
  StoredDocument,
} from '../storage/index.ts';
import { undefinedCollection } from '../storage/index.ts';
import type { KnownCollection, PostgresCatalog } from './postgres-catalog.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { aggregation, indexColumn, selection } from './postgres-document-query.ts';
import { isMissing } from './postgres-errors.ts';
import { CUT_TEXT, indexedValue, memberOf } from './postgres-index-value.ts';

const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads documents by key and by declared indexes, and makes their collections. Each read is one statement. */
export class PostgresDocumentReader implements DocumentReader {
  readonly #connection: PostgresConnection;
  readonly #catalog: PostgresCatalog;

  constructor(connection: PostgresConnection, catalog: PostgresCatalog) {
    this.#connection = connection;
    this.#catalog = catalog;
  }

  async define({ name, owner, indexes }: CollectionDefinition): Promise<void> {
    for (const field of indexes) checkField(field);
    const definition: CollectionDefinition = { name, owner, indexes };
    const { schema } = this.#connection;
    await this.#connection.rows(`SELECT ${schema}.define_collection($1, $2, $3)`, [
      name,
      JSON.stringify(definition),
      indexes.length,
    ]);
    // Read rather than concluded from the answer, which may have been lost with a connection.
    this.#catalog.forgetCollections();
    const existing = (await this.#catalog.findCollection(name))?.definition;
    if (JSON.stringify(existing) === JSON.stringify(definition)) return;
    throw new MillraceError(
      'COLLECTION_MISMATCH',
      `Collection ${name} exists with another owner or other indexes. Raise the version of what owns it, so that it gets a new collection.`,
      { details: { existing, wanted: definition } },
    );
  }

  async drop(collection: string): Promise<void> {
    await this.#connection.rows(`SELECT ${this.#connection.schema}.drop_collection($1)`, [collection]);
    this.#catalog.forgetCollections();
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    const rows = await this.#rows<[string]>(collection, ({ table }) => [
      `SELECT body FROM ${table} WHERE key = $1`,
      [key],
    ]);
    return rows[0]?.[0];
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#rows<[string, string]>(collection, ({ table }) => [
      `SELECT key, body FROM ${table} WHERE key = ANY ($1::text[])`,
      [keys],
    ]);
    return new Map(rows);
  }

  async query(name: string, query: DocumentQuery): Promise<readonly StoredDocument[]> {
    const rows = await this.#rows<[string, string]>(name, ({ table, definition }) =>
      selection(table, definition, query),
    );
    return rows.map(([key, body]) => ({ key, body }));
  }

  async explain(name: string, query: DocumentQuery): Promise<readonly string[]> {
    const rows = await this.#rows<[string]>(name, ({ table, definition }) => {
      const [text, values] = selection(table, definition, query);
      return [`EXPLAIN ${text}`, values];
    });
    return rows.map(([line]) => line.trim());
  }

  async aggregate(name: string, wanted: DocumentAggregate): Promise<readonly AggregateRow[]> {
    type Found = [string | null, number, number | null, number | null, number | null, string | null];
    const rows = await this.#rows<Found>(name, ({ table, definition }) => aggregation(table, definition, wanted));
    const found: AggregateRow[] = [];
    for (const [text, count, sum, min, max, key] of rows) {
      const figures = { count, sum, min, max };
      if (wanted.groupBy === undefined || text === null || key === null) found.push(figures);
      else found.push({ group: await this.#groupOf(name, wanted.groupBy, text, key), ...figures });
    }
    return found;
  }

  async countBy(name: string, index: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#rows<[string, number, string]>(name, ({ table, definition }) => {
      const column = indexColumn(definition, index);
      return [`SELECT ${column}, count(*), min(key) FROM ${table} GROUP BY ${column}`, []];
    });
    const counts = new Map<string, number>();
    for (const [text, count, key] of rows) {
      const value = indexedValue(text);
      if (value === undefined) continue;
      const shown = value === CUT_TEXT ? await this.#memberText(name, key, index) : String(value);
      if (shown !== undefined) counts.set(shown, (counts.get(shown) ?? 0) + count);
    }
    return counts;
  }

  async count(name: string): Promise<number> {
    const rows = await this.#rows<[number]>(name, ({ table }) => [`SELECT count(*) FROM ${table}`, []]);
    return (rows[0] as [number])[0];
  }

  async #groupOf(name: string, field: string, text: string, key: string): Promise<IndexValue> {
    const value = indexedValue(text);
    if (value !== CUT_TEXT) return value as IndexValue;
    return (await this.#memberText(name, key, field)) ?? null;
  }

  /** What a document says in a field, when its index could not hold all of it. */
  async #memberText(collection: string, key: string, field: string): Promise<string | undefined> {
    const body = await this.get(collection, key);
    return body === undefined ? undefined : String(memberOf(JSON.parse(body), field));
  }

  /** Reads a collection; one that was dropped and made anew by another process is looked up again. */
  async #rows<Row extends unknown[]>(
    name: string,
    statement: (collection: KnownCollection & { table: string }) => [text: string, values: readonly unknown[]],
  ): Promise<Row[]> {
    for (let again = false; ; again = true) {
      const collection = await this.#catalog.findCollection(name);
      if (collection === undefined) throw undefinedCollection(name);
      const table = `${this.#connection.schema}.documents_${collection.id}`;
      try {
        return await this.#connection.rows<Row>(...statement({ ...collection, table }));
      } catch (thrown) {
        if (!isMissing(thrown) || again) throw thrown;
        this.#catalog.forgetCollections();
      }
    }
  }
}

function checkField(field: string): void {
  if (FIELD.test(field)) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(field)} cannot be an index: a field of letters, digits and underscores can.`,
    { details: { field } },
  );
}
