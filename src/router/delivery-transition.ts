import { type Duration, delayAfter, type ErrorData, milliseconds, type Random } from '../core/index.ts';
import type { ClaimedWork, WorkWrite } from '../storage/index.ts';
import type { Destination, SendResult } from './destinations/destination.ts';

/** What an attempt did to its delivery. */
export type DeliveryOutcome = 'delivered' | 'retrying' | 'dead-lettered';

/** The next state of a delivery, as the write that brings it about. */
export interface Transition {
  readonly outcome: DeliveryOutcome;
  readonly write: WorkWrite;
  /** Why the attempt failed; null when it did not. */
  readonly error: ErrorData | null;
}

/** The longest that a destination may ask to be left alone, when its backoff has no cap. */
const RETRY_AFTER_MAX: Duration = '1h';

/**
 * The one state machine of deliveries: an attempt delivers, or leads to another one at a time, or to a dead letter. A dead letter
 * comes when trying again cannot help or the tries are used up. A destination that asks to be left alone is, for as long as its
 * backoff would wait at most.
 */
export function transition(
  item: ClaimedWork,
  attempt: SendResult & { readonly durationMs: number },
  parts: { route: string; destination: Destination; now: number; random: Random },
): Transition {
  const { queue, key, fence } = item;
  if (attempt.kind === 'delivered') {
    return { outcome: 'delivered', write: { op: 'complete', queue, key, fence, keep: true }, error: null };
  }
  const { route, destination, now, random } = parts;
  const number = item.attempts + 1;
  const { code, message, status, response, durationMs } = attempt;
  const error: ErrorData = {
    code,
    message: `Delivery to ${destination.name} (${destination.address}) failed: ${message}`,
    details: {
      route,
      destination: destination.name,
      attempt: number,
      durationMs,
      ...(status === undefined ? {} : { status }),
      ...(response === undefined ? {} : { response }),
    },
  };
  const delay = attempt.final ? undefined : delayAfter(destination.retry, number, random);
  if (delay === undefined) return { outcome: 'dead-lettered', write: { op: 'park', queue, key, fence, error }, error };
  const patience = Math.min(attempt.retryAfterMs ?? 0, milliseconds(destination.retry.cap ?? RETRY_AFTER_MAX));
  const dueAt = now + Math.max(delay, Math.round(patience));
  return { outcome: 'retrying', write: { op: 'retry', queue, key, fence, dueAt, error }, error };
}
