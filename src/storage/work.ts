import type { ErrorData } from '../core/index.ts';

/** Whether an item may be claimed, was given up and kept (a dead letter), or is finished and kept as a record. */
export type WorkState = 'ready' | 'parked' | 'done';

/** Names one item. A key is unique in its queue as long as the item exists. */
export interface WorkKey {
  readonly queue: string;
  readonly key: string;
}

/** An item as it stands. */
export interface WorkItem extends WorkKey {
  readonly state: WorkState;
  /** JSON text. */
  readonly payload: string;
  /** When it may be claimed, in milliseconds since 1970 UTC. */
  readonly dueAt: number;
  /** How many tries have failed. */
  readonly attempts: number;
  /** Why the last try failed, or why it was parked. */
  readonly error: ErrorData | null;
  readonly createdAt: number;
  /** When it was parked or done; null while it is ready. */
  readonly settledAt: number | null;
}

/** An item that the caller holds until its lease ends. */
export interface ClaimedWork extends WorkItem {
  /** What every write to the item must carry. */
  readonly fence: number;
}

/**
 * What a batch can do with work. `hold`, `complete`, `retry` and `park` need the fence of the claim and are refused with
 * `LEASE_LOST` when another holder took over, the item was given back, or it is gone.
 */
export type WorkWrite =
  /** Adds an item; refused with `WORK_KEY_TAKEN` when the key exists. With `parked`, it starts as a dead letter. */
  | (WorkKey & {
      readonly op: 'enqueue';
      readonly payload: string;
      readonly dueAt: number;
      readonly parked?: ErrorData;
    })
  /** Changes nothing: makes the batch depend on the item being held still. */
  | (WorkKey & { readonly op: 'hold'; readonly fence: number })
  /** Ends an item: deletes it, or keeps it as a record when `keep` is true. */
  | (WorkKey & { readonly op: 'complete'; readonly fence: number; readonly keep?: boolean })
  /** Gives an item back to be claimed again at a time. With an error, the try counts as failed. */
  | (WorkKey & {
      readonly op: 'retry';
      readonly fence: number;
      readonly dueAt: number;
      readonly error?: ErrorData;
    })
  /** Gives an item up and keeps it as a dead letter. */
  | (WorkKey & { readonly op: 'park'; readonly fence: number; readonly error: ErrorData })
  /** Makes a parked item claimable again, its attempts counted anew; refused with `WORK_NOT_FOUND` when it is not parked. */
  | (WorkKey & { readonly op: 'redrive'; readonly dueAt: number })
  /** Deletes an item in whatever state; whoever holds it loses it. Does nothing when there is none. */
  | (WorkKey & { readonly op: 'cancel' })
  /** Deletes up to `limit` items of a queue that were done before a time. */
  | { readonly op: 'purge'; readonly queue: string; readonly doneBefore: number; readonly limit: number };

/** How many items of a queue are in each state. */
export type WorkCounts = Readonly<Record<WorkState, number>>;

/**
 * Work to be done at a time by whoever claims it. Guarantee: an item has at most one holder whose writes are accepted;
 * an item that is enqueued is kept until it is completed, cancelled or purged, through any crash.
 */
export interface WorkQueue {
  /** Claims up to `limit` due items, the longest due first, then in the order in which they were enqueued, for `leaseMs`. */
  claim(request: { queue: string; limit: number; owner: string; leaseMs: number }): Promise<readonly ClaimedWork[]>;
  /** Extends leases, also those that have ended while nobody took over; returns the keys of the items that were lost. */
  renew(queue: string, items: readonly { key: string; fence: number }[], leaseMs: number): Promise<readonly string[]>;
  /** Gives items back unchanged, to be claimed by anybody at once. */
  release(queue: string, items: readonly { key: string; fence: number }[]): Promise<void>;
  /** When the next unclaimed item is due, in milliseconds since 1970 UTC; undefined when there is none. */
  nextDue(queue: string): Promise<number | undefined>;
  /** The item with a key, in whatever state; undefined when there is none. */
  get(queue: string, key: string): Promise<WorkItem | undefined>;
  /**
   * Items of one state in the order in which they were enqueued, after the one with the given key; from the first when that
   * one is gone.
   */
  list(queue: string, options: { state: WorkState; limit: number; after?: string }): Promise<readonly WorkItem[]>;
  /** How many items are in each state. */
  counts(queue: string): Promise<WorkCounts>;
}
