import type { StoredEvent } from './log.ts';

/** An event as its row stands, whether it is damaged or not. */
export interface StoredRecord extends StoredEvent {
  /** CRC-32 of the record as it was written; null for one that was written before there were checksums, and where pages have their own. */
  readonly checksum: number | null;
  /** The copies that indexes hold of what the metadata says. */
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

/**
 * A link of the hash chain: one for each group of batches that were committed together. It ties the hash of each of their events
 * to the link before, so that nothing can be changed, taken out, put in or moved without every later link being made anew.
 */
export interface ChainLink {
  /** Position of the first event of the group. */
  readonly first: number;
  /** Position of its last event. */
  readonly last: number;
  /** SHA-256 over the hash of the link before, `first`, `last` and `records`. */
  readonly hash: Uint8Array;
  /** SHA-256 of each event as it was stored, one after another. They stay when the content of an event is removed. */
  readonly records: Uint8Array;
}

/** What a backend finds wrong with its own tables and indexes. */
export interface StructureFinding {
  /** What was found, with the table, index or page that it concerns. */
  readonly message: string;
  /** The position of the event that it concerns, if it concerns one. */
  readonly position?: number;
}

/** Reads the log for those who check it: everything as it stands, with nothing left out or refused for being damaged. */
export interface AuditReader {
  /**
   * Events after a position, in the order of the log. Fails with `STORAGE_CORRUPT` only where a row cannot be read at all.
   * Limit: 10,000.
   */
  readRecords(options: { after: number; limit: number }): Promise<readonly StoredRecord[]>;
  /** Links that end after a position, in their order. Limit: 10,000. */
  readLinks(options: { after: number; limit: number }): Promise<readonly ChainLink[]>;
  /** The last link that ends at a position or before; undefined when there is none. Default: the last link of all. */
  lastLink(position?: number): Promise<ChainLink | undefined>;
  /**
   * Checks tables and indexes against each other, by reading all of them: the more there is, the longer it takes. Empty when
   * nothing is wrong.
   */
  inspect(): Promise<readonly StructureFinding[]>;
}
