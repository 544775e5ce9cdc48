import { type ErrorData, type Json, SYSTEM_PREFIX } from '../core/index.ts';

/** What a saga waits for without doing anything: a time, or an event. */
export interface Wait {
  /** Since when, in milliseconds since 1970 UTC. */
  readonly since: number;
  /** When it is over, in milliseconds since 1970 UTC; null when it has no end. */
  readonly until: number | null;
  /** The type of the event that is waited for, and by what it is known; absent for a pause. */
  readonly event?: string;
  readonly by?: string;
}

/**
 * An attempt whose start is recorded before it runs, so that a crash can never hide that it may have had an effect; or the begin
 * of a wait.
 */
export interface Begun {
  /** The name of the step; within a `forEach` or `loop` with its occurrence, as in `ship[line-2]`. */
  readonly step: string;
  /** Whether the step is being undone. */
  readonly undo: boolean;
  /** Which try it is, from 1. */
  readonly attempt: number;
  readonly wait?: Wait;
}

/** What one fact sets off: nothing, one attempt or wait, or several beside one another. */
export type Begin = Begun | readonly Begun[] | null;

/** What was decided on the way, so that it is never decided otherwise later: conditions, lists of items, ends of loops. */
export type Decided = Readonly<Record<string, Json>>;

/**
 * The facts of a saga's life, one for each commit. What one fact sets off is part of it: `begin` is what starts with the same
 * commit, null when nothing does.
 */
export interface SagaEventData {
  SagaStarted: {
    readonly type: string;
    readonly version: number;
    readonly id: string;
    readonly input: Json;
    /** When its time is over, in milliseconds since 1970 UTC; null when it has no limit. */
    readonly deadline: number | null;
    readonly begin: Begin;
    readonly decided?: Decided;
  };
  /** An attempt or a wait starts later than what led to it: after a pause, or again because the process that ran it went away. */
  SagaAttemptStarted: Begun & { readonly interruptions: number; readonly decided?: Decided };
  /** The process that ran an attempt went away once more; the attempt is made again later, and not among many others. */
  SagaAttemptInterrupted: Begun & { readonly interruptions: number; readonly retryAt: number };
  SagaStepCompleted: Settled & {
    readonly result: Json;
    readonly begin: Begin;
    readonly decided?: Decided;
    /** The position of the event that a wait has found. */
    readonly received?: number;
  };
  SagaAttemptFailed: Begun & { readonly error: ErrorData; readonly certain: boolean; readonly retryAt: number };
  /** The saga turns back. `unknown`: the step may have had its effect, so it is undone as well. */
  SagaCompensating: {
    readonly step: string | null;
    readonly attempt: number;
    readonly outcome: 'failed' | 'unknown';
    readonly error: ErrorData;
    readonly begin: Begun | null;
  };
  /** A step that was still at work when the saga turned back came to nothing. */
  SagaStepFailed: {
    readonly step: string;
    readonly attempt: number;
    readonly outcome: 'failed' | 'unknown';
    readonly error: ErrorData;
  };
  SagaStepUndone: Settled & { readonly begin: Begun | null };
  /** An undo failed for good, and the saga undoes the rest before it waits for a person. */
  SagaUndoFailed: {
    readonly step: string;
    readonly undo: true;
    readonly attempt: number;
    readonly error: ErrorData;
    readonly begin: Begun | null;
  };
  /** The end of a saga that completed; without a step when its last one was recorded before. */
  SagaCompleted: Omit<Settled, 'step'> & { readonly step: string | null; readonly result: Json };
  /** Everything is undone; without a step when the last undo was skipped, or recorded before. */
  SagaCompensated: Omit<Settled, 'step'> & { readonly step: string | null };
  /** The end of a saga that had nothing to undo. */
  SagaFailed: {
    readonly step: string | null;
    readonly attempt: number;
    readonly outcome: 'failed' | 'unknown';
    readonly error: ErrorData;
  };
  /** The saga waits for a person: nothing more happens by itself. */
  SagaParked: {
    readonly reason: ParkReason;
    readonly step: string | null;
    readonly attempt: number;
    readonly error: ErrorData;
  };
  /** Something happened outside that it waits for: it is looked at anew. */
  SagaWoken: { readonly event: string; readonly work: string };
  /** A person let a parked saga go on where it stood, its tries counted anew; perhaps with a corrected input. */
  SagaRetried: Repair & {
    readonly step: string | null;
    readonly undo: boolean;
    readonly retryAt: number;
    readonly input?: Json;
  };
  /** A person settled a failed undo by hand: it counts as done. */
  SagaUndoSkipped: Repair & { readonly step: string; readonly undo: true };
  /** A person settled a step by hand: with a result, it counts as done and is undone like any other; skipped, it had no effect. */
  SagaStepSettled: Repair & {
    readonly step: string;
    readonly undo: false;
    readonly how: 'completed' | 'skipped';
    readonly result: Json;
    readonly work: string | null;
  };
  /** A person, or another saga, wants it to turn back. */
  SagaCancelled: Repair & { readonly work: string | null };
  /** A person holds it: what is at work ends, and nothing else begins. */
  SagaPaused: Repair;
  /** A person lets a held saga go on. */
  SagaResumed: Repair & { readonly work: string | null };
  /** A person ended a saga that waited for one: nothing is run or undone any more, and nobody is told. */
  SagaForced: Repair & { readonly status: 'COMPLETED' | 'COMPENSATED' | 'CANCELLED' };
}

/** Who did something with a saga, and why: the record that an audit asks for. */
interface Repair {
  readonly reason: string;
  readonly by: string | null;
}

/** A step, or its undo, that was settled by an attempt. */
interface Settled {
  readonly step: string;
  readonly attempt: number;
  readonly durationMs: number;
}

/**
 * Why a saga waits for a person: an undo failed for good, a step did that must not be undone or asked for it, an attempt brought its
 * process down again and again, no definition of its version is there, or its end could not be told to the rest of the system.
 */
export type ParkReason = 'compensation' | 'step' | 'crash' | 'version' | 'end';

/** The types of a saga's events; subscribe to them to follow sagas. */
export type SagaEventType = keyof SagaEventData;

/** One fact of a saga's life. */
export type SagaEvent = {
  [Type in SagaEventType]: { readonly type: Type; readonly data: SagaEventData[Type] };
}[SagaEventType];

/** What begins with a fact. */
export function begunBy(begin: Begin | undefined): readonly Begun[] {
  if (begin === null || begin === undefined) return [];
  return Array.isArray(begin) ? begin : [begin as Begun];
}

/** What begins with an event. */
export function begunWith({ type, data }: SagaEvent): readonly Begun[] {
  if (type === 'SagaAttemptStarted') return [data];
  return 'begin' in data ? begunBy(data.begin) : [];
}

const CATEGORY = `${SYSTEM_PREFIX}saga`;

/** The category of the streams of all sagas. */
export const SAGA_CATEGORY = CATEGORY;

/** The stream that is the history of one saga. */
export function sagaStream(type: string, id: string): string {
  return `${CATEGORY}-${type}:${id}`;
}
