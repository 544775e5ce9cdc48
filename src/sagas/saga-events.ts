import { type ErrorData, type Json, SYSTEM_PREFIX } from '../core/index.ts';

/** An attempt whose start is recorded before it runs, so that a crash can never hide that it may have had an effect. */
export interface Begun {
  readonly step: string;
  /** Whether the step is being undone. */
  readonly undo: boolean;
  /** Which try it is, from 1. */
  readonly attempt: number;
}

/**
 * The facts of a saga's life, one for each commit. What one fact sets off is part of it: `begin` is the attempt that starts
 * with the same commit, null when none does.
 */
export interface SagaEventData {
  SagaStarted: {
    readonly type: string;
    readonly version: number;
    readonly id: string;
    readonly input: Json;
    /** When its time is over, in milliseconds since 1970 UTC; null when it has no limit. */
    readonly deadline: number | null;
    readonly begin: Begun;
  };
  /** An attempt starts later than what led to it: after a wait, or again because the process that ran it went away. */
  SagaAttemptStarted: Begun & { readonly interruptions: number };
  /** The process that ran an attempt went away once more; the attempt is made again later, and not among many others. */
  SagaAttemptInterrupted: Begun & { readonly interruptions: number; readonly retryAt: number };
  SagaStepCompleted: Settled & { readonly result: Json; readonly begin: Begun | null };
  SagaAttemptFailed: Begun & { readonly error: ErrorData; readonly certain: boolean; readonly retryAt: number };
  /** The saga turns back. `unknown`: the step may have had its effect, so it is undone as well. */
  SagaCompensating: {
    readonly step: string | null;
    readonly attempt: number;
    readonly outcome: 'failed' | 'unknown';
    readonly error: ErrorData;
    readonly begin: Begun | null;
  };
  SagaStepUndone: Settled & { readonly begin: Begun | null };
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
  /** A person let a parked saga go on where it stood, its tries counted anew. */
  SagaRetried: Repair & { readonly step: string | null; readonly undo: boolean; readonly retryAt: number };
  /** A person settled a failed undo by hand: it counts as done. */
  SagaUndoSkipped: Repair & { readonly step: string; readonly undo: true };
}

/** Who repaired a parked saga, and why: the record that an audit asks for. */
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
 * Why a saga waits for a person: an undo failed for good, an attempt brought its process down again and again, no
 * definition of its version is there, or its end could not be told to the rest of the system.
 */
export type ParkReason = 'compensation' | 'crash' | 'version' | 'end';

/** The types of a saga's events; subscribe to them to follow sagas. */
export type SagaEventType = keyof SagaEventData;

/** One fact of a saga's life. */
export type SagaEvent = {
  [Type in SagaEventType]: { readonly type: Type; readonly data: SagaEventData[Type] };
}[SagaEventType];

const CATEGORY = `${SYSTEM_PREFIX}saga`;

/** The category of the streams of all sagas. */
export const SAGA_CATEGORY = CATEGORY;

/** The stream that is the history of one saga. */
export function sagaStream(type: string, id: string): string {
  return `${CATEGORY}-${type}:${id}`;
}
