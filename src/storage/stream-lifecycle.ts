/** `archived`: put away, and can be brought back. `tombstoned`: gone for good; its name is never written again. */
export type StreamState = 'active' | 'archived' | 'tombstoned';

/** How much of a stream is read. Null: no limit. */
export interface Retention {
  /** So many of the last events. From 1. */
  readonly maxCount: number | null;
  /** Events that were recorded within so many milliseconds. */
  readonly maxAgeMs: number | null;
}

/**
 * Changes what is read of streams; belongs in the batch of the event that tells of it, so that copies of the log follow in its order. A
 * stream that is not there is left alone. Must be the only write of its batch to that stream.
 *
 * - `state`: archives a stream, brings it back, or ends it for good.
 * - `retention`, `category-retention`: what is beyond is not read any more, except the last event of a stream, which says where it stands.
 *   What a stream has of its own goes before what its category has.
 * - `scavenge`: takes away the content of the events below a revision. Their places, ids and digests stay: positions and revisions have no
 *   gaps, and an event that is sent again is known.
 */
export type StreamWrite =
  | { readonly op: 'state'; readonly stream: string; readonly state: StreamState }
  | ({ readonly op: 'retention'; readonly stream: string } & Retention)
  | ({ readonly op: 'category-retention'; readonly category: string } & Retention)
  | { readonly op: 'scavenge'; readonly stream: string; readonly before: number };

/** A stream as it stands. */
export interface StreamInfo {
  readonly stream: string;
  readonly state: StreamState;
  /** Revision of its last event. */
  readonly revision: number;
  /** The first revision whose content is there: what is before it was scavenged. */
  readonly firstRevision: number;
  /** Its own retention. */
  readonly retention: Retention;
}

/** Which streams are wanted, in the order of their names, by code point. */
export interface StreamListing {
  /** Only behind this name. */
  readonly after?: string;
  /** At most so many are looked at, and 10,000. */
  readonly limit: number;
  /** Only names that begin so. */
  readonly prefix?: string;
}

/** What scavenged events hold in place of data. */
export const SCAVENGED_DATA = '';

/** States as backends store them: by their index. */
export const STREAM_STATES: readonly StreamState[] = ['active', 'archived', 'tombstoned'];

/** Nothing is beyond it. */
export const KEEP_ALL: Retention = { maxCount: null, maxAgeMs: null };
