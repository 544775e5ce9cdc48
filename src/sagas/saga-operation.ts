import { type Json, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { Batch, WorkWrite } from '../storage/index.ts';
import type { Saga } from './saga-definition.ts';
import { type SagaEvent, sagaStream } from './saga-events.ts';
import { leafOf } from './saga-graph.ts';
import { indexWrite } from './saga-index.ts';
import { jsonValue } from './saga-instance.ts';
import { newWork, sagaQueue } from './saga-start.ts';
import { evolveSaga, isAtWork, isSettled, openAt, type SagaState } from './saga-state.ts';
import { isCommitted } from './saga-transitions.ts';

/** Why a person does something with a saga, and who it is; both are kept in its history. */
export interface RepairNote {
  /** Must say something. */
  readonly reason: string;
  /** Default: nobody is named. */
  readonly by?: string;
}

/** What a person can do with a saga. */
export type SagaOperation =
  | { readonly kind: 'retry'; readonly input?: unknown }
  | { readonly kind: 'skipUndo'; readonly step?: string | undefined }
  | { readonly kind: 'skipStep'; readonly step?: string | undefined }
  | { readonly kind: 'completeStep'; readonly step?: string | undefined; readonly result: unknown }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'forceComplete' };

/** A saga as somebody finds it who wants to do something with it. */
export interface OperatedSaga {
  /** Undefined when this program does not have its version. */
  readonly saga: Saga | undefined;
  readonly state: SagaState;
}

/**
 * Prepares the commit of an operation: the fact, and what it means for the saga's item of work. It is conditional on the
 * revision, so of two people who operate at once one is told `REVISION_CONFLICT`.
 */
export function prepareOperation(
  environment: Environment,
  operated: OperatedSaga,
  operation: SagaOperation,
  note: RepairNote,
): Batch {
  const { state } = operated;
  const now = environment.clock.now();
  const { reason, by = null } = note;
  if (reason.trim() === '') {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `Say why ${operation.kind} is done to saga ${state.type} ${state.id}: the reason is empty.`,
      { details: { type: state.type, id: state.id } },
    );
  }
  const work = workOf(state, now);
  const event = eventOf(operated, operation, { reason, by }, { now, work: work.key });
  return batchOf(environment, state, event, writesFor(event, state, work.writes), now);
}

/** Prepares the commit that makes a saga look anew for what it waits for; undefined when something is at work, which will look. */
export function prepareWaking(environment: Environment, state: SagaState, event: string): Batch | undefined {
  if (state.isPaused || state.open.some(isAtWork)) return undefined;
  const now = environment.clock.now();
  const { key, writes } = newWork(state, now);
  return batchOf(environment, state, { type: 'SagaWoken', data: { event, work: key } }, writes, now);
}

function batchOf(
  environment: Environment,
  state: SagaState,
  event: SagaEvent,
  work: readonly WorkWrite[],
  now: number,
): Batch {
  const { type, id, revision, correlationId, lastEventId: causationId } = state;
  const stream = sagaStream(type, id);
  const encoded = environment.codec.encodeOwn(stream, event, { correlationId, causationId });
  const recorded = { event, id: encoded.id, revision: revision + 1, correlationId, recordedAt: now };
  return {
    appends: [{ stream, expected: revision, events: [encoded] }],
    documents: [indexWrite(evolveSaga(state, recorded))],
    work,
  };
}

/**
 * What makes a saga go on. A parked item is made claimable again; one that only waits is replaced by one that is due; one of a saga
 * that is at work is left to its holder, who hears of the fact.
 */
function workOf(state: SagaState, now: number): { readonly key: string | null; readonly writes: readonly WorkWrite[] } {
  if (state.parked !== null) {
    return { key: null, writes: [{ op: 'redrive', queue: sagaQueue(state.type), key: state.work, dueAt: now }] };
  }
  return state.open.some(isAtWork) ? { key: null, writes: [] } : newWork(state, now);
}

/** A forced end leaves no work; a pause is found out when the item is claimed. */
function writesFor({ type }: SagaEvent, state: SagaState, usual: readonly WorkWrite[]): readonly WorkWrite[] {
  if (type === 'SagaPaused') return [];
  return type === 'SagaForced' ? [{ op: 'cancel', queue: sagaQueue(state.type), key: state.work }] : usual;
}

