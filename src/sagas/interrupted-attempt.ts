import { type Backoff, delayAfter, MillraceError, type Random } from '../core/index.ts';
import type { SagaEvent } from './saga-events.ts';
import type { CurrentAttempt } from './saga-state.ts';

/** How often the process may go away under an attempt before the saga is parked: it may be what brings the process down. */
const INTERRUPTIONS_MAX = 10;
/** From the third time on an attempt is made apart from others, so that those which only happened to be at work get on. */
const APART_AFTER = 2;
const APART: Backoff = { kind: 'exponential', attempts: INTERRUPTIONS_MAX, base: 1_000, cap: 60_000, jitter: 'full' };

/** The fact that the process which ran an attempt went away: it is made again at once, later, or not any more. */
export function interrupted(current: CurrentAttempt, { now, random }: { now: number; random: Random }): SagaEvent {
  const { step, undo, attempt } = current;
  const interruptions = current.interruptions + 1;
  if (interruptions > INTERRUPTIONS_MAX) return crashed(current);
  const delay = interruptions > APART_AFTER ? delayAfter(APART, interruptions - APART_AFTER, random) : undefined;
  if (delay === undefined) return { type: 'SagaAttemptStarted', data: { step, undo, attempt, interruptions } };
  return { type: 'SagaAttemptInterrupted', data: { step, undo, attempt, interruptions, retryAt: now + delay } };
}

function crashed({ step, attempt, interruptions }: CurrentAttempt): SagaEvent {
  const error = new MillraceError(
    'SAGA_FAILED',
    `The process ended ${interruptions + 1} times while step ${step} was at work. The saga is parked, so that it cannot bring down another one.`,
    { details: { step, interruptions: interruptions + 1 } },
  );
  return { type: 'SagaParked', data: { reason: 'crash', step, attempt, error: error.toJSON() } };
}
