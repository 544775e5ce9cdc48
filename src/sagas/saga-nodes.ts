import { type Backoff, checkBackoff, checkedName, type Duration, MillraceError, milliseconds } from '../core/index.ts';
import type { AnyEvent } from '../store/index.ts';
import type { Saga } from './saga-definition.ts';
import {
  bodiesOf,
  isLeaf,
  type PlanScope,
  type SagaForEach,
  type SagaLoop,
  type SagaNode,
  type SagaSleep,
  type SagaStep,
  type SagaWait,
} from './saga-graph.ts';
import { tryAgain } from './step-error.ts';
import type { ForEachOptions, LoopOptions, StepOptions, UntilOptions, WaitOptions } from './step-options.ts';

const RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 3, base: '1s' };
const COMPENSATE_RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 5, base: '1s', cap: '1m' };
const BUFFER_DEFAULT = '1h';
const CONCURRENCY_DEFAULT = 16;

type Untyped<Options> = Omit<Options, 'run' | 'compensate' | 'probe'> & {
  readonly run: SagaStep['run'];
  readonly compensate?: 'none-needed' | NonNullable<SagaStep['compensate']>;
  readonly probe?: SagaStep['probe'];
};
type AnyStepOptions = Untyped<StepOptions<unknown, unknown, unknown, unknown, unknown>>;

/** Which kind of step is made. */
interface StepKind {
  readonly does: SagaStep['does'];
  readonly isCommitted: boolean;
  readonly isPivot?: boolean;
  readonly isUntil?: boolean;
}

/** A step from what the builder was given, checked. */
export function stepNode(type: string, name: string, given: unknown, kind: StepKind): SagaStep {
  const { does, isCommitted, isPivot = false } = kind;
  const options = kind.isUntil === true ? polling(given, `Step ${name} of saga ${type}`) : (given as AnyStepOptions);
  const where = `Step ${checkedStepName(type, name)} of saga ${type}`;
  const { retry = RETRY_DEFAULT, compensateRetry = COMPENSATE_RETRY_DEFAULT, timeout, compensate } = options;
  checkBackoff(retry, `${where}: retry`);
  checkBackoff(compensateRetry, `${where}: compensateRetry`);
  if (compensate === undefined && !isCommitted && !isPivot) {
    throw invalid(type, `has no undo for step ${name}; say compensate, or 'none-needed'`);
  }
  if (typeof compensate === 'function' && (isCommitted || isPivot)) {
    throw invalid(
      type,
      `has an undo for step ${name}, which is not undone: the saga does not turn back from its pivot on`,
    );
  }
  return {
    ...{ kind: 'step', name, does, isCommitted, isPivot, retry, compensateRetry },
    description: options.description ?? '',
    timeoutMs: timeout === undefined ? undefined : milliseconds(timeout, `${where}: timeout`),
    run: options.run,
    compensate: typeof compensate === 'function' ? compensate : undefined,
    undoName: options.undoName ?? `Undo ${name}`,
    onUnknown: options.onUnknown ?? 'compensate',
    probe: options.probe,
  };
}

/** A step that looks for a condition, and is tried again until that holds. */
function polling(given: unknown, where: string): AnyStepOptions {
  const { condition, every, timeout, description } = given as UntilOptions<unknown, unknown, object, unknown>;
  const base = Math.max(1, milliseconds(every, `${where}: every`));
  const attempts = Math.max(1, Math.floor(milliseconds(timeout, `${where}: timeout`) / base) + 1);
  return {
    ...(description === undefined ? {} : { description }),
    retry: { kind: 'fixed', attempts, base },
    run: async scope => {
      if (await condition(scope as Parameters<typeof condition>[0])) return null;
      throw tryAgain('The condition does not hold yet.');
    },
    compensate: 'none-needed',
  };
}

