import { isMillraceError, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { Saga } from './saga-definition.ts';
import { sagaStream } from './saga-events.ts';
import { childTypes } from './saga-graph.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { prepareOperation } from './saga-operation.ts';
import { prepareStart } from './saga-start.ts';
import type { ChildSagas } from './step-context.ts';

/** What the steps of sagas can do with the sagas that they start. */
export function childSagas(environment: Environment): ChildSagas {
  const { storage } = environment;
  const stateOf = async ({ type }: Saga, id: string) =>
    foldHistory(await loadHistory(environment, sagaStream(type, id)));
  return {
    state: stateOf,
    async begin(saga: Saga, id, input, { correlationId }) {
      const cause = { correlationId, causationId: correlationId };
      // Whoever claims it makes its first attempt: this process need not.
      const start = await prepareStart(environment, saga, { id, input }, cause, 'later');
      try {
        await storage.commit({ appends: [start.append], documents: [start.document], work: [start.work] });
      } catch (thrown) {
        // It was started before, by a try of which nobody knew how it ended.
        if (!isMillraceError(thrown, 'REVISION_CONFLICT')) throw thrown;
      }
    },
    async cancel(saga: Saga, id, reason) {
      const state = await stateOf(saga, id);
      if (state === undefined) return;
      try {
        await storage.commit(prepareOperation(environment, { saga, state }, { kind: 'cancel' }, { reason }));
      } catch (thrown) {
        // It turned back by itself, ended, is past its pivot, or has moved: it is looked at again.
        if (!isMillraceError(thrown, 'SAGA_STATE_CONFLICT', 'REVISION_CONFLICT')) throw thrown;
      }
    },
  };
}

/** Throws `INVALID_DEFINITION` when a saga starts one that is not defined. */
export function checkChildren(sagas: readonly Saga[], defined: ReadonlyMap<string, unknown>): void {
  for (const { type, graph } of sagas) {
    const child = childTypes(graph).find(each => !defined.has(each));
    if (child === undefined) continue;
    throw new MillraceError(
      'INVALID_DEFINITION',
      `Saga ${type} starts saga ${child}, which is not defined. Add it to defineApp.`,
      { details: { saga: type, child } },
    );
  }
}
