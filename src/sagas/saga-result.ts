import type { ErrorData, Json } from '../core/index.ts';
import { isSettled, type SagaStatus } from './saga-state.ts';
import type { SagaMoment, SagaView } from './saga-view.ts';

/** What came of one step, or of one undo. */
export interface StepResult {
  /** The step; of an undo, what that is called. */
  readonly name: string;
  /** The step that it undoes; null for a step itself. */
  readonly undoes: string | null;
  /** `SKIPPED`: a person settled it by hand. */
  readonly status: 'COMPLETED' | 'FAILED' | 'SKIPPED';
  readonly result: Json;
  readonly error: ErrorData | null;
  /** How long its last try took, in milliseconds; null when nobody measured it. */
  readonly durationMs: number | null;
  /** When that was recorded, in milliseconds since 1970 UTC. */
  readonly executedAt: number;
}

/** What came of a saga. */
export interface SagaResult {
  readonly type: string;
  readonly id: string;
  readonly status: SagaStatus;
  /** Whether nothing more happens by itself: it has ended, or waits for a person. */
  readonly isSettled: boolean;
  readonly error: ErrorData | null;
  readonly failedStep: string | null;
  /** When it ended, in milliseconds since 1970 UTC; null as long as it has not. */
  readonly completedAt: number | null;
  readonly results: Readonly<Record<string, Json>>;
  /** Each step by its last outcome, in the order in which they came to it. */
  readonly steps: readonly StepResult[];
  readonly compensations: readonly StepResult[];
  /** Whether everything that was tried came to a good end: every step, and every undo if it turned back. */
  readonly allSuccessful: boolean;
}

const STEP_DONE = new Set(['SagaStepCompleted', 'SagaCompleted']);
const STEP_FAILED = new Set(['SagaCompensating', 'SagaFailed', 'SagaStepFailed']);
const UNDO_DONE = new Set(['SagaStepUndone', 'SagaCompensated']);

/** What came of a saga, by what its history says. */
export function sagaResult(saga: SagaView): SagaResult {
  const steps = new Map<string, StepResult>();
  const compensations = new Map<string, StepResult>();
  for (const moment of saga.timeline) {
    const { step } = moment;
    const status = step === null ? undefined : statusOf(moment);
    if (step === null || status === undefined) continue;
    const results = moment.undo === null ? steps : compensations;
    // What is tried again after a person saw to it comes to stand behind what was done meanwhile.
    results.delete(step);
    results.set(step, stepResult(step, status, moment));
  }
  const all = [...steps.values(), ...compensations.values()];
  return {
    ...{ type: saga.type, id: saga.id, status: saga.status, error: saga.error, failedStep: saga.failedStep },
    isSettled: isSettled(saga.status),
    completedAt: saga.endedAt,
    results: saga.results,
    steps: [...steps.values()],
    compensations: [...compensations.values()],
    allSuccessful: isSettled(saga.status) && all.every(({ status }) => status === 'COMPLETED'),
  };
}

function statusOf({ type, reason, how, attempt }: SagaMoment): StepResult['status'] | undefined {
  if (STEP_DONE.has(type) || UNDO_DONE.has(type)) return 'COMPLETED';
  if (STEP_FAILED.has(type) || type === 'SagaUndoFailed') return 'FAILED';
  if (type === 'SagaUndoSkipped') return 'SKIPPED';
  if (type === 'SagaStepSettled') return how === 'skipped' ? 'SKIPPED' : 'COMPLETED';
  // Without an attempt it only says that those that failed before are left.
  if (type === 'SagaParked' && attempt !== 0 && (reason === 'compensation' || reason === 'step' || reason === 'crash'))
    return 'FAILED';
  return undefined;
}

function stepResult(step: string, status: StepResult['status'], moment: SagaMoment): StepResult {
  const undoes = moment.undo === null ? null : step;
  return {
    ...{ name: moment.undo ?? step, undoes, status },
    result: moment.result,
    error: status === 'FAILED' ? moment.error : null,
    durationMs: moment.durationMs,
    executedAt: moment.at,
  };
}
