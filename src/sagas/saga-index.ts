import type { ErrorData } from '../core/index.ts';
import type { CollectionDefinition, DocumentWrite } from '../storage/index.ts';
import { SAGA_CATEGORY, sagaStream } from './saga-events.ts';
import type { SagaState, SagaStatus } from './saga-state.ts';

/** The collection in which every saga has one document that says where it stands. */
export const SAGA_INDEX: CollectionDefinition = {
  name: '$sagas',
  owner: { category: SAGA_CATEGORY },
  // Type, version and status in one field: lists and counts want them, and a second index would cost every commit.
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
  // Every commit writes it: it is not copied, and what most sagas have not is left out.
  const document: { -readonly [Field in keyof SagaSummary]?: unknown } & { typeAndStatus?: string } = summaryOf(state);
  if (document.waitingFor === null) document.waitingFor = undefined;
  document.typeAndStatus = typeAndStatus(state);
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
    waitingFor: state.open.find(({ wait }) => wait?.events !== undefined)?.wait?.events?.[0] ?? null,
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

/** Which sagas a value of the index stands for. */
export interface SagaKind {
  readonly type: string;
  readonly version: number;
  readonly status: SagaStatus;
}

/** The value of the index for a type, version and status. */
function typeAndStatus({ type, version, status }: SagaKind): string {
  return version === 1 ? `${type}:${status}` : `${type}@${version}:${status}`;
}

/** Which sagas a value of the index stands for. */
export function kindOf(value: string): SagaKind {
  const separator = value.lastIndexOf(':');
  const [, type = '', version = '1'] = /^(.*?)(?:@(\d+))?$/.exec(value.slice(0, separator)) ?? [];
  return { type, version: Number(version), status: value.slice(separator + 1) as SagaStatus };
}

/** Counts by what the index calls type and by status, with those of all versions of a type together. */
export function withoutVersions(
  counts: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Record<string, Record<string, number>> {
  const together: Record<string, Record<string, number>> = {};
  for (const [kind, byStatus] of Object.entries(counts)) {
    const { type } = kindOf(`${kind}:RUNNING`);
    const known = together[type] ?? {};
    for (const [status, count] of Object.entries(byStatus)) known[status] = (known[status] ?? 0) + count;
    together[type] = known;
  }
  return together;
}
