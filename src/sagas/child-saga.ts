import type { Backoff } from '../core/index.ts';
import type { Saga } from './saga-definition.ts';
import { type SagaEventType, sagaStream } from './saga-events.ts';
import type { PlanScope, SagaNode, SagaWait } from './saga-graph.ts';
import { invalid, stepNode } from './saga-nodes.ts';
import type { StepArguments, UndoArguments } from './step-context.ts';
import { tryAgain } from './step-error.ts';

/** The events after which a child does nothing more, and no person can make it. */
const ENDS: readonly SagaEventType[] = ['SagaCompleted', 'SagaCompensated', 'SagaFailed', 'SagaForced'];
/** How often an undo looks whether a child that it turned back has ended. */
const LOOK: Backoff = { kind: 'exponential', attempts: Number.POSITIVE_INFINITY, base: '1s', cap: '1h' };

/** A child as the builder was given it, its types checked and gone. */
interface AnyChild {
  readonly saga: Saga;
  readonly id?: (scope: PlanScope) => string;
  readonly input: (scope: PlanScope) => unknown;
  readonly compensate: 'none-needed' | ((scope: UndoArguments) => Promise<unknown>);
  readonly description?: string;
}

/**
 * A saga that another one starts and waits for: a step that starts it, whose undo takes back whatever the child has come to, and a wait for
 * its end. One that does not complete turns the parent back.
 */
export function childNodes(type: string, name: string, given: unknown, isCommitted: boolean): readonly SagaNode[] {
  const { saga, id, input, compensate, description = '' } = given as AnyChild;
  if (compensate === undefined && !isCommitted)
    throw invalid(type, `has no undo for ${name}; say compensate, or 'none-needed'`);
  const start = `start ${name}`;
  const idIn = (scope: PlanScope, own: string): string => id?.(scope) ?? own;
  const ownId = ({ context }: StepArguments): string => `${context.sagaId}.${[name, ...context.occurrence].join('.')}`;
  const childOf = (scope: StepArguments): string => idIn(scope, ownId(scope));
  const step = {
    run: async (scope: StepArguments) => {
      const child = childOf(scope);
      await scope.children.begin(saga, child, input(scope), scope.context);
      return { type: saga.type, id: child };
    },
    compensate: async (scope: UndoArguments) => {
      const child = childOf(scope);
      const state = await scope.children.state(saga, child);
      if (state === undefined) return;
      if (state.status === 'COMPLETED') {
        if (typeof compensate !== 'function') return;
        return void (await compensate({ ...scope, outcome: 'completed', result: state.results }));
      }
      if (state.endedAt !== null) return;
      await scope.children.cancel(saga, child, `${type} ${scope.context.sagaId} turned back`);
      throw tryAgain(`Saga ${saga.type} ${child} has not ended yet.`);
    },
    undoName: `Undo ${name}`,
    compensateRetry: LOOK,
  };
  const { compensate: _, ...forward } = step;
  const wait: SagaWait = {
    ...{ kind: 'wait', name, description, types: ENDS, event: undefined, child: saga.type, where: undefined },
    ...{ timeoutMs: undefined, onTimeout: 'compensate', bufferMs: Number.MAX_SAFE_INTEGER },
    correlate: ({ results }) => {
      const started = results[start] as { readonly type: string; readonly id: string };
      return { stream: sagaStream(started.type, started.id) };
    },
  };
  return [stepNode(type, start, isCommitted ? forward : step, { does: 'run', isCommitted }), wait];
}
