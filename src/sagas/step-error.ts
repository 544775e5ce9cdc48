import {
  type Duration,
  type ErrorData,
  isMillraceError,
  MillraceError,
  messageOf,
  milliseconds,
} from '../core/index.ts';
import type { Wait } from './saga-events.ts';

/** What an error of a step says about its effect. */
export interface StepFailure {
  readonly error: ErrorData;
  /** True when it is certain that the step had no effect: such a step is never undone. */
  readonly certain: boolean;
  /** False when trying again cannot help. */
  readonly retryable: boolean;
  /** Earliest time of the next try after this failure, in milliseconds from it. */
  readonly retryAfterMs: number | undefined;
  /** True when the step asks for a person. */
  readonly parks?: boolean;
}

const brand = Symbol.for('millrace.stepError');

/** What a step throws to say for certain that it had no effect. Any other error leaves open whether it had one. */
export class StepError extends Error {
  readonly [brand] = true;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly parks: boolean;

  constructor(
    message: string,
    options: { retryable: boolean; retryAfterMs?: number; parks?: boolean; cause?: unknown },
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'StepError';
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.parks = options.parks ?? false;
  }
}

/**
 * Makes the error of a step that was refused for good and had no effect: it is not tried again and not undone; the steps
 * before it are. It answers for the earlier tries under the same idempotency key as well.
 */
export function declined(reason: string, cause?: unknown): StepError {
  return new StepError(reason, { retryable: false, cause });
}

/**
 * Makes the error of a step that had no effect this time and may be tried again, at the earliest after the given time. It says
 * nothing of earlier tries: when the outcome of one of them is unknown and no later one helps, the step is undone.
 */
export function tryAgain(reason: string, options: { after?: Duration; cause?: unknown } = {}): StepError {
  const { after, cause } = options;
  return new StepError(reason, {
    retryable: true,
    cause,
    ...(after === undefined ? {} : { retryAfterMs: milliseconds(after, 'after') }),
  });
}

/**
 * Makes the error of a step that had no effect and cannot go on without a person: the saga is parked at it, nothing is undone, and
 * a person retries the step, supplies its result, skips it, or cancels the saga.
 */
export function needsPerson(reason: string, cause?: unknown): StepError {
  return new StepError(reason, { retryable: false, parks: true, cause });
}

/** What a thrown value says about the step that threw it. */
export function stepFailure(thrown: unknown, step: string): StepFailure {
  if (isStepError(thrown)) {
    const { retryable, retryAfterMs, parks } = thrown;
    return { error: stepErrorData(thrown, step), certain: true, retryable, retryAfterMs, parks };
  }
  const error = isMillraceError(thrown) ? thrown.toJSON() : stepErrorData(thrown, step);
  return { error, certain: false, retryable: true, retryAfterMs: undefined };
}

/** The failure of an attempt that did not answer in time: whether it had an effect is unknown. */
export function timedOut(step: string, timeoutMs: number, what: 'step' | 'saga'): StepFailure {
  const error = new MillraceError(
    'STEP_TIMED_OUT',
    what === 'step'
      ? `Step ${step} did not answer within ${timeoutMs} ms.`
      : `The saga's time was over while step ${step} was at work.`,
    { details: { step, timeoutMs } },
  );
  return { error: error.toJSON(), certain: false, retryable: what === 'step', retryAfterMs: undefined };
}

/** The error of a wait whose event did not come in time. */
export function waitedTooLong(step: string, { since, until, event, by }: Wait): ErrorData {
  return new MillraceError(
    'STEP_TIMED_OUT',
    `No ${event} with ${by} came within ${(until ?? since) - since} ms, for which ${step} waited.`,
    { details: { step, event, by } },
  ).toJSON();
}

/** The failure of a step that did its work, and answered what JSON cannot hold: trying again would give the same. */
export function notJson(step: string, thrown: unknown): StepFailure {
  const error = new MillraceError(
    'SAGA_FAILED',
    `Step ${step} answered what JSON cannot hold (${messageOf(thrown)}). Answer plain data: the history keeps it.`,
    { details: { step } },
  );
  return { error: error.toJSON(), certain: false, retryable: false, retryAfterMs: undefined };
}

function isStepError(thrown: unknown): thrown is StepError {
  return typeof thrown === 'object' && thrown !== null && brand in thrown;
}

function stepErrorData(thrown: unknown, step: string): ErrorData {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return { code: 'SAGA_FAILED', message: messageOf(thrown), details: { step, name } };
}
