import { isMillraceError, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { Saga } from './saga-definition.ts';
import { sagaStream } from './saga-events.ts';
import { childTypes } from './saga-graph.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import type { ChildSagas } from './step-context.ts';

/** What starts sagas and turns them back. */
interface Engine {
  begin(
    type: string,
    id: string,
    input: unknown,
    cause: { readonly correlationId: string; readonly causationId: string },
  ): Promise<unknown>;
  cancel(type: string, id: string, note: { readonly reason: string }): Promise<unknown>;
}

/** What the steps of sagas can do with the sagas that they start. */
export function childrenOf(engine: Engine, environment: Environment): ChildSagas {
  return {
    state: async ({ type, id }) => foldHistory(await loadHistory(environment, sagaStream(type, id))),
    begin: async ({ type, id }, input, { correlationId }) => {
      await engine.begin(type, id, input, { correlationId, causationId: correlationId });
    },
    cancel: async ({ type, id }, reason) => {
      await engine.cancel(type, id, { reason }).catch(thrown => {
        // It turned back by itself, ended, or is past its pivot: then it goes on to its end.
        if (!isMillraceError(thrown, 'SAGA_STATE_CONFLICT')) throw thrown;
      });
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
