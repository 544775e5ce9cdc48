import type { Effects, StoredEvent } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';

/** What handles the events of a processor. It returns effects and commits nothing itself. */
export interface EventHandler {
  /**
   * Answers what these events lead to. It is called again with the same events when the commit fails, so it must not
   * change anything that `reset` cannot undo.
   */
  handle(
    events: readonly RecordedEvent[],
    context: { readonly signal: AbortSignal },
  ): Effects | undefined | Promise<Effects | undefined>;
  /**
   * Drops what is remembered of the storage: after events that were handled but not committed (`failed`), and when the cursor is
   * `taken`, since another owner may have moved on what was remembered under the lease before.
   */
  reset?(why: 'taken' | 'failed'): void;
  /** Learns that the effects of the last call were committed. */
  committed?(events: readonly RecordedEvent[]): void;
  /** What else a dead letter says of an event, which may be one that cannot be decoded. */
  describe?(event: StoredEvent): Readonly<Record<string, unknown>>;
  /** Learns that an event was given up: it was parked, or the processor has halted at it. */
  gaveUp?(event: StoredEvent, how: 'parked' | 'halted'): void;
  /**
   * Something to do beside the log that has to be committed under the cursor, such as an event that was parked and is tried again. Asked for
   * when there is work in the dead-letter queue, again and again until there is none.
   */
  aside?(): Promise<Effects | undefined>;
}
