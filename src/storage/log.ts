/** The condition that an append puts on its stream: no condition, new, existing, or exactly at a revision. */
export type ExpectedRevision = 'any' | 'noStream' | 'exists' | number;

/** An event ready to be written: its data checked and encoded, its digest taken. The storage never looks inside. */
export interface EncodedEvent {
  /** Unique in the log. */
  readonly id: string;
  /**
   * True when this process made the id and sends it for the first time. The storage may then skip looking the id up
   * before the write. Said wrongly, a second use is found all the same, by the unique index, but after all other checks.
   */
  readonly fresh: boolean;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON text. */
  readonly data: string;
  /** JSON text of an object, or null when there is nothing to say. */
  readonly metadata: string | null;
  /** Indexed copy of the correlation id in the metadata; null when the event starts its own correlation. */
  readonly correlationId: string | null;
  /** Indexed copy of the causation id in the metadata; null when there is none. */
  readonly causationId: string | null;
  /** What it concerns beside its stream, such as `customer:7`: each once, by code unit. Found by index; usually empty. */
  readonly tags: readonly string[];
  /** When it happened in the world, in milliseconds since 1970 UTC, if that differs from when it was recorded. */
  readonly occurredAt: number | null;
  /** SHA-256 of the canonical content in 64 hexadecimal digits: what makes the same event sent twice recognisable as the same. */
  readonly digest: string;
  /**
   * Of an event that is copied from another log, in its order: when it was recorded there, in milliseconds since 1970 UTC. It is kept as it is.
   * Default: the time of the commit.
   */
  readonly recordedAt?: number;
}

/** An event as it stands in the log. */
export interface StoredEvent {
  /** Place in the log: from 1, rising by one, in the order of commits. */
  readonly position: number;
  readonly stream: string;
  /** Place in its stream, from 0. */
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly metadata: string | null;
  readonly tags: readonly string[];
  readonly occurredAt: number | null;
  /** When it was committed, by the storage's clock, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
  /** As it was appended with. */
  readonly digest: string;
}

/**
 * Events for one stream, and the condition under which they may be written. Refused with `REVISION_CONFLICT` when the stream
 * is elsewhere; its details hold `stream`, `expected`, `actual` and `conflicting`, the first events behind the expected one.
 */
export interface StreamAppend {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  /** May be empty: then only the condition is checked. */
  readonly events: readonly EncodedEvent[];
}

/** Events of one of the types, if any are named, that have all of the tags; with neither, every event. */
export interface EventQuery {
  /** An empty list wants nothing. */
  readonly types?: readonly string[];
  readonly tags?: readonly string[];
}

/**
 * What must not have happened for a batch to be applied: no event that any part of the query wants stands behind `after`, in
 * whatever stream, Millrace's own included. Refused with `CONDITION_CONFLICT`; its details hold `after` and `conflicting`, the first of
 * those events with type, position, stream and revision.
 */
export interface AppendCondition {
  readonly query: readonly EventQuery[];
  /** Position of the last event that the decision rests on; 0 when none may ever have happened. */
  readonly after: number;
}

/** Where one append came to stand. */
export interface AppendOutcome {
  readonly stream: string;
  /** Revision of its last event; of the stream's last event when it had none, and -1 when there is no stream. */
  readonly revision: number;
  /** Position of its last event; 0 when it had none. Its events stand at consecutive positions. */
  readonly position: number;
}

/** What was done under an idempotency key, as a repetition is answered. */
export interface IdempotentResult {
  readonly digest: Uint8Array;
  readonly appends: readonly AppendOutcome[];
  readonly answer: string;
  readonly recordedAt: number;
}

/**
 * Which events of the log are wanted: those that meet all of the conditions that are given. Without a condition: all, Millrace's
 * own included. Every condition is met by way of an index: what a filter wants is found without a look at the rest of the log.
 */
export interface LogFilter {
  /** Only events of these types. An empty list wants nothing. */
  readonly types?: readonly string[];
  /** Only events with all of these tags. */
  readonly tags?: readonly string[];
  /** Only events that any part of the query wants: what an `AppendCondition` forbids. An empty list wants nothing. */
  readonly query?: readonly EventQuery[];
  /** Only events of streams of this category: `order` wants `order-42` and `order`. */
  readonly category?: string;
  /** Only events of streams whose names begin so. */
  readonly streamPrefix?: string;
  /** Only events of this correlation, the one that started it included. */
  readonly correlationId?: string;
  /** Only events that name this as their cause. */
  readonly causationId?: string;
  /** Only events that were recorded at this time or later, in milliseconds since 1970 UTC. */
  readonly recordedFrom?: number;
  /** Only events that were recorded before this time, in milliseconds since 1970 UTC. */
  readonly recordedBefore?: number;
  /**
   * Leaves out the streams of categories that begin with `$`, unless `types`, `category`, every part of `query`, or a
   * `streamPrefix` with a `$` ask for what they hold. Default: false.
   */
  readonly withoutSystem?: boolean;
}

/** A version of an event type's schema in which events were stored. */
export interface StoredSchemaVersion {
  readonly type: string;
  readonly schemaVersion: number;
}

/**
 * Some events of the log in order, and how far the reader has looked to find them. There may be more behind `through`, also when
 * there are fewer than were asked for: a page of long events ends early.
 */
export interface LogPage {
  readonly events: readonly StoredEvent[];
  /**
   * Forward: every wanted event up to and including this position has been delivered; at least `after`. Backward: every wanted
   * event from this position on has been delivered; at most `before`, and 1 when there are no more.
   */
  readonly through: number;
}

/** A part of a stream, in an order. Default: all of it, forward. */
export interface StreamRange {
  readonly from?: number;
  /** The last revision that is wanted, in the direction of reading. */
  readonly to?: number;
  readonly limit?: number;
  readonly direction?: 'forward' | 'backward';
}

/**
 * Reads facts. Guarantee: what a read has shown, every later read shows too, byte for byte, in the same order; a position is
 * never filled in behind one that has been seen. Limit: a page holds at most 10,000 events.
 */
export interface LogReader {
  /** Position of the last committed event; 0 when the log is empty. */
  head(): Promise<number>;
  /**
   * Events of one stream from a revision on, up to another one if that is given, both included, forward or backward; empty
   * when there are none. Default of `limit`: 1,000.
   */
  readStream(stream: string, options?: StreamRange): Promise<readonly StoredEvent[]>;
  /** Events after a position, in the order of the log. */
  readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage>;
  /** Events before a position, the last one first. Default of `before`: behind the end of the log. */
  readLogBackward(options: { before?: number; limit: number; filter?: LogFilter }): Promise<LogPage>;
  /** Revision of the last event of a stream; -1 when there is none. */
  streamRevision(stream: string): Promise<number>;
  /** Which of the streams have at least one event. */
  existing(streams: readonly string[]): Promise<ReadonlySet<string>>;
  /** What was done under an idempotency key; undefined when nothing was, or it is no longer kept. */
  claimed(key: string): Promise<IdempotentResult | undefined>;
  /** The event at a position, or undefined. */
  at(position: number): Promise<StoredEvent | undefined>;
  /**
   * Every type and schema version in which events were ever stored, by type and version; events in Millrace's own streams, whose
   * categories begin with `$`, do not count. It is read from an index that commits keep, never from the log.
   */
  schemaVersions(): Promise<readonly StoredSchemaVersion[]>;
}
