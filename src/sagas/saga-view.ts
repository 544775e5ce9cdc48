import type { ErrorData, Json } from '../core/index.ts';
import { partsOfKey } from './saga-graph.ts';
import { type SagaSummary, summaryOf } from './saga-index.ts';
import type { RecordedSagaEvent, SagaState } from './saga-state.ts';

/** One entry of a saga's timeline. */
export interface SagaMoment {
  /** What happened, as the type of the event. */
  readonly type: string;
  readonly revision: number;
  /** In milliseconds since 1970 UTC. */
  readonly at: number;
  readonly step: string | null;
  /** What the step's undo is called, when this is about the undo; null otherwise. */
  readonly undo: string | null;
  readonly attempt: number | null;
  readonly durationMs: number | null;
  readonly result: Json;
  readonly error: ErrorData | null;
  /** Why it was parked, or why a person repaired it. */
  readonly reason: string | null;
  /** Who repaired it, if they said so. */
  readonly by: string | null;
  /** When the next try is due, after a failed one. */
  readonly retryAt: number | null;
}

/** A saga with its whole history. */
export interface SagaView extends SagaSummary {
  readonly input: Json;
  readonly results: Readonly<Record<string, Json>>;
  readonly timeline: readonly SagaMoment[];
}

/** A saga as people look at it. */
export function sagaView(
  state: SagaState,
  history: readonly RecordedSagaEvent[],
  undoNames: ReadonlyMap<string, string>,
): SagaView {
  const timeline = history.map(recorded => moment(recorded, undoNames));
  return { ...summaryOf(state), input: state.input, results: state.results, timeline };
}

function moment(
  { event, revision, recordedAt }: RecordedSagaEvent,
  undoNames: ReadonlyMap<string, string>,
): SagaMoment {
  const data = event.data as Partial<Omit<SagaMoment, 'type' | 'revision' | 'at' | 'undo'>> & { undo?: boolean };
  const { step = null, attempt = null, durationMs = null, result = null, error = null, retryAt = null } = data;
  const { reason = null, by = null } = data;
  const isUndo = data.undo ?? (event.type === 'SagaStepUndone' || event.type === 'SagaCompensated');
  const undo = isUndo && step !== null ? (undoNames.get(partsOfKey(step).name) ?? `Undo ${step}`) : null;
  return {
    type: event.type,
    revision,
    at: recordedAt,
    step,
    undo,
    attempt,
    durationMs,
    result,
    error,
    reason,
    by,
    retryAt,
  };
}
