import type { ErrorData, Json } from '../core/index.ts';
import { type Begin, type Begun, begunBy, type ParkReason, type SagaEvent, type SagaEventData } from './saga-events.ts';

/**
 * Where a saga is in its life. `WAITING` waits for the next try of a step, for a time or for an event; `PAUSED` is held by a person;
 * `FAILED` had nothing to undo; `COMPENSATION_FAILED` and `PARKED` wait for a person.
 */
export type SagaStatus =
  | 'RUNNING'
  | 'WAITING'
  | 'PAUSED'
  | 'COMPENSATING'
  | 'COMPLETED'
  | 'COMPENSATED'
  | 'CANCELLED'
  | 'FAILED'
  | 'COMPENSATION_FAILED'
  | 'PARKED';

/** An attempt or a wait that a saga is at. */
export interface CurrentAttempt extends Begun {
  /** How often the process that ran this attempt went away. */
  readonly interruptions: number;
  /** When it goes on, in milliseconds since 1970 UTC; undefined while the attempt is at work. */
  readonly retryAt?: number;
  /** Whether an earlier try failed or broke off in such a way that nobody knows whether it had an effect. */
  readonly unsure?: boolean;
  readonly error?: ErrorData;
}

/** A step that has to be undone should the saga turn back. */
export interface Effect {
  readonly step: string;
  readonly outcome: 'completed' | 'unknown';
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
  /** Results of the steps that completed, by their keys. */
  readonly results: Readonly<Record<string, Json>>;
  /** What was decided on the way: conditions, lists of items, ends of loops. */
  readonly decided: Readonly<Record<string, Json>>;
  /** Steps that have to be undone should the saga turn back, in the order in which they had their effect. */
  readonly effects: readonly Effect[];
  /** How many undos are done, or were settled by hand. */
  readonly undone: number;
  /** Undos that failed for good while the rest was undone. */
  readonly failedUndos: readonly Effect[];
  /** What is at work, or waited for; empty between two steps. */
  readonly open: readonly CurrentAttempt[];
  /** Positions of the events that its waits have found. */
  readonly received: readonly number[];
  /** Why the saga turned back; null as long as it goes forward. */
  readonly turnedBackBy: ErrorData | null;
  /** Why the saga turned back, ended without completing, or was parked. */
  readonly error: ErrorData | null;
  readonly failedStep: string | null;
  readonly isCancelled: boolean;
  readonly isPaused: boolean;
  readonly parked: ParkReason | null;
  /** The key of its item of work. */
  readonly work: string;
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
  const { type, version, id, input, deadline, begin, decided = {} } = event.data;
  return withStatus({
    ...{ type, version, id, input, correlationId, deadline, revision, lastEventId, decided },
    startedAt: recordedAt,
    updatedAt: recordedAt,
    endedAt: null,
    status: 'RUNNING',
    results: {},
    effects: [],
    undone: 0,
    failedUndos: [],
    open: begunBy(begin).map(begun => ({ ...begun, interruptions: 0 })),
    received: [],
    turnedBackBy: null,
    error: null,
    failedStep: null,
    isCancelled: false,
    isPaused: false,
    parked: null,
    work: id,
  });
}

/** The state after one more event. */
export function evolveSaga(state: SagaState, recorded: RecordedSagaEvent): SagaState {
  const { event, recordedAt } = recorded;
  const place = { revision: recorded.revision, lastEventId: recorded.id, updatedAt: recordedAt };
  const changed = { ...state, ...place, ...changeOf(state, event) };
  switch (event.type) {
    case 'SagaCompleted':
      return ended(changed, 'COMPLETED', recordedAt);
    case 'SagaCompensated':
      return ended(changed, changed.isCancelled ? 'CANCELLED' : 'COMPENSATED', recordedAt);
    case 'SagaFailed':
      return ended(changed, changed.isCancelled ? 'CANCELLED' : 'FAILED', recordedAt);
    case 'SagaForced':
      return ended({ ...changed, parked: null }, event.data.status, recordedAt);
    default:
      return withStatus(changed);
  }
}

