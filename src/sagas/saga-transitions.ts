import { type Backoff, delayAfter, type ErrorData, type Json, MillraceError, type Random } from '../core/index.ts';
import type { Saga, SagaStep } from './saga-definition.ts';
import type { Begun, SagaEvent } from './saga-events.ts';
import type { CurrentAttempt, SagaState } from './saga-state.ts';
import type { StepFailure } from './step-error.ts';

/** What a saga has to do when nothing of it is at work: record a fact and go on, or wait for a time. */
export type NextMove = { readonly record: SagaEvent } | { readonly waitUntil: number };

/** What the rules of transition look at beside the state. */
export interface Circumstances {
  readonly saga: Saga;
  readonly now: number;
  readonly random: Random;
  /** True when the process is about to end: what is recorded then must not start another attempt. */
  readonly draining: boolean;
}

/** How often the process may go away under an attempt before the saga is parked: it may be what brings the process down. */
const INTERRUPTIONS_MAX = 10;
/** From the third time on an attempt is made apart from others, so that those which only happened to be at work get on. */
const APART_AFTER = 2;
const APART: Backoff = { kind: 'exponential', attempts: INTERRUPTIONS_MAX, base: 1_000, cap: 60_000, jitter: 'full' };

/** The fact that a step, or its undo, was done. */
export function settled(
  state: SagaState,
  { step, undo, attempt }: Begun,
  result: Json,
  durationMs: number,
  circumstances: Circumstances,
): SagaEvent {
  const { saga } = circumstances;
  const fact = { step, attempt, durationMs };
  if (undo) {
    const begin = firstUndo(saga, state, step);
    if (begin === undefined) return { type: 'SagaCompensated', data: fact };
    return { type: 'SagaStepUndone', data: { ...fact, begin: circumstances.draining ? null : begin } };
  }
  const next = saga.steps[saga.steps.findIndex(({ name }) => name === step) + 1];
  if (next === undefined) return { type: 'SagaCompleted', data: { ...fact, result } };
  const begin = circumstances.draining || isOver(state, circumstances.now) ? null : firstAttempt(next.name, false);
  return { type: 'SagaStepCompleted', data: { ...fact, result, begin } };
}

/** The fact that an attempt failed: it is tried again, the saga turns back, or an undo is given up. */
export function failed(
  state: SagaState,
  begun: CurrentAttempt,
  failure: StepFailure,
  circumstances: Circumstances,
): SagaEvent {
  const { saga, now, random } = circumstances;
  const { step, undo, attempt } = begun;
  const definition = stepOf(saga, step);
  const retry = undo ? definition.compensateRetry : definition.retry;
  const delay = failure.retryable ? delayAfter(retry, attempt, random) : undefined;
  if (delay !== undefined) {
    const retryAt = now + Math.max(delay, failure.retryAfterMs ?? 0);
    const { error, certain } = failure;
    return { type: 'SagaAttemptFailed', data: { step, undo, attempt, error, certain, retryAt } };
  }
  if (undo) return { type: 'SagaParked', data: { reason: 'compensation', step, attempt, error: failure.error } };
  // A try that had no effect says so for itself alone; a refusal for good, for all of them.
  const certain = failure.certain && !(failure.retryable && begun.unsure === true);
  return turnedBack(state, step, attempt, { ...failure, certain }, circumstances);
}

/**
 * What to do with a saga of which nothing is at work in this process: because a wait is over, because it was left between two
 * steps, or because the process that ran its attempt went away.
 */
export function nextMove(state: SagaState, circumstances: Circumstances): NextMove {
  const { saga, now } = circumstances;
  const { current } = state;
  if (current === null) return { record: betweenAttempts(state, circumstances) };
  const { step, undo, attempt } = current;
  const over = !undo && isOver(state, now);
  if (current.retryAt === undefined) {
    if (over) return { record: turnedBack(state, step, attempt, overtime(saga, step), circumstances) };
    return { record: interrupted(current, circumstances) };
  }
  if (over) {
    const failure = { ...overtime(saga, step), certain: current.unsure !== true };
    return { record: turnedBack(state, step, attempt, failure, circumstances) };
  }
  if (now < current.retryAt) {
    const deadline = undo ? null : state.deadline;
    return { waitUntil: deadline === null ? current.retryAt : Math.min(current.retryAt, deadline) };
  }
  const wasInterrupted = current.interruptions > 0;
  const next = wasInterrupted ? attempt : attempt + 1;
  const { interruptions } = current;
  return { record: { type: 'SagaAttemptStarted', data: { step, undo, attempt: next, interruptions } } };
}

