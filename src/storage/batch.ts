import type { CursorMove } from './cursors.ts';
import type { DocumentWrite } from './documents.ts';
import type { IdempotencyClaim } from './idempotency.ts';
import type { AppendCondition, AppendOutcome, StreamAppend } from './log.ts';
import type { StreamWrite } from './stream-lifecycle.ts';
import type { StateWrite, TopicWrite } from './topics.ts';
import type { WorkWrite } from './work.ts';

/**
 * What one commit takes: plain data, applied whole or not at all. All checks are made before the first write, each against
 * the state in which the batches before it have been applied.
 */
export interface Batch {
  /**
   * `interactive` (default) is served first. `bulk` (catch-up, topologies, retention) gets the time that is left, and at
   * least a fifth of it; such a batch should take no more than 5 ms to apply.
   */
  readonly class?: 'interactive' | 'bulk';
  /** At most one for each stream; `INVALID_ARGUMENT` otherwise. */
  readonly appends?: readonly StreamAppend[];
  /** What must not have happened since the batch was decided on; each of them has to hold. */
  readonly conditions?: readonly AppendCondition[];
  /** Checked before everything else. */
  readonly claim?: IdempotencyClaim;
  readonly cursors?: readonly CursorMove[];
  readonly documents?: readonly DocumentWrite[];
  readonly work?: readonly WorkWrite[];
  readonly topics?: readonly TopicWrite[];
  readonly state?: readonly StateWrite[];
  /** Archives, ends, limits or scavenges streams, after everything has been checked. */
  readonly streams?: readonly StreamWrite[];
}

/** What handling something does to the world inside the storage: a batch without the cursor and the class, which are the runner's. */
export type Effects = Omit<Batch, 'cursors' | 'class' | 'claim' | 'streams'>;

/** Where a committed batch came to stand. */
export interface CommitResult {
  /** One for each append, in their order. */
  readonly appends: readonly AppendOutcome[];
  /**
   * True when the batch was known, by its idempotency key or because every event of it was known with the same content:
   * nothing was written, and this is the first result. For an append without events, it is where the stream stands, or stood
   * when the key was claimed.
   */
  readonly replayed: boolean;
  /** What the first batch under the same idempotency key left; absent in every other result. */
  readonly answer?: string;
  /** When it was committed, by the storage's clock, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
}
