import type { Json } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { correlationFilter, correlationsOf } from './correlation.ts';
import type { Saga } from './saga-definition.ts';
import type { Wait } from './saga-events.ts';
import type { SagaWait } from './saga-graph.ts';
import { leafOf, partsOfKey } from './saga-graph.ts';
import { jsonValue } from './saga-instance.ts';
import { scopeAt } from './saga-results.ts';
import type { CurrentAttempt, SagaState } from './saga-state.ts';

const PAGE = 100;

/** An event that a wait has found, or how far the log has been searched without finding one. */
export type Search =
  | { readonly position: number; readonly data: Json }
  | { readonly position: undefined; readonly through: number };

/**
 * Looks in the log for the first event that a saga waits for and has not found before. The log is the buffer: what was appended before
 * the saga waited, or was there, is found in it, and no event can be lost on the way.
 */
export async function findAwaited(
  environment: Environment,
  saga: Saga,
  state: SagaState,
  { step, wait }: CurrentAttempt,
  after: number,
): Promise<Search> {
  const leaf = leafOf(saga.graph, step) as SagaWait;
  const { event, by } = wait as Required<Wait>;
  const { name, occurrence } = partsOfKey(step);
  const recordedFrom = Math.max(0, state.startedAt - leaf.bufferMs);
  const filter = { types: [event], ...correlationFilter(by), recordedFrom };
  for (let from = after; ; ) {
    const page = await environment.events.readLog({ after: from, limit: PAGE, filter });
    for (const found of page.events) {
      if (state.received.includes(found.position) || !correlationsOf(found).includes(by)) continue;
      if (leaf.where !== undefined && !leaf.where(found, scopeAt(saga.graph, state, name, occurrence))) continue;
      return { position: found.position, data: jsonValue(environment.events.toJson(found).data) };
    }
    if (page.through <= from) return { position: undefined, through: page.through };
    from = page.through;
  }
}
