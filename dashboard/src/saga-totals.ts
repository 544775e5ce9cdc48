import { SAGA_STATUSES, type SagaCounts, type SagaStatus } from './api-shapes.ts';

/** Statuses in which a saga gets on by itself. */
const UNDER_WAY: readonly SagaStatus[] = ['RUNNING', 'WAITING', 'PAUSED', 'COMPENSATING'];

/** Sagas of all types, counted. */
export function sagaTotals(
  sagas: SagaCounts,
  stuckIn: readonly SagaStatus[],
): { readonly total: number; readonly underWay: number; readonly stuck: number } {
  const sum = (statuses: readonly SagaStatus[]): number =>
    Object.values(sagas).reduce(
      (all, counts) => all + statuses.reduce((part, status) => part + (counts[status] ?? 0), 0),
      0,
    );
  return { total: sum(SAGA_STATUSES), underWay: sum(UNDER_WAY), stuck: sum(stuckIn) };
}
