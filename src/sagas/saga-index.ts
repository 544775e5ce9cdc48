import type { ErrorData } from '../core/index.ts';
import type { CollectionDefinition, DocumentWrite } from '../storage/index.ts';
import { SAGA_CATEGORY, sagaStream } from './saga-events.ts';
import type { SagaState, SagaStatus } from './saga-state.ts';

/** The collection in which every saga has one document that says where it stands. */
export const SAGA_INDEX: CollectionDefinition = {
  name: '$sagas',
  owner: { category: SAGA_CATEGORY },
  // Type and status in one field: lists and counts want both, and a second index would cost every commit.
  indexes: ['typeAndStatus'],
};

/** Where a saga stands, as its index document says it: enough for lists, without its history. */
export interface SagaSummary {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly status: SagaStatus;
  /** The step that it is at, the first one of several beside one another, and whether that is being undone. */
  readonly step: string | null;
  readonly undo: boolean;
  readonly attempt: number;
  /** The type of the event that it waits for. */
  readonly waitingFor: string | null;
  /** When the next try is due, or a pause or wait is over, in milliseconds since 1970 UTC. */
  readonly retryAt: number | null;
  readonly deadline: number | null;
  readonly correlationId: string;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  readonly failedStep: string | null;
  readonly error: ErrorData | null;
}

/** The index document of a saga. */
export function indexWrite(state: SagaState): DocumentWrite {
  const summary = summaryOf(state);
  // What most sagas have not is left out: every commit writes the document.
  const waitingFor = summary.waitingFor ?? undefined;
  const document = { ...summary, waitingFor, typeAndStatus: typeAndStatus(state.type, state.status) };
  return { collection: SAGA_INDEX.name, key: sagaStream(state.type, state.id), body: JSON.stringify(document) };
}

/** The summary that an index document holds. */
export function summaryIn(body: string): SagaSummary {
  const { typeAndStatus: _, ...summary } = JSON.parse(body) as SagaSummary & { typeAndStatus: string };
  return { ...summary, waitingFor: summary.waitingFor ?? null };
}

/** A saga's summary. */
export function summaryOf(state: SagaState): SagaSummary {
  const at = state.open[0];
  return {
    type: state.type,
    id: state.id,
    version: state.version,
    status: state.status,
    step: at?.step ?? null,
    undo: at?.undo ?? false,
    attempt: at?.attempt ?? 0,
    waitingFor: state.open.find(({ wait }) => wait?.event !== undefined)?.wait?.event ?? null,
    retryAt: at?.retryAt ?? at?.wait?.until ?? null,
    deadline: state.deadline,
    correlationId: state.correlationId,
    startedAt: state.startedAt,
    updatedAt: state.updatedAt,
    endedAt: state.endedAt,
    failedStep: state.failedStep,
    error: state.error,
  };
}

/** The value of the index for a type and status. */
export function typeAndStatus(type: string, status: SagaStatus): string {
  return `${type}:${status}`;
}
