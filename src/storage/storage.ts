import type { AuditReader } from './audit.ts';
import type { Batch, CommitResult } from './batch.ts';
import type { CursorStore } from './cursors.ts';
import type { DocumentReader } from './documents.ts';
import type { LogReader } from './log.ts';
import type { TopicReader } from './topics.ts';
import type { WorkQueue } from './work.ts';

/** What a backend can and cannot do. */
export interface Capabilities {
  /** What `commit` has answered survives the loss of power. False for memory and for relaxed durability. */
  readonly durable: boolean;
  /** Several processes may share it. False: one process owns it, and leases end with that process. */
  readonly shared: boolean;
}

/** Says that something may have changed. Losing a hint costs latency, never correctness: readers look again by themselves. */
export interface Hint {
  /** Position of the last event that was committed before what this hint tells of. */
  readonly from: number;
  /** Position of the last committed event. */
  readonly head: number;
  /** The types of the events between `from` and `head`, and perhaps others. */
  readonly types: ReadonlySet<string>;
  /** Queues in which work was enqueued or given back. */
  readonly queues: ReadonlySet<string>;
  /** Topics to which records were produced. */
  readonly topics: ReadonlySet<string>;
}

/**
 * Everything durable: five kinds of state behind one verb that writes, `commit`. A backend is a folder that implements this
 * and passes the conformance suite of `millrace/testing`.
 */
export interface Storage {
  readonly capabilities: Capabilities;

  /**
   * Applies a batch, whole or not at all, and answers once it is durable.
   *
   * Guarantee: batches are atomic and isolated; a batch that is refused changes nothing and harms no other batch, even one
   * that shares its group; events get gapless positions in the order of commits.
   * Guarantee: a batch whose idempotency key is known is answered with the first result, before any other check.
   * Guarantee: when every event of the batch is known with the same content, nothing is written and the first result is
   * answered (`replayed`), before any other check. Known ids with other content, or only some of them known, are refused
   * with `EVENT_ID_REUSED`.
   * Errors: the codes of the single writes, whichever is found first; `INVALID_ARGUMENT` for what cannot be stored, such as a
   * document that is no JSON; `STORAGE_UNAVAILABLE` when it is unknown whether the batch was applied
   * (send it again with the same event ids), `STORAGE_FULL` when it surely was not.
   */
  commit(batch: Batch): Promise<CommitResult>;

  readonly log: LogReader;
  readonly documents: DocumentReader;
  readonly cursors: CursorStore;
  readonly work: WorkQueue;
  readonly topics: TopicReader;
  readonly audit: AuditReader;

  /**
   * Calls a function after commits that may interest a waiting reader; the returned function ends it. What the function throws
   * harms nobody.
   */
  watch(listener: (hint: Hint) => void): () => void;

  /** Tells other processes where the owner of an unshared storage can be reached; shown when they are refused. */
  announce(address: string): Promise<void>;

  /**
   * Answers once nothing of what documents held, and do not hold any more, is in any file of the storage. A storage without this cannot
   * promise it.
   */
  eraseDeleted?(): Promise<void>;

  /**
   * Lets running commits finish, then frees everything; closing again waits for the same. Later calls fail with
   * `STORAGE_CLOSED`; a later `watch` hears nothing.
   */
  close(): Promise<void>;
}
