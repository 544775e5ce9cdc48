import type { Json } from '../core/index.ts';

/** How long the records of a topic are kept: an age in milliseconds, or for ever. Every topic says so. */
export type TopicRetention = { readonly maxAgeMs: number } | 'forever';

/** A named, partitioned sequence of keyed records. */
export interface TopicDefinition {
  readonly name: string;
  readonly partitions: number;
  readonly retention: TopicRetention;
}

/** A record to be produced. */
export interface NewTopicRecord {
  readonly key: string | null;
  /** Null is a tombstone. */
  readonly value: Json;
  /** Event time in milliseconds since 1970 UTC. */
  readonly timestamp: number;
}

/** A record as it stands in its topic. */
export interface TopicRecord extends NewTopicRecord {
  /** Place in its partition: from 0, rising by one, in the order of commits. */
  readonly offset: number;
}

/**
 * What a batch can do with a topic. Refused with `TOPIC_NOT_DEFINED` for an unknown topic and `INVALID_ARGUMENT` for a
 * partition that it does not have.
 */
export type TopicWrite =
  | {
      readonly op: 'produce';
      readonly topic: string;
      readonly partition: number;
      readonly records: readonly NewTopicRecord[];
    }
  /**
   * Deletes blocks of records that were all produced before a time. Offsets are never given out again; the last block of a
   * partition may stay.
   */
  | { readonly op: 'trim'; readonly topic: string; readonly producedBefore: number };

/**
 * The place of an entry of processing state: a key, and for windows their start and end in event time.
 * Entries without a window have start and end 0; no window begins before 1970.
 */
export interface StateKey {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** An entry of processing state. */
export interface StateEntry extends StateKey {
  /** JSON text. */
  readonly value: string;
}

/**
 * What a batch can do with the state of stream processing. Guard: the batch must move a cursor, which is what makes
 * state and the input it was made from one; otherwise it is refused with `UNGUARDED_WRITE`.
 */
export type StateWrite =
  | ({ readonly op: 'put'; readonly store: string; readonly partition: number } & StateEntry)
  | ({ readonly op: 'delete'; readonly store: string; readonly partition: number } & StateKey)
  /** Deletes the windows that ended before a time, and no entry without a window. */
  | { readonly op: 'expire'; readonly store: string; readonly partition: number; readonly endBefore: number };

/** Reads topics and the state that stream processing keeps. */
export interface TopicReader {
  /** Makes the topic, or gives it this retention; `TOPIC_MISMATCH` when it exists with another number of partitions. */
  define(topic: TopicDefinition): Promise<void>;
  /** All topics. */
  list(): Promise<readonly TopicDefinition[]>;
  /** Records that are kept, from an offset on, at most `limit`; `TOPIC_NOT_DEFINED` for an unknown topic. */
  read(topic: string, partition: number, from: number, limit: number): Promise<readonly TopicRecord[]>;
  /** The offset that the next record of a partition will get. */
  end(topic: string, partition: number): Promise<number>;
  /** One entry of a store, or undefined. */
  getState(store: string, partition: number, key: StateKey): Promise<string | undefined>;
  /** The windows of a key that end at `endFrom` or later and start at `startTo` or earlier, by end, then start. */
  windowsOf(
    store: string,
    partition: number,
    key: string,
    range: { endFrom: number; startTo: number },
  ): Promise<readonly StateEntry[]>;
  /** Entries of a store by key (by code point), end and start, after the given one. */
  scanState(
    store: string,
    partition: number,
    options: { limit: number; after?: StateKey },
  ): Promise<readonly StateEntry[]>;
}
