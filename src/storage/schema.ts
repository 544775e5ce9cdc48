/** A step of a backend's own tables that a store has not been through yet. */
export interface PendingMigration {
  /** Which version of the schema it leads to, from 1. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** How far a store's tables are. */
export interface SchemaState {
  /** The version that the store has; 0 where nothing is there yet. */
  readonly version: number;
  /** The version that this Millrace needs. */
  readonly newest: number;
  /** The steps between the two, the first one first. */
  readonly pending: readonly PendingMigration[];
}