/** A pause from what the builder was given. */
export function sleepNode(type: string, name: string, given: unknown): SagaSleep {
  const what = `The length of ${checkedStepName(type, name)} of saga ${type}`;
  const node = { kind: 'sleep', name, description: '' } as const;
  if (typeof given === 'object' && given !== null) {
    const { until } = given as { until: (scope: PlanScope) => number };
    return { ...node, until: scope => until(scope) };
  }
  if (typeof given !== 'function') {
    const ms = milliseconds(given as Duration, what);
    return { ...node, until: (_, now) => now + ms };
  }
  return { ...node, until: (scope, now) => now + milliseconds(given(scope) as Duration, what) };
}

/** A wait for an event from what the builder was given. */
export function waitNode(type: string, name: string, given: unknown): SagaWait {
  const where = `${checkedStepName(type, name)} of saga ${type}`;
  const options = given as WaitOptions<AnyEvent, unknown, object, unknown>;
  return {
    ...{ kind: 'wait', name, event: options.event, correlate: options.correlate as SagaWait['correlate'] },
    description: options.description ?? '',
    where: options.where as SagaWait['where'],
    timeoutMs: options.timeout === undefined ? undefined : milliseconds(options.timeout, `The timeout of ${where}`),
    onTimeout: options.onTimeout ?? 'compensate',
    bufferMs: milliseconds(options.buffer ?? BUFFER_DEFAULT, `The buffer of ${where}`),
  };
}

/** Steps for each of some items from what the builder was given. */
export function forEachNode(type: string, name: string, given: unknown, body: readonly SagaNode[]): SagaForEach {
  const options = given as ForEachOptions<unknown, object, unknown, unknown>;
  const { concurrency = CONCURRENCY_DEFAULT } = options;
  checkedStepName(type, name);
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw invalid(type, `makes ${name} for ${concurrency} items at once; that must be a whole number from 1`);
  }
  return {
    ...{ kind: 'forEach', name, concurrency, body },
    items: options.items as SagaForEach['items'],
    key: options.key as SagaForEach['key'],
  };
}

/** Steps that are repeated from what the builder was given. */
export function loopNode(type: string, name: string, given: unknown, body: readonly SagaNode[]): SagaLoop {
  const { until, max } = given as LoopOptions<unknown, object, unknown, unknown>;
  checkedStepName(type, name);
  if (!Number.isSafeInteger(max) || max < 1) {
    throw invalid(type, `repeats ${name} ${max} times at most; that must be a whole number from 1`);
  }
  return { kind: 'loop', name, until: until as SagaLoop['until'], max, body };
}

/** The saga, when its definition holds together. Throws `INVALID_DEFINITION` with the reason. */
export function withChecked(saga: Saga): Saga {
  if (saga.graph.nodes.length === 0) throw invalid(saga.type, 'has no steps');
  const names = new Set<string>();
  const visit = (nodes: readonly SagaNode[], within: string): void => {
    if (nodes.length === 0) throw invalid(saga.type, `has nothing to do in ${within}`);
    for (const node of nodes) {
      if (node.kind !== 'parallel' && names.has(node.name))
        throw invalid(saga.type, `has two steps called ${node.name}`);
      if (node.kind !== 'parallel') names.add(node.name);
      if (isLeaf(node)) continue;
      for (const body of bodiesOf(node)) visit(body, node.kind === 'parallel' ? 'a branch of a parallel' : node.name);
      if (node.kind === 'parallel' && node.branches.length === 0)
        throw invalid(saga.type, 'has a parallel without branches');
    }
  };
  visit(saga.graph.nodes, 'it');
  return saga;
}

/** The error of a definition that does not hold together. */
export function invalid(type: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Saga ${type} ${what}.`, { details: { saga: type } });
}

function checkedStepName(type: string, name: string): string {
  checkedName(name, `The name of a step of saga ${type}`);
  if (/[[\]]/.test(name))
    throw invalid(type, `has a bracket in the name of step ${name}; brackets hold what it is made for`);
  return name;
}