/** What an event changes of all that is not its place, its time and its status. */
function changeOf(state: SagaState, event: SagaEvent): Partial<SagaState> {
  switch (event.type) {
    case 'SagaAttemptStarted':
      return { ...decided(state, event.data.decided), open: replaced(state, oneMore(state, event.data)) };
    case 'SagaAttemptInterrupted':
      return { open: replaced(state, oneMore(state, event.data)) };
    case 'SagaAttemptFailed': {
      const { certain, error, ...begun } = event.data;
      return { open: replaced(state, oneMore(state, { ...begun, error, interruptions: 0 }, !certain)) };
    }
    case 'SagaStepCompleted': {
      const { begin, received } = event.data;
      const { results, effects, open } = completed(state, event.data);
      const done = { results, effects, open: opened(open, begin), ...decided(state, event.data.decided) };
      return received === undefined ? done : { ...done, received: [...state.received, received] };
    }
    case 'SagaCompensating': {
      const back = turnedBack(state, event.data);
      return { ...back, open: opened(back.open, event.data.begin) };
    }
    case 'SagaStepFailed':
      return cameToNothing(state, event.data);
    case 'SagaStepUndone': {
      const back = undone(state, event.data.step);
      return { ...back, open: opened(back.open, event.data.begin) };
    }
    case 'SagaUndoFailed': {
      const { step, error, begin } = event.data;
      const { effects, open } = undone(state, step);
      const failed = state.effects.findLast(effect => effect.step === step);
      const failedUndos = failed === undefined ? state.failedUndos : [...state.failedUndos, failed];
      return { effects, error, failedUndos, open: opened(open, begin) };
    }
    case 'SagaCompleted':
      return event.data.step === null ? {} : completed(state, { ...event.data, step: event.data.step });
    case 'SagaCompensated':
      return event.data.step === null ? {} : undone(state, event.data.step);
    case 'SagaFailed':
      return turnedBack(state, event.data);
    default:
      return changeByPerson(state, event);
  }
}

/** What an event changes that came from outside: from a person, or because something happened that the saga waits for. */
function changeByPerson(state: SagaState, event: SagaEvent): Partial<SagaState> {
  switch (event.type) {
    case 'SagaParked':
      return { parked: event.data.reason, error: event.data.error };
    case 'SagaWoken':
      return { work: event.data.work };
    case 'SagaRetried': {
      const { retryAt, input = state.input } = event.data;
      return { ...repaired(state), input, open: state.open.map(attempt => dueAgain(attempt, retryAt)) };
    }
    case 'SagaUndoSkipped': {
      const back = repaired(state);
      return { ...back, ...undone({ ...state, ...back }, event.data.step) };
    }
    case 'SagaStepSettled': {
      const { step, how, result, work } = event.data;
      const done = completed(state, { step, result });
      const settled = how === 'completed' ? done : { ...done, effects: state.effects };
      return { ...repaired(state), ...settled, work: work ?? state.work };
    }
    case 'SagaCancelled': {
      const { reason, work } = event.data;
      const error: ErrorData = { code: 'SAGA_CANCELLED', message: `The saga was cancelled: ${reason}` };
      const back = turnedBack(state, { step: null, outcome: 'failed', error });
      return { ...back, parked: null, isCancelled: true, work: work ?? state.work };
    }
    case 'SagaPaused':
      return { isPaused: true };
    case 'SagaResumed':
      return { isPaused: false, work: event.data.work ?? state.work };
    default:
      return {};
  }
}

/** Whether nothing more will happen to a saga by itself. */
export function isSettled(status: SagaStatus): boolean {
  return status !== 'RUNNING' && status !== 'WAITING' && status !== 'COMPENSATING' && status !== 'PAUSED';
}

/** Whether an attempt runs in some process, or did when that went away: not one that waits for its next try, or for an event. */
export function isAtWork({ retryAt, wait }: CurrentAttempt): boolean {
  return retryAt === undefined && wait === undefined;
}

/** The attempt or wait of a step that a saga is at; undefined when it is not at it. */
export function openAt({ open }: SagaState, step: string, undo: boolean): CurrentAttempt | undefined {
  return open.find(attempt => attempt.step === step && attempt.undo === undo);
}

/** A state in which a step has completed. */
export function completed(
  state: SagaState,
  { step, result }: { readonly step: string; readonly result: Json },
): Pick<SagaState, 'results' | 'effects' | 'open'> {
  return {
    results: { ...state.results, [step]: result },
    effects: [...state.effects, { step, outcome: 'completed' }],
    open: withoutOpen(state, step),
  };
}

