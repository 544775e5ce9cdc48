import type { Failure, SagaDetail, SagaMoment } from './api-shapes.ts';

/** One try of a step or of its undo. Times are in milliseconds since 1970 UTC. */
export interface Attempt {
  readonly attempt: number;
  readonly from: number;
  /** Null while it is at work. */
  readonly to: number | null;
  readonly outcome: 'completed' | 'failed' | 'interrupted' | 'running';
  readonly error: Failure | null;
  /** When the next try was due, after a failed one. */
  readonly retryAt: number | null;
}

/** A step, or the undo of one, with all its tries. */
export interface StepRun {
  readonly name: string;
  /** The step that is undone; null for a step itself. */
  readonly undoes: string | null;
  readonly standing: 'COMPLETED' | 'COMPENSATED' | 'FAILED' | 'RUNNING' | 'WAITING';
  readonly attempts: readonly Attempt[];
  readonly from: number;
  readonly to: number | null;
}

interface OpenRun {
  readonly name: string;
  readonly undoes: string | null;
  readonly attempts: Attempt[];
  /** When the present try began, if that was recorded by itself. */
  begun: number | undefined;
}

const OUTCOMES: Readonly<Record<string, Attempt['outcome']>> = {
  SagaStepCompleted: 'completed',
  SagaCompleted: 'completed',
  SagaStepSettled: 'completed',
  SagaStepUndone: 'completed',
  SagaCompensated: 'completed',
  SagaAttemptFailed: 'failed',
  SagaCompensating: 'failed',
  SagaFailed: 'failed',
  SagaStepFailed: 'failed',
  SagaUndoFailed: 'failed',
  SagaParked: 'failed',
  SagaAttemptInterrupted: 'interrupted',
};

/**
 * The steps of a saga in the order in which they were run, undos included. A try begins with the event that led to it, unless
 * its beginning was recorded by itself.
 */
export function stepRuns(saga: SagaDetail): readonly StepRun[] {
  const runs: OpenRun[] = [];
  let before = Date.parse(saga.startedAt);
  for (const moment of saga.timeline) {
    const at = Date.parse(moment.at);
    const run = runOf(runs, moment, saga);
    if (run !== undefined) {
      if (moment.type === 'SagaAttemptStarted') run.begun = at;
      const outcome = OUTCOMES[moment.type];
      if (outcome !== undefined) run.attempts.push(ended(run, moment, outcome, before));
      if (outcome !== undefined) run.begun = undefined;
    }
    before = at;
  }
  addPresent(runs, saga, before);
  return runs.map(run => stepRun(run, saga));
}

/** The run that a moment belongs to; a new one when the moment is the first of it. */
function runOf(runs: OpenRun[], moment: SagaMoment, saga: SagaDetail): OpenRun | undefined {
  if (moment.step === null || (OUTCOMES[moment.type] === undefined && moment.type !== 'SagaAttemptStarted'))
    return undefined;
  const parkedUndo = moment.type === 'SagaParked' && saga.status === 'COMPENSATION_FAILED';
  return findOrOpen(runs, moment.step, moment.undo ?? (parkedUndo ? `Undo ${moment.step}` : null));
}

function findOrOpen(runs: OpenRun[], step: string, undo: string | null): OpenRun {
  const undoes = undo === null ? null : step;
  const known = runs.find(run => (undoes === null ? run.undoes === null && run.name === step : run.undoes === step));
  if (known !== undefined) return known;
  const opened = { name: undo ?? step, undoes, attempts: [], begun: undefined };
  runs.push(opened);
  return opened;
}

function ended(run: OpenRun, moment: SagaMoment, outcome: Attempt['outcome'], before: number): Attempt {
  const to = Date.parse(moment.at);
  const took = moment.durationMs === null ? undefined : to - moment.durationMs;
  return {
    attempt: moment.attempt ?? run.attempts.length + 1,
    from: Math.min(run.begun ?? took ?? before, to),
    to,
    outcome,
    error: moment.error,
    retryAt: moment.retryAt === null ? null : Date.parse(moment.retryAt),
  };
}

/** What a saga is at that has not ended. */
function addPresent(runs: OpenRun[], saga: SagaDetail, since: number): void {
  const atWork = saga.status === 'RUNNING' || saga.status === 'COMPENSATING';
  if (!atWork || saga.step === null || saga.retryAt !== null) return;
  const run = findOrOpen(runs, saga.step, saga.undo ? `Undo ${saga.step}` : null);
  run.attempts.push({
    attempt: saga.attempt,
    from: run.begun ?? since,
    to: null,
    outcome: 'running',
    error: null,
    retryAt: null,
  });
}

function stepRun({ name, undoes, attempts, begun }: OpenRun, saga: SagaDetail): StepRun {
  const last = attempts.at(-1);
  const waits = saga.retryAt !== null && saga.endedAt === null && saga.step === (undoes ?? name);
  const from = attempts[0]?.from ?? begun ?? Date.parse(saga.startedAt);
  return { name, undoes, attempts, from, to: last?.to ?? null, standing: standingOf(last, undoes !== null, waits) };
}

function standingOf(last: Attempt | undefined, isUndo: boolean, waits: boolean): StepRun['standing'] {
  if (last === undefined || last.outcome === 'running') return 'RUNNING';
  if (last.outcome === 'completed') return isUndo ? 'COMPENSATED' : 'COMPLETED';
  return waits ? 'WAITING' : 'FAILED';
}
