import type { ErrorData, Json } from '../core/index.ts';
import type { Begun, ParkReason, SagaEvent } from './saga-events.ts';

/**
 * Where a saga is in its life. `WAITING` waits for the next try of a step; `FAILED` had nothing to undo;
 * `COMPENSATION_FAILED` and `PARKED` wait for a person.
 */
export type SagaStatus =
  | 'RUNNING'
  | 'WAITING'
  | 'COMPENSATING'
  | 'COMPLETED'
  | 'COMPENSATED'
  | 'FAILED'
  | 'COMPENSATION_FAILED'
  | 'PARKED';

/** The attempt that a saga is at. */
export interface CurrentAttempt {
  readonly step: string;
  readonly undo: boolean;
  readonly attempt: number;
  /** How often the process that ran this attempt went away. */
  readonly interruptions: number;
  /** When it goes on, in milliseconds since 1970 UTC; undefined while the attempt is at work. */
  readonly retryAt?: number;
  /** Whether an earlier try failed or broke off in such a way that nobody knows whether it had an effect. */
  readonly unsure?: boolean;
  readonly error?: ErrorData;
}

/** Everything about a saga that its next move depends on: the fold of its stream. */
export interface SagaState {
  readonly type: string;
  readonly version: number;
  readonly id: string;
  readonly input: Json;
  readonly correlationId: string;
  readonly startedAt: number;
  readonly deadline: number | null;
  readonly status: SagaStatus;
  /** Results of the steps that completed. */
  readonly results: Readonly<Record<string, Json>>;
  /** Steps that have to be undone should the saga turn back, in the order in which they had their effect. */
  readonly effects: readonly { readonly step: string; readonly outcome: 'completed' | 'unknown' }[];
  /** How many undos are done, or were settled by hand. */
  readonly undone: number;
  /** Null between two attempts. */
  readonly current: CurrentAttempt | null;
  /** Why the saga turned back; null as long as it goes forward. */
  readonly turnedBackBy: ErrorData | null;
  /** Why the saga turned back, ended without completing, or was parked. */
  readonly error: ErrorData | null;
  readonly failedStep: string | null;
  readonly parked: ParkReason | null;
  readonly endedAt: number | null;
  readonly updatedAt: number;
  /** Revision and id of the last event of its stream. */
  readonly revision: number;
  readonly lastEventId: string;
}

/** A fact, and the place and time at which it was recorded. */
export interface RecordedSagaEvent {
  readonly event: SagaEvent;
  readonly id: string;
  readonly revision: number;
  readonly correlationId: string;
  readonly recordedAt: number;
}

/** The state after the start of a saga; undefined for any other event. */
export function startedState(recorded: RecordedSagaEvent): SagaState | undefined {
  const { event, id: lastEventId, revision, correlationId, recordedAt } = recorded;
  if (event.type !== 'SagaStarted') return undefined;
  const { type, version, id, input, deadline, begin } = event.data;
  return {
    ...{ type, version, id, input, correlationId, deadline, revision, lastEventId },
    startedAt: recordedAt,
    updatedAt: recordedAt,
    endedAt: null,
    status: 'RUNNING',
    results: {},
    effects: [],
    undone: 0,
    current: atWork(begin),
    turnedBackBy: null,
    error: null,
    failedStep: null,
    parked: null,
  };
}