function withStatus(state: SagaState): SagaState {
  const status = statusOf(state);
  return status === state.status ? state : { ...state, status };
}

function statusOf({ parked, turnedBackBy, isPaused, open }: SagaState): SagaStatus {
  if (parked !== null) return parked === 'compensation' ? 'COMPENSATION_FAILED' : 'PARKED';
  if (isPaused) return 'PAUSED';
  if (turnedBackBy !== null) return 'COMPENSATING';
  return open.length === 0 || open.some(isAtWork) ? 'RUNNING' : 'WAITING';
}

function ended(state: SagaState, status: SagaStatus, at: number): SagaState {
  return { ...state, open: [], status, endedAt: at };
}

function decided(state: SagaState, more: SagaEventData['SagaStepCompleted']['decided']): Partial<SagaState> {
  return more === undefined ? {} : { decided: { ...state.decided, ...more } };
}

function opened(open: SagaState['open'], begin: Begin): SagaState['open'] {
  const begun = begunBy(begin);
  return begun.length === 0 ? open : [...open, ...begun.map(each => ({ ...each, interruptions: 0 }))];
}

function withoutOpen({ open }: SagaState, step: string): SagaState['open'] {
  return open.filter(attempt => attempt.step !== step);
}

function replaced({ open }: SagaState, attempt: CurrentAttempt): SagaState['open'] {
  const index = open.findIndex(({ step, undo }) => step === attempt.step && undo === attempt.undo);
  return index === -1 ? [...open, attempt] : open.with(index, attempt);
}

/** Another try of what the saga is at, which keeps what is not known of those before it. */
function oneMore(
  state: SagaState,
  { step, undo, attempt, interruptions, ...rest }: CurrentAttempt,
  failedUnsurely = false,
): CurrentAttempt {
  const before = openAt(state, step, undo);
  const unsure = failedUnsurely || interruptions > 0 || before?.unsure === true;
  const { retryAt, error, wait } = rest;
  return {
    ...{ step, undo, attempt, interruptions, unsure },
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(error === undefined ? {} : { error }),
    ...(wait === undefined ? {} : { wait }),
  };
}

/** What waits for its next try or for an event is given up; what is at work is waited for before anything is undone. */
function turnedBack(
  state: SagaState,
  { step, outcome, error }: { step: string | null; outcome: 'failed' | 'unknown'; error: ErrorData },
): Partial<SagaState> & Pick<SagaState, 'open'> {
  const others = state.open.filter(attempt => attempt.step !== step && !attempt.undo);
  const inDoubt = others.filter(attempt => !isAtWork(attempt) && attempt.unsure === true).map(attempt => attempt.step);
  if (step !== null && outcome === 'unknown') inDoubt.push(step);
  return {
    effects: [...state.effects, ...inDoubt.map(each => ({ step: each, outcome: 'unknown' as const }))],
    open: others.filter(isAtWork),
    error,
    turnedBackBy: error,
    failedStep: step,
  };
}

function cameToNothing(
  state: SagaState,
  { step, outcome }: { step: string; outcome: 'failed' | 'unknown' },
): Partial<SagaState> {
  const open = withoutOpen(state, step);
  return outcome === 'failed' ? { open } : { open, effects: [...state.effects, { step, outcome }] };
}

function undone(state: SagaState, step: string): Pick<SagaState, 'effects' | 'undone' | 'open'> {
  const last = state.effects.findLastIndex(effect => effect.step === step);
  return {
    effects: state.effects.filter((_, index) => index !== last),
    undone: state.undone + 1,
    open: withoutOpen(state, step),
  };
}

/** The state of a saga that a person lets go on; undos that were given up are made again, in their order. */
function repaired({ turnedBackBy, effects, failedUndos }: SagaState): Partial<SagaState> {
  return { parked: null, error: turnedBackBy, effects: [...effects, ...failedUndos.toReversed()], failedUndos: [] };
}

/** What a parked saga was at, due again with all its tries; one that was at work may have had its effect. */
function dueAgain(attempt: CurrentAttempt, retryAt: number): CurrentAttempt {
  if (attempt.wait !== undefined) return attempt;
  const unsure = attempt.unsure === true || attempt.retryAt === undefined;
  return { step: attempt.step, undo: attempt.undo, attempt: 0, interruptions: 0, unsure, retryAt };
}
