import { type Backoff, checkBackoff, type ErrorData, isMillraceError, messageOf } from '../core/index.ts';

/** What a processor does about an event that its handler cannot handle. */
export interface FailurePolicy {
  /** How often the event is tried, and how long to wait between. Default: 5 tries, exponential from 100 ms up to 10 s. */
  readonly retry?: Backoff;
  /**
   * What to do when it still fails: `park` keeps the event as a dead letter and goes on; `parkKey` does so too, and has the later events of
   * its key wait behind it while all others go on; `halt` stops at it, so that nothing behind it is handled before someone has looked.
   * Default: `halt`.
   */
  readonly afterwards?: 'park' | 'parkKey' | 'halt';
}

/** A failure policy with nothing left open. */
export type CompleteFailurePolicy = Required<FailurePolicy>;

const RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 5, base: 100, cap: 10_000 };

/** Waits after errors that say nothing about the event: a storage that is full or away, a lost lease, a lost race. */
export const PATIENCE: Backoff = {
  kind: 'exponential',
  attempts: Number.POSITIVE_INFINITY,
  base: 50,
  cap: 5_000,
  jitter: 'full',
};

/** Fills in the defaults; throws `INVALID_ARGUMENT` for a retry that cannot be followed. */
export function completeFailurePolicy(policy: FailurePolicy = {}): CompleteFailurePolicy {
  const retry = policy.retry ?? RETRY_DEFAULT;
  checkBackoff(retry, 'failure.retry');
  return { retry, afterwards: policy.afterwards ?? 'halt' };
}

/** Whether an error is about the storage or a race, not about what was handled: then only patience helps. */
export function isTransient(thrown: unknown): boolean {
  return isMillraceError(
    thrown,
    'STORAGE_FULL',
    'STORAGE_UNAVAILABLE',
    'REVISION_CONFLICT',
    'CHECKPOINT_CONFLICT',
    'LEASE_LOST',
  );
}

/** An error as data, for dead letters and status, with the stack of the program's own error. */
export function failureOf(thrown: unknown): ErrorData {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (isMillraceError(thrown)) return thrown.toJSON();
  return { code: 'PROCESSOR_FAILED', message: messageOf(thrown), details: stack === undefined ? {} : { stack } };
}
