import { delayAfter, type ErrorData, type Json, MillraceError, type Random } from '../core/index.ts';
import { interrupted } from './interrupted-attempt.ts';
import type { Saga } from './saga-definition.ts';
import type { Begin, Begun, Decided, SagaEvent } from './saga-events.ts';
import { leafOf, stepOf } from './saga-graph.ts';
import { type Plan, planOf } from './saga-plan.ts';
import { type CurrentAttempt, completed, isAtWork, type SagaState } from './saga-state.ts';
import { type StepFailure, stepFailure, waitedTooLong } from './step-error.ts';

/** What a saga has to do now beside what is at work: record a fact and go on, or wait for a time, or only for what is at work. */
export type NextMove = { readonly record: SagaEvent } | { readonly waitUntil: number | undefined };

/** What the rules of transition look at beside the state. */
export interface Circumstances {
  readonly saga: Saga;
  readonly now: number;
  readonly random: Random;
  /** True when the process is about to end: what is recorded then must not start another attempt. */
  readonly draining: boolean;
  /** Whether this process is running an attempt. */
  readonly isRunning: (attempt: CurrentAttempt) => boolean;
  /** The input and the results, with sealed values that can be opened: what conditions are given. */
  readonly seen: Pick<SagaState, 'input' | 'results'>;
}

/** What an attempt, or a wait, has come to. */
export interface Done {
  readonly result: Json;
  readonly durationMs: number;
  /** The position of the event that a wait has found. */
  readonly received?: number;
}

/** The fact that a step, its undo, or a wait was done. */
export function settled(state: SagaState, begun: Begun, done: Done, circumstances: Circumstances): SagaEvent {
  const { step, undo, attempt } = begun;
  const fact = { step, attempt, durationMs: done.durationMs };
  if (undo) return stepUndone(state, fact, circumstances);
  const { result, received } = done;
  const after = { ...state, ...completed(state, { step, result }) };
  const found = received === undefined ? {} : { received };
  const going = state.turnedBackBy === null ? tryPlan(after, circumstances) : undefined;
  if (going === undefined) return { type: 'SagaStepCompleted', data: { ...fact, result, begin: null, ...found } };
  if (going.isComplete && after.open.length === 0) {
    return { type: 'SagaCompleted', data: { ...fact, result } };
  }
  if (isHeld(state, circumstances))
    return { type: 'SagaStepCompleted', data: { ...fact, result, begin: null, ...found } };
  return { type: 'SagaStepCompleted', data: { ...fact, result, ...begunBy(going), ...found } };
}

/** The fact that an attempt failed: it is tried again, the saga turns back, waits for a person, or an undo is given up. */
export function failed(
  state: SagaState,
  begun: CurrentAttempt,
  failure: StepFailure,
  circumstances: Circumstances,
): SagaEvent {
  const { saga, now, random } = circumstances;
  const { step, undo, attempt } = begun;
  const { error } = failure;
  // A try that had no effect says so for itself alone; a refusal for good, for all of them.
  const certain = failure.certain && !(failure.retryable && begun.unsure === true);
  if (!undo && state.turnedBackBy !== null) {
    return { type: 'SagaStepFailed', data: { step, attempt, outcome: certain ? 'failed' : 'unknown', error } };
  }
  const definition = stepOf(saga.graph, step);
  const retry = undo ? definition.compensateRetry : definition.retry;
  const delay = failure.retryable ? delayAfter(retry, attempt, random) : undefined;
  if (delay !== undefined) {
    const retryAt = now + Math.max(delay, failure.retryAfterMs ?? 0);
    return { type: 'SagaAttemptFailed', data: { step, undo, attempt, error, certain: failure.certain, retryAt } };
  }
  if (undo) return undoFailed(state, begun, failure, circumstances);
  const isStuck = definition.isCommitted || (!certain && (definition.isPivot || definition.onUnknown === 'park'));
  if (failure.parks || isStuck) return { type: 'SagaParked', data: { reason: 'step', step, attempt, error } };
  return turnedBack(state, step, attempt, { error, certain }, circumstances);
}

/**
 * What to do with a saga, beside what is at work in this process: because something was done, a wait is over, it was left between
 * two steps, or the process that ran an attempt went away.
 */
export function nextMove(state: SagaState, circumstances: Circumstances): NextMove {
  if (state.isPaused) return { waitUntil: undefined };
  return state.turnedBackBy === null ? forward(state, circumstances) : backward(state, circumstances);
}

