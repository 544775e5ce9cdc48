/**
 * Who alone may write a collection: a processor with its cursor, the streams of a category with their revision, or the snapshots of
 * a category, each of which says itself on which revision of its stream it rests.
 */
export type CollectionOwner =
  | { readonly processor: string }
  | { readonly category: string }
  | { readonly snapshotsOf: string };

/** A named set of JSON documents with declared indexes. */
export interface CollectionDefinition {
  readonly name: string;
  readonly owner: CollectionOwner;
  /** Top-level fields by which documents can be found and ordered. Limit: letters, digits and underscores. */
  readonly indexes: readonly string[];
}

/**
 * Puts or deletes one document in a batch. Guard: the same batch must move a cursor of the owning processor, or append
 * events to the stream that is the document's key, in the owning category, at an exact revision (`noStream` or a number). For
 * a snapshot it must append to the stream that is its key, in its category, and expect it to be there (`exists` or a number); that
 * append may be empty. Otherwise the batch is refused with `UNGUARDED_WRITE`. Writes to one document are made in their order.
 */
export interface DocumentWrite {
  readonly collection: string;
  readonly key: string;
  /** JSON text, or null to delete. */
  readonly body: string | null;
}

/** A document as it stands. */
export interface StoredDocument {
  readonly key: string;
  readonly body: string;
}

/** A value that an index can hold. */
export type IndexValue = string | number | boolean | null;

/** Values between bounds of one type, numbers or texts; other types are never between them. */
export interface IndexRange {
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
}

/** What a field must be: a value of the same type, one of several, or between bounds. */
export type IndexCondition = IndexValue | { readonly in: readonly IndexValue[] } | IndexRange;

/** Which documents are meant, by declared indexes. A missing field counts as null; a list or an object equals no value. */
export type DocumentFilter = Readonly<Record<string, IndexCondition>>;

/** Finds documents by declared indexes. */
export interface DocumentQuery {
  /** Each field must be a declared index. */
  readonly where?: DocumentFilter;
  /**
   * A declared index to order by: null first, then numbers, then texts by code point; equal values are ordered by key.
   * Default: by key, by code point.
   */
  readonly orderBy?: string;
  readonly direction?: 'ascending' | 'descending';
  /** Only what comes behind this document in that order, whether it is there still or not: its key, and what it has in `orderBy`. */
  readonly after?: { readonly key: string; readonly value?: unknown };
  /** Default: 100. Limit: 10,000. */
  readonly limit?: number;
}

/** What is computed from documents. */
export interface DocumentAggregate {
  readonly where?: DocumentFilter;
  /** A declared index whose numbers are summed and compared; other values are left out. Default: documents are only counted. */
  readonly of?: string;
  /** A declared index by whose values documents are told apart. Default: all are one group. */
  readonly groupBy?: string;
  /** Most groups. Default: 1,000. Limit: 10,000. */
  readonly limit?: number;
}

/** What was computed from the documents of one group. */
export interface AggregateRow {
  /** The value that they share; undefined without `groupBy`. Lists and objects are left out of groups. */
  readonly group?: IndexValue;
  readonly count: number;
  /** Of the numbers of `of`; null when there are none. */
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * Reads derived state. Guarantee: a read sees whole batches only, and after `commit` has answered, all of that batch.
 * Fails with `COLLECTION_NOT_DEFINED` for an unknown collection and `INVALID_ARGUMENT` for a field without an index.
 */
export interface DocumentReader {
  /**
   * Makes the collection, or checks that it exists as described; `COLLECTION_MISMATCH` when it exists differently.
   */
  define(collection: CollectionDefinition): Promise<void>;
  /** Deletes a collection with all its documents; does nothing when there is none. */
  drop(collection: string): Promise<void>;
  /** The body of the document with a key; undefined when there is none. */
  get(collection: string, key: string): Promise<string | undefined>;
  /** The bodies of those keys that exist. */
  getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The documents that a query selects, in the order that it asks for. */
  query(collection: string, query: DocumentQuery): Promise<readonly StoredDocument[]>;
  /** Counts, sums and bounds of the documents that a filter selects, by group in the order of an index; no row for a group without documents. */
  aggregate(collection: string, aggregate: DocumentAggregate): Promise<readonly AggregateRow[]>;
  /** How the backend would answer a query: one line for each step of its plan. */
  explain(collection: string, query: DocumentQuery): Promise<readonly string[]>;
  /** How many documents there are for each value of an index; the value as text. Lists and objects are not counted. */
  countBy(collection: string, index: string): Promise<ReadonlyMap<string, number>>;
  /** How many documents there are. */
  count(collection: string): Promise<number>;
}
