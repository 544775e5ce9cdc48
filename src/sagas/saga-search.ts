import { type Duration, milliseconds } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { SAGA_CATEGORY } from './saga-events.ts';
import { kindOf, SAGA_INDEX, type SagaSummary, summaryIn } from './saga-index.ts';
import type { SagaStatus } from './saga-state.ts';

/** Which sagas are wanted: those that meet all that is given. */
export interface SagaFilter {
  /** Default: any. */
  readonly status?: SagaStatus | readonly SagaStatus[];
  /** The type of the event that they wait for. */
  readonly waitingFor?: string;
  /** The step that they are at. */
  readonly step?: string;
  readonly correlationId?: string;
  /** Started at least so long ago. */
  readonly olderThan?: Duration;
  /** Nothing has happened to them for at least so long. */
  readonly idleFor?: Duration;
  /** Default: 50. */
  readonly limit?: number;
}

const EVERY: readonly SagaStatus[] = [
  ...(['COMPENSATION_FAILED', 'PARKED', 'RUNNING', 'WAITING', 'PAUSED', 'COMPENSATING'] as const),
  ...(['COMPLETED', 'COMPENSATED', 'CANCELLED', 'FAILED'] as const),
];
const LIMIT_DEFAULT = 50;
/** How many sagas of one status are looked at for what no index says. */
const LOOKED_AT = 10_000;
const PAGE = 1_000;

/** Finds sagas of a type; those that need somebody come first, and of one status those with the lower ids. */
export async function findSagas(
  environment: Environment,
  type: string,
  filter: SagaFilter,
): Promise<readonly SagaSummary[]> {
  const { status = EVERY, limit = LIMIT_DEFAULT, correlationId } = filter;
  const wanted = (found: SagaSummary): boolean => meets(found, filter, environment.clock.now());
  const statuses = typeof status === 'string' ? [status] : status;
  if (correlationId !== undefined) {
    const all = await ofCorrelation(environment, type, correlationId);
    return all.filter(found => statuses.includes(found.status) && wanted(found)).slice(0, limit);
  }
  const isPlain = [filter.waitingFor, filter.step, filter.olderThan, filter.idleFor].every(each => each === undefined);
  const found: SagaSummary[] = [];
  const kinds = [...(await environment.storage.documents.countBy(SAGA_INDEX.name, 'typeAndStatus')).keys()];
  for (const each of statuses) {
    for (const value of kinds.filter(kind => kindOf(kind).type === type && kindOf(kind).status === each).sort()) {
      if (found.length >= limit) break;
      const query = { where: { typeAndStatus: value }, limit: isPlain ? limit - found.length : LOOKED_AT };
      const rows = await environment.storage.documents.query(SAGA_INDEX.name, query);
      found.push(...rows.map(({ body }) => summaryIn(body)).filter(wanted));
    }
  }
  return found.slice(0, limit);
}

async function ofCorrelation(
  { storage }: Environment,
  type: string,
  correlationId: string,
): Promise<readonly SagaSummary[]> {
  const streams = new Set<string>();
  const filter = { correlationId, category: SAGA_CATEGORY, types: ['SagaStarted'] };
  for (let after = 0; ; ) {
    const page = await storage.log.readLog({ after, limit: PAGE, filter });
    for (const { stream } of page.events) streams.add(stream);
    if (page.through <= after) break;
    after = page.through;
  }
  const bodies = await storage.documents.getMany(SAGA_INDEX.name, [...streams]);
  return [...bodies.values()].map(summaryIn).filter(found => found.type === type);
}

function meets(found: SagaSummary, filter: SagaFilter, now: number): boolean {
  const { waitingFor, step, olderThan, idleFor } = filter;
  if (waitingFor !== undefined && found.waitingFor !== waitingFor) return false;
  if (step !== undefined && found.step !== step) return false;
  if (olderThan !== undefined && now - found.startedAt < milliseconds(olderThan, 'olderThan')) return false;
  return idleFor === undefined || now - found.updatedAt >= milliseconds(idleFor, 'idleFor');
}
