/** A value that can be bound to a parameter of a statement. */
export type BoundValue = string | number | bigint | boolean | null | Uint8Array;

/** A database beside the store, in which one statement is run for each of many things, once for each. */
export interface StatementTarget {
  /**
   * Runs the statement with these values in a transaction that also notes the id, in the table `millrace_delivered`. Guarantee: for an
   * id that is noted already nothing happens, so that the statement takes effect once, however often it is tried.
   */
  runOnce(id: string, values: readonly BoundValue[]): Promise<void>;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** Makes the table that holds which ids a database has seen; the same in both dialects. */
export const CREATE_DELIVERED =
  'CREATE TABLE IF NOT EXISTS millrace_delivered (id text PRIMARY KEY, at timestamp DEFAULT CURRENT_TIMESTAMP)';