/** What a saga starts with. What cannot be decided then is found out, and said, when it is at work. */
export function firstOf(saga: Saga, input: unknown, now: number): { begin: Begin; decided?: Decided } {
  try {
    return begunBy(planOf(saga.graph, { input, results: {}, decided: {}, open: new Set(), now }));
  } catch {
    return { begin: null };
  }
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

function forward(state: SagaState, circumstances: Circumstances): NextMove {
  let plan: Plan;
  try {
    plan = planFor(state, circumstances);
  } catch (thrown) {
    return { record: cannotGoOn(state, thrown, circumstances) };
  }
  if (plan.isComplete && state.open.length === 0) {
    return { record: { type: 'SagaCompleted', data: { step: null, attempt: 0, durationMs: 0, result: null } } };
  }
  if (isOver(state, circumstances)) return { record: overtime(state, circumstances) };
  for (const attempt of state.open) {
    const due = circumstances.isRunning(attempt) ? undefined : whatIsDue(state, attempt, circumstances);
    if (due !== undefined) return { record: due };
  }
  const [first] = plan.begin;
  if (first === undefined) return { waitUntil: earliest(state, circumstances) };
  const data = { ...first, interruptions: 0, ...whenAny(plan.decided) };
  return { record: { type: 'SagaAttemptStarted', data } };
}

/** Undoes what had an effect, once nothing that went forward is at work any more. */
function backward(state: SagaState, circumstances: Circumstances): NextMove {
  for (const attempt of state.open) {
    if (circumstances.isRunning(attempt)) continue;
    const due = attempt.undo ? whatIsDue(state, attempt, circumstances) : abandoned(attempt);
    if (due !== undefined) return { record: due };
  }
  if (state.open.length > 0) return { waitUntil: earliest(state, circumstances) };
  const begin = firstUndo(circumstances.saga, state);
  return {
    record:
      begin === undefined ? undoneEnd(state) : { type: 'SagaAttemptStarted', data: { ...begin, interruptions: 0 } },
  };
}

/** What has to be recorded of something that is not at work here, if its time has come. */
function whatIsDue(state: SagaState, open: CurrentAttempt, circumstances: Circumstances): SagaEvent | undefined {
  const { saga, now } = circumstances;
  const { step, undo, attempt, retryAt, wait, interruptions } = open;
  if (wait !== undefined) {
    if (wait.until === null || now < wait.until) return undefined;
    const leaf = leafOf(saga.graph, step);
    if (leaf?.kind !== 'wait' || leaf.onTimeout === 'continue') {
      return settled(state, open, { result: null, durationMs: now - wait.since }, circumstances);
    }
    const error = waitedTooLong(step, wait);
    if (isCommitted(state, saga)) return { type: 'SagaParked', data: { reason: 'step', step, attempt, error } };
    return turnedBack(state, step, attempt, { error, certain: true }, circumstances);
  }
  if (retryAt === undefined) return interrupted(open, circumstances);
  if (now < retryAt) return undefined;
  const next = interruptions > 0 ? attempt : attempt + 1;
  return { type: 'SagaAttemptStarted', data: { step, undo, attempt: next, interruptions } };
}

/** When a saga that does nothing has to be looked at again; undefined when only something outside can move it. */
function earliest(state: SagaState, { saga }: Circumstances): number | undefined {
  const times = state.open.flatMap(({ retryAt, wait }) => retryAt ?? wait?.until ?? []);
  if (state.turnedBackBy === null && state.deadline !== null && !isCommitted(state, saga)) times.push(state.deadline);
  return times.length === 0 ? undefined : Math.min(...times);
}

function planFor(state: SagaState, { saga, seen, now }: Circumstances): Plan {
  // What has just been done may not be among what is seen yet.
  const results = saga.graph.isLinear ? state.results : { ...state.results, ...seen.results };
  const open = new Set(state.open.map(({ step }) => step));
  return planOf(saga.graph, { input: seen.input, results, decided: state.decided, open, now });
}

/** What comes next, or undefined when that cannot be found out: what is wrong with it is said at the next move. */
function tryPlan(state: SagaState, circumstances: Circumstances): Plan | undefined {
  try {
    return planFor(state, circumstances);
  } catch {
    return undefined;
  }
}

function begunBy({ begin, decided }: Pick<Plan, 'begin' | 'decided'>): { begin: Begin; decided?: Decided } {
  const [first = null] = begin;
  return { begin: begin.length > 1 ? begin : first, ...whenAny(decided) };
}

function whenAny(decided: Decided): { decided?: Decided } {
  for (const _ in decided) return { decided };
  return {};
}

/** A condition that throws is a fault in the definition, for a person to correct; `declined` turns the saga back. */
function cannotGoOn(state: SagaState, thrown: unknown, circumstances: Circumstances): SagaEvent {
  const failure = stepFailure(thrown, 'between two steps');
  if (failure.certain && !isCommitted(state, circumstances.saga)) {
    return turnedBack(state, null, 0, failure, circumstances);
  }
  return { type: 'SagaParked', data: { reason: 'step', step: null, attempt: 0, error: failure.error } };
}

function stepUndone(
  state: SagaState,
  fact: { step: string; attempt: number; durationMs: number },
  circumstances: Circumstances,
): SagaEvent {
  const begin = firstUndo(circumstances.saga, state, fact.step);
  if (begin === undefined && state.failedUndos.length === 0) return { type: 'SagaCompensated', data: fact };
  const held = state.isPaused || circumstances.draining;
  return { type: 'SagaStepUndone', data: { ...fact, begin: held ? null : (begin ?? null) } };
}

function undoFailed(
  state: SagaState,
  { step, attempt }: Begun,
  { error }: StepFailure,
  { saga, draining }: Circumstances,
): SagaEvent {
  if (saga.onCompensationFailure === 'park') {
    return { type: 'SagaParked', data: { reason: 'compensation', step, attempt, error } };
  }
  const begin = draining ? null : (firstUndo(saga, state, step) ?? null);
  return { type: 'SagaUndoFailed', data: { step, undo: true, attempt, error, begin } };
}

/** The end of a saga that turned back and has nothing left to undo, or the halt of one of whose undos some failed. */
function undoneEnd({ undone, failedStep, turnedBackBy, failedUndos, error }: SagaState): SagaEvent {
  const [failedUndo] = failedUndos;
  if (failedUndo !== undefined) {
    const data = { reason: 'compensation', step: failedUndo.step, attempt: 0, error: error as ErrorData } as const;
    return { type: 'SagaParked', data };
  }
  if (undone > 0) return { type: 'SagaCompensated', data: { step: null, attempt: 0, durationMs: 0 } };
  const why = turnedBackBy as ErrorData;
  return { type: 'SagaFailed', data: { step: failedStep, attempt: 0, outcome: 'failed', error: why } };
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
  const fact = { step, attempt, outcome, error } as const;
  const others = state.open.filter(open => open.step !== step);
  if (others.some(open => isAtWork(open) || open.unsure === true)) {
    return { type: 'SagaCompensating', data: { ...fact, begin: null } };
  }
  const unknown = outcome === 'unknown' && stepOf(saga.graph, step as string).compensate !== undefined;
  const begin = unknown ? firstAttempt(step as string, true) : firstUndo(saga, state);
  if (begin === undefined) return { type: 'SagaFailed', data: fact };
  return { type: 'SagaCompensating', data: { ...fact, begin: draining ? null : begin } };
}

/** The first attempt to undo the last effect that has an undo, leaving out one that has just been undone. */
function firstUndo({ graph }: Saga, state: SagaState, undone?: string): Begun | undefined {
  const last = state.effects.findLast(({ step }) => {
    const leaf = step === undone ? undefined : leafOf(graph, step);
    return leaf?.kind === 'step' && leaf.compensate !== undefined;
  });
  return last === undefined ? undefined : firstAttempt(last.step, true);
}

/** What was at work when the saga turned back, and whose process went away: nobody knows what became of it. */
function abandoned({ step, attempt }: CurrentAttempt): SagaEvent {
  const error = new MillraceError('SAGA_FAILED', `The process ended while step ${step} was at work.`, {
    details: { step },
  });
  return { type: 'SagaStepFailed', data: { step, attempt, outcome: 'unknown', error: error.toJSON() } };
}

/** The saga's time is over: what is at work in this process is told so by its own limit. */
function overtime(state: SagaState, circumstances: Circumstances): SagaEvent {
  const { saga } = circumstances;
  const at = state.open.find(open => !circumstances.isRunning(open));
  const { step = null, attempt = 0 } = at ?? {};
  const where = step === null ? 'between two steps' : `at step ${step}`;
  const error = new MillraceError('SAGA_FAILED', `The time of the saga (${saga.timeoutMs} ms) was over ${where}.`, {
    details: { step, timeoutMs: saga.timeoutMs },
  });
  const certain = at?.wait !== undefined || (at?.retryAt !== undefined && at.unsure !== true);
  return turnedBack(state, step, attempt, { error: error.toJSON(), certain }, circumstances);
}

function isOver(state: SagaState, { saga, now }: Circumstances): boolean {
  return state.deadline !== null && now >= state.deadline && !isCommitted(state, saga);
}

/** Whether a saga has passed the step after which it does not turn back any more. */
export function isCommitted({ results }: Pick<SagaState, 'results'>, { graph }: Saga): boolean {
  return graph.pivot !== undefined && Object.hasOwn(results, graph.pivot);
}

function isHeld(state: SagaState, circumstances: Circumstances): boolean {
  return state.isPaused || circumstances.draining || isOver(state, circumstances);
}

function firstAttempt(step: string, undo: boolean): Begun {
  return { step, undo, attempt: 1 };
}