function eventOf(
  operated: OperatedSaga,
  operation: SagaOperation,
  note: { readonly reason: string; readonly by: string | null },
  { now, work }: { readonly now: number; readonly work: string | null },
): SagaEvent {
  const { state } = operated;
  switch (operation.kind) {
    case 'retry': {
      checkParked(state);
      const { step = null, undo = false } = state.open[0] ?? {};
      const input = operation.input === undefined ? {} : { input: jsonValue(operation.input) };
      return { type: 'SagaRetried', data: { step, undo, ...note, retryAt: now, ...input } };
    }
    case 'skipUndo':
      return { type: 'SagaUndoSkipped', data: { step: failedUndo(state, operation.step), undo: true, ...note } };
    case 'skipStep': {
      const step = settleable(operated, operation.step);
      return { type: 'SagaStepSettled', data: { step, undo: false, how: 'skipped', result: null, ...note, work } };
    }
    case 'completeStep': {
      const step = settleable(operated, operation.step);
      const result: Json = jsonValue(operation.result);
      return { type: 'SagaStepSettled', data: { step, undo: false, how: 'completed', result, ...note, work } };
    }
    case 'cancel':
      checkCancellable(operated);
      return { type: 'SagaCancelled', data: { ...note, work } };
    case 'pause':
      if (isSettled(state.status) || state.isPaused) throw conflict(state, 'paused');
      return { type: 'SagaPaused', data: note };
    case 'resume':
      if (!state.isPaused) throw conflict(state, 'resumed');
      return { type: 'SagaResumed', data: { ...note, work } };
    case 'forceComplete': {
      checkParked(state);
      const turnedBack = state.isCancelled ? 'CANCELLED' : 'COMPENSATED';
      return { type: 'SagaForced', data: { ...note, status: state.turnedBackBy === null ? 'COMPLETED' : turnedBack } };
    }
  }
}

function checkParked(state: SagaState): void {
  if (state.parked !== null) return;
  const { type, id, status } = state;
  throw new MillraceError('SAGA_NOT_PARKED', `Saga ${type} ${id} is ${status}: it does not wait for a person.`, {
    details: { type, id, status },
  });
}

/** The undo that a saga is parked at, or one of several that failed. */
function failedUndo(state: SagaState, wanted: string | undefined): string {
  checkParked(state);
  const failed = [...state.open.filter(({ undo }) => undo), ...state.failedUndos].map(({ step }) => step);
  const step = wanted ?? failed[0];
  if (state.parked !== 'end' && step !== undefined && failed.includes(step)) return step;
  const { type, id, status, open, parked } = state;
  const where = open[0] === undefined ? 'between two steps' : `at step ${open[0].step}`;
  throw new MillraceError(
    'SAGA_NOT_PARKED',
    `Saga ${type} ${id} is parked ${where} (${parked}), not at an undo${wanted === undefined ? '' : ` of ${wanted}`} that could be skipped.`,
    { details: { type, id, status, step: wanted ?? null } },
  );
}

/** A step that goes forward and is not at work: it waits, for a person, its next try, a time or an event. */
function settleable({ state, saga }: OperatedSaga, wanted: string | undefined): string {
  const waiting = state.open.filter(attempt => !attempt.undo && (state.parked !== null || !isAtWork(attempt)));
  const step = wanted ?? waiting[0]?.step;
  const isKnown = saga === undefined || (step !== undefined && leafOf(saga.graph, step) !== undefined);
  const isForward = state.turnedBackBy === null && !isSettledForGood(state);
  if (isForward && isKnown && step !== undefined && openAt(state, step, false) !== undefined) {
    if (waiting.some(attempt => attempt.step === step)) return step;
  }
  const { type, id, status } = state;
  throw new MillraceError(
    'SAGA_STATE_CONFLICT',
    `Saga ${type} ${id} is ${status} and does not wait at ${step === undefined ? 'any step' : `step ${step}`}. It waits at: ${waiting.map(attempt => attempt.step).join(', ') || 'none'}.`,
    { details: { type, id, status, step: step ?? null, waiting: waiting.map(attempt => attempt.step) } },
  );
}

function checkCancellable({ state, saga }: OperatedSaga): void {
  if (isSettledForGood(state) || state.turnedBackBy !== null) throw conflict(state, 'cancelled');
  if (saga === undefined || !isCommitted(state, saga)) return;
  const { type, id, status } = state;
  throw new MillraceError(
    'SAGA_STATE_CONFLICT',
    `Saga ${type} ${id} has passed ${saga.graph.pivot}, after which it does not turn back. It can be paused, or its steps skipped.`,
    { details: { type, id, status, pivot: saga.graph.pivot } },
  );
}

function isSettledForGood({ status, parked }: SagaState): boolean {
  return isSettled(status) && parked === null;
}

function conflict({ type, id, status }: SagaState, what: string): MillraceError {
  return new MillraceError('SAGA_STATE_CONFLICT', `Saga ${type} ${id} is ${status}: it cannot be ${what}.`, {
    details: { type, id, status },
  });
}
