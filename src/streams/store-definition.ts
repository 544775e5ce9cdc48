/** State by key: the newest value of each. */
export interface KeyValueStoreDefinition {
  readonly kind: 'key-value';
  readonly name: string;
}

/** State by key and window of one size. */
export interface WindowStoreDefinition {
  readonly kind: 'window';
  readonly name: string;
  readonly sizeMs: number;
  /** How long in stream time after its end a window is kept. */
  readonly retentionMs: number;
}

/** State by key and session. */
export interface SessionStoreDefinition {
  readonly kind: 'session';
  readonly name: string;
  readonly gapMs: number;
  readonly graceMs: number;
  /** How long in stream time after its end a session is kept. */
  readonly retentionMs: number;
}

/** State whose places are known before they are read. */
export type ValueStoreDefinition = KeyValueStoreDefinition | WindowStoreDefinition;

/** The state of a node: named, so that it is found again by the next process and by queries. */
export type StoreDefinition = ValueStoreDefinition | SessionStoreDefinition;

/** The store in which a topology keeps the progress of its nodes, by their names. No node can be called so. */
export const PROGRESS_STORE = '$nodes';

/** The name under which the storage keeps a store. Names of topologies and stores hold no slash. */
export function storedName(topology: string, store: string): string {
  return `${topology}/${store}`;
}
