import type { Json } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { SagaEvent } from './saga-events.ts';
import { evolveSaga, type RecordedSagaEvent, type SagaState, startedState } from './saga-state.ts';

const PAGE = 1_000;

/** The history of a saga, oldest first; empty when there is no such saga. */
export async function loadHistory(environment: Environment, stream: string): Promise<RecordedSagaEvent[]> {
  const history: RecordedSagaEvent[] = [];
  for (;;) {
    const page = await environment.events.readStream(stream, { from: history.length, limit: PAGE });
    for (const event of page) history.push(recorded(event));
    if (page.length < PAGE) return history;
  }
}

/** The state that a history leads to; undefined for an empty one. */
export function foldHistory(history: readonly RecordedSagaEvent[]): SagaState | undefined {
  const [first, ...rest] = history;
  const start = first === undefined ? undefined : startedState(first);
  return start === undefined ? undefined : rest.reduce(evolveSaga, start);
}

/** A value as JSON would give it back, so that memory and history never differ; null for nothing. */
export function jsonValue(value: unknown): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value) ?? 'null') as Json);
}

function recorded({ type, data, id, revision, metadata, recordedAt }: RecordedEvent): RecordedSagaEvent {
  const event = { type, data } as SagaEvent;
  return { event, id, revision, correlationId: metadata.correlationId, recordedAt };
}
