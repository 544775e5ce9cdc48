import type { ErrorData, Json } from '../core/index.ts';
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
  readonly undo: boolean;
  readonly attempt: number | null;
  readonly durationMs: number | null;
  readonly result: Json;
  readonly error: ErrorData | null;
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
export function sagaView(state: SagaState, history: readonly RecordedSagaEvent[]): SagaView {
  return { ...summaryOf(state), input: state.input, results: state.results, timeline: history.map(moment) };
}

function moment({ event, revision, recordedAt }: RecordedSagaEvent): SagaMoment {
  const data = event.data as Partial<Omit<SagaMoment, 'type' | 'revision' | 'at'>>;
  const { step = null, attempt = null, durationMs = null, result = null, error = null, retryAt = null } = data;
  const undo = data.undo ?? (event.type === 'SagaStepUndone' || event.type === 'SagaCompensated');
  return { type: event.type, revision, at: recordedAt, step, undo, attempt, durationMs, result, error, retryAt };
}