/** The state after one more event. */
export function evolveSaga(state: SagaState, recorded: RecordedSagaEvent): SagaState {
  const { event, recordedAt } = recorded;
  const moved = { ...state, revision: recorded.revision, lastEventId: recorded.id, updatedAt: recordedAt };
  switch (event.type) {
    case 'SagaStarted':
      return moved;
    case 'SagaAttemptStarted':
      return { ...moved, current: oneMore(state, event.data), status: event.data.undo ? 'COMPENSATING' : 'RUNNING' };
    case 'SagaAttemptInterrupted':
      return { ...moved, current: oneMore(state, event.data) };
    case 'SagaAttemptFailed':
      return {
        ...moved,
        current: oneMore(state, { ...event.data, interruptions: 0 }, !event.data.certain),
        status: event.data.undo ? 'COMPENSATING' : 'WAITING',
      };
    case 'SagaStepCompleted':
      return { ...moved, ...completed(state, event.data), current: atWork(event.data.begin) };
    case 'SagaCompensating':
      return { ...moved, ...turnedBack(state, event.data), current: atWork(event.data.begin), status: 'COMPENSATING' };
    case 'SagaStepUndone':
      return { ...moved, ...undone(state, event.data.step), current: atWork(event.data.begin) };
    case 'SagaCompleted':
      return { ...moved, ...lastStep(state, event.data), ...ended('COMPLETED', recordedAt) };
    case 'SagaCompensated':
      return { ...moved, ...lastUndo(state, event.data.step), ...ended('COMPENSATED', recordedAt) };
    case 'SagaFailed':
      return { ...moved, ...turnedBack(state, event.data), ...ended('FAILED', recordedAt) };
    case 'SagaParked': {
      const status = event.data.reason === 'compensation' ? 'COMPENSATION_FAILED' : 'PARKED';
      return { ...moved, parked: event.data.reason, error: event.data.error, status };
    }
    case 'SagaRetried':
      return { ...moved, ...repaired(state), current: dueAgain(state, event.data.retryAt) };
    case 'SagaUndoSkipped':
      return { ...moved, ...repaired(state), ...undone(state, event.data.step), current: null };
  }
}

/** Whether nothing more will happen to a saga by itself. */
export function isSettled(status: SagaStatus): boolean {
  return status !== 'RUNNING' && status !== 'WAITING' && status !== 'COMPENSATING';
}

function atWork(begun: Begun | null): CurrentAttempt | null {
  return begun === null ? null : { ...begun, interruptions: 0 };
}

/** Another try of what the saga is at, which keeps what is not known of those before it. */
function oneMore(
  { current }: SagaState,
  { step, undo, attempt, interruptions, ...rest }: CurrentAttempt,
  failedUnsurely = false,
): CurrentAttempt {
  const same = current !== null && current.step === step && current.undo === undo;
  const unsure = failedUnsurely || interruptions > 0 || (same && current.unsure === true);
  const { retryAt, error } = rest;
  return {
    ...{ step, undo, attempt, interruptions, unsure },
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(error === undefined ? {} : { error }),
  };
}

function completed(state: SagaState, { step, result }: { step: string; result: Json }): Partial<SagaState> {
  return {
    results: { ...state.results, [step]: result },
    effects: [...state.effects, { step, outcome: 'completed' }],
    status: 'RUNNING',
  };
}

function turnedBack(
  state: SagaState,
  { step, outcome, error }: { step: string | null; outcome: 'failed' | 'unknown'; error: ErrorData },
): Partial<SagaState> {
  const unknown = step !== null && outcome === 'unknown';
  return {
    effects: unknown ? [...state.effects, { step, outcome }] : state.effects,
    error,
    turnedBackBy: error,
    failedStep: step,
  };
}

function undone(state: SagaState, step: string): Partial<SagaState> {
  const last = state.effects.findLastIndex(effect => effect.step === step);
  return { effects: state.effects.filter((_, index) => index !== last), undone: state.undone + 1 };
}

function lastStep(state: SagaState, { step, result }: { step: string | null; result: Json }): Partial<SagaState> {
  return step === null ? {} : completed(state, { step, result });
}

function lastUndo(state: SagaState, step: string | null): Partial<SagaState> {
  return step === null ? {} : undone(state, step);
}

function repaired({ turnedBackBy }: SagaState): Partial<SagaState> {
  return { parked: null, error: turnedBackBy, status: turnedBackBy === null ? 'RUNNING' : 'COMPENSATING' };
}

/** What a parked saga was at, due again with all its tries; one that was at work may have had its effect. */
function dueAgain({ current }: SagaState, retryAt: number): CurrentAttempt | null {
  if (current === null) return null;
  const unsure = current.unsure === true || current.retryAt === undefined;
  return { step: current.step, undo: current.undo, attempt: 0, interruptions: 0, unsure, retryAt };
}

function ended(status: SagaStatus, at: number): Partial<SagaState> {
  return { current: null, status, endedAt: at };
}
