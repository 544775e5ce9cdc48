import type { ErrorData, Random } from '../core/index.ts';
import type { ClaimedWork, WorkWrite } from '../storage/index.ts';
import type { Destination, SendFailure, SendResult } from './destinations/destination.ts';
import { longestPatience, retryDelay } from './retry-policy.ts';

/** What an attempt did to its delivery. */
export type DeliveryOutcome = 'delivered' | 'retrying' | 'dead-lettered' | 'dropped';

/** The next state of a delivery, as the write that brings it about. */
export interface Transition {
  readonly outcome: DeliveryOutcome;
  readonly write: WorkWrite;
  /** Why the attempt failed; null when it did not. */
  readonly error: ErrorData | null;
}

/**
 * The one state machine of deliveries: an attempt delivers, or leads to another one at a time, or to a dead letter. A dead letter
 * comes when trying again cannot help, the tries are used up, or the next one would come when the delivery is of no more use. A
 * destination that asks to be left alone is, for as long as its retry would wait at most.
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
  const { destination, now, random } = parts;
  const error = errorOf(item, attempt, parts);
  const delay = attempt.final ? undefined : retryDelay(destination.retry, item.attempts + 1, random);
  if (delay === undefined) return givenUp(item, error, destination);
  const patience = Math.min(attempt.retryAfterMs ?? 0, longestPatience(destination.retry));
  const dueAt = now + Math.max(delay, Math.round(patience));
  const expiresAt = expiryOf(item, destination);
  if (dueAt >= expiresAt) {
    const message = `${error.message} It was not tried again: the next attempt would come after ${new Date(expiresAt).toISOString()}, when the delivery is of no more use.`;
    return givenUp(item, { ...error, code: 'DELIVERY_EXPIRED', message }, destination);
  }
  return { outcome: 'retrying', write: { op: 'retry', queue, key, fence, dueAt, error }, error };
}

/** Why a delivery is not tried any more though it is due; undefined when it is. */
export function expired(item: ClaimedWork, destination: Destination, now: number): SendFailure | undefined {
  const expiresAt = expiryOf(item, destination);
  if (now < expiresAt) return undefined;
  const message = `It expired at ${new Date(expiresAt).toISOString()}, before it could be tried.`;
  return { kind: 'failed', code: 'DELIVERY_EXPIRED', message, final: true };
}

function givenUp({ queue, key, fence }: ClaimedWork, error: ErrorData, destination: Destination): Transition {
  if (!destination.keepsDeadLetters) return { outcome: 'dropped', write: { op: 'complete', queue, key, fence }, error };
  return { outcome: 'dead-lettered', write: { op: 'park', queue, key, fence, error }, error };
}

function errorOf(
  item: ClaimedWork,
  attempt: SendFailure & { readonly durationMs: number },
  { route, destination, now }: { route: string; destination: Destination; now: number },
): ErrorData {
  const { code, message, status, response, durationMs } = attempt;
  return {
    code,
    message: `Delivery to ${destination.name} (${destination.address}) failed: ${message}`,
    details: {
      route,
      destination: destination.name,
      attempt: item.attempts + 1,
      durationMs,
      at: now,
      since: sinceOf(item),
      ...(status === undefined ? {} : { status }),
      ...(response === undefined ? {} : { response }),
    },
  };
}

/** When a delivery began to be due: when it was routed, or redriven. Its first attempt is due then; later ones are told by their error. */
function sinceOf({ attempts, dueAt, error, createdAt }: ClaimedWork): number {
  if (attempts === 0) return dueAt;
  const since = error?.details?.['since'];
  return typeof since === 'number' ? since : createdAt;
}

function expiryOf(item: ClaimedWork, { expireMs }: Destination): number {
  return expireMs === undefined ? Number.MAX_SAFE_INTEGER : sinceOf(item) + expireMs;
}