/** The attempt that a saga starts with. */
export function firstOf(saga: Saga): Begun {
  return firstAttempt((saga.steps[0] as SagaStep).name, false);
}

/** The step of a name. Throws when the definition has none, which pinned versions rule out. */
export function stepOf(saga: Saga, name: string): SagaStep {
  const step = saga.steps.find(candidate => candidate.name === name);
  if (step !== undefined) return step;
  throw new MillraceError(
    'INVALID_DEFINITION',
    `Saga ${saga.type} version ${saga.version} has no step ${name}, but a running saga is at it. Put the step back, or raise the version.`,
    { details: { saga: saga.type, version: saga.version, step: name } },
  );
}

function betweenAttempts(state: SagaState, circumstances: Circumstances): SagaEvent {
  const { saga, now } = circumstances;
  if (state.status === 'COMPENSATING') {
    const begin = firstUndo(saga, state);
    return begin === undefined
      ? undoneEnd(state)
      : { type: 'SagaAttemptStarted', data: { ...begin, interruptions: 0 } };
  }
  const next = saga.steps.find(step => !Object.hasOwn(state.results, step.name));
  if (next === undefined) {
    return { type: 'SagaCompleted', data: { step: null, attempt: 0, durationMs: 0, result: null } };
  }
  if (isOver(state, now)) return turnedBack(state, null, 0, overtime(saga, null), circumstances);
  return { type: 'SagaAttemptStarted', data: { ...firstAttempt(next.name, false), interruptions: 0 } };
}

/** The end of a saga that turned back and has nothing left to undo. */
function undoneEnd({ undone, failedStep, turnedBackBy }: SagaState): SagaEvent {
  if (undone > 0) return { type: 'SagaCompensated', data: { step: null, attempt: 0, durationMs: 0 } };
  const error = turnedBackBy as ErrorData;
  return { type: 'SagaFailed', data: { step: failedStep, attempt: 0, outcome: 'failed', error } };
}

/** The fact that an end rests on, without the end; undefined when that is on record already. */
export function beforeEnd(end: SagaEvent): SagaEvent | undefined {
  if (end.type === 'SagaCompleted' && end.data.step !== null) {
    return { type: 'SagaStepCompleted', data: { ...end.data, step: end.data.step, begin: null } };
  }
  if (end.type === 'SagaCompensated' && end.data.step !== null) {
    return { type: 'SagaStepUndone', data: { ...end.data, step: end.data.step, begin: null } };
  }
  if (end.type === 'SagaFailed' && end.data.attempt > 0) {
    return { type: 'SagaCompensating', data: { ...end.data, begin: null } };
  }
  return undefined;
}

/** The fact that a saga goes no further forward: it undoes what had an effect, or ends when nothing had. */
function turnedBack(
  state: SagaState,
  step: string | null,
  attempt: number,
  { error, certain }: Pick<StepFailure, 'error' | 'certain'>,
  { saga, draining }: Circumstances,
): SagaEvent {
  const outcome = certain || step === null ? 'failed' : 'unknown';
  const unknown = outcome === 'unknown' && stepOf(saga, step as string).compensate !== undefined;
  const begin = unknown ? firstAttempt(step as string, true) : firstUndo(saga, state);
  const fact = { step, attempt, outcome, error } as const;
  if (begin === undefined) return { type: 'SagaFailed', data: fact };
  return { type: 'SagaCompensating', data: { ...fact, begin: draining ? null : begin } };
}

/** The first attempt to undo the last effect that has an undo, leaving out one that has just been undone. */
function firstUndo(saga: Saga, state: SagaState, undone?: string): Begun | undefined {
  const effects = state.effects.filter(({ step }) => stepOf(saga, step).compensate !== undefined && step !== undone);
  const last = effects.at(-1);
  return last === undefined ? undefined : firstAttempt(last.step, true);
}

/** The fact that the process which ran an attempt went away: it is made again at once, later, or not any more. */
function interrupted(current: CurrentAttempt, { now, random }: Circumstances): SagaEvent {
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

function overtime(saga: Saga, step: string | null): Pick<StepFailure, 'error' | 'certain'> {
  const where = step === null ? 'between two steps' : `at step ${step}`;
  const error = new MillraceError('SAGA_FAILED', `The time of the saga (${saga.timeoutMs} ms) was over ${where}.`, {
    details: { step, timeoutMs: saga.timeoutMs },
  });
  return { error: error.toJSON(), certain: false };
}

function isOver(state: SagaState, now: number): boolean {
  return state.deadline !== null && now >= state.deadline;
}

function firstAttempt(step: string, undo: boolean): Begun {
  return { step, undo, attempt: 1 };
}
