import { type Backoff, MillraceError } from '../core/index.ts';
import type { AnyEvent, RecordedEvent } from '../store/index.ts';
import type { Correlation } from './correlation.ts';
import type { StepArguments, UndoArguments } from './step-context.ts';

/** What conditions, lengths of time and correlations are computed from: what is on record, and nothing else. */
export interface PlanScope {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly item: unknown;
}

/** A step as the engine runs it, its types checked by the builder and gone. */
export interface SagaStep {
  readonly kind: 'step';
  readonly name: string;
  readonly description: string;
  /** `transact`: what it answers holds events and commands, which are committed with its result. */
  readonly does: 'run' | 'transact';
  /** The step after which the saga does not turn back any more. */
  readonly isPivot: boolean;
  /** Whether it comes after the pivot. */
  readonly isCommitted: boolean;
  /** How long one attempt may take, in milliseconds; undefined for as long as the saga lasts. */
  readonly timeoutMs: number | undefined;
  readonly retry: Backoff;
  readonly run: (attempt: StepArguments) => Promise<unknown>;
  /** Undefined when the step needs no undo. */
  readonly compensate: ((attempt: UndoArguments) => Promise<unknown>) | undefined;
  readonly compensateRetry: Backoff;
  /** What its undo is called. */
  readonly undoName: string;
  /** What to do when its tries are used up and nobody knows whether it had an effect. */
  readonly onUnknown: 'compensate' | 'park';
  /** Asks the participant what became of it, before `onUnknown` counts. */
  readonly probe: ((attempt: StepArguments) => Promise<unknown>) | undefined;
}

/** A pause that survives restarts. */
export interface SagaSleep {
  readonly kind: 'sleep';
  readonly name: string;
  readonly description: string;
  /** When it is over, in milliseconds since 1970 UTC. */
  readonly until: (scope: PlanScope, now: number) => number;
}

/** A wait for an event of the log. */
export interface SagaWait {
  readonly kind: 'wait';
  readonly name: string;
  readonly description: string;
  readonly event: AnyEvent;
  readonly correlate: (scope: PlanScope) => Correlation;
  readonly where: ((event: RecordedEvent, scope: PlanScope) => boolean) | undefined;
  readonly timeoutMs: number | undefined;
  readonly onTimeout: 'compensate' | 'continue';
  /** How long before the start of the saga the event may have been recorded, in milliseconds. */
  readonly bufferMs: number;
}

/** Steps that are made only under a condition. */
export interface SagaWhen {
  readonly kind: 'when';
  readonly name: string;
  readonly condition: (scope: PlanScope) => boolean;
  readonly body: readonly SagaNode[];
}

/** Sequences of steps beside one another. */
export interface SagaParallel {
  readonly kind: 'parallel';
  readonly branches: readonly (readonly SagaNode[])[];
}

/** The same steps for each of some items. */
export interface SagaForEach {
  readonly kind: 'forEach';
  readonly name: string;
  readonly items: (scope: PlanScope) => readonly unknown[];
  readonly key: (item: unknown) => string;
  readonly concurrency: number;
  readonly body: readonly SagaNode[];
}

/** The same steps again and again, a bounded number of times. */
export interface SagaLoop {
  readonly kind: 'loop';
  readonly name: string;
  readonly until: (scope: PlanScope & { readonly last: unknown; readonly round: number }) => boolean;
  readonly max: number;
  readonly body: readonly SagaNode[];
}

/** What makes the same steps several times. */
export type Repeating = SagaForEach | SagaLoop;

/** What can be at work, or waited for: what has a result of its own. */
export type SagaLeaf = SagaStep | SagaSleep | SagaWait;

/** One part of a saga; those of a list come one after another. */
export type SagaNode = SagaLeaf | SagaWhen | SagaParallel | SagaForEach | SagaLoop;

/** All that a saga consists of. */
export interface SagaGraph {
  readonly nodes: readonly SagaNode[];
  /** Every leaf by its name, in the order of the definition. */
  readonly leaves: ReadonlyMap<string, SagaLeaf>;
  /** For every part by its name: in which `forEach` and `loop` it is, the outermost first. */
  readonly enclosing: ReadonlyMap<string, readonly Repeating[]>;
  /** The name of the step after which the saga does not turn back any more, if it has one. */
  readonly pivot: string | undefined;
  /** Whether all of it is steps, one after another: nothing has to be decided on the way. */
  readonly isLinear: boolean;
}

/** The graph of some nodes. */
export function graphOf(nodes: readonly SagaNode[]): SagaGraph {
  const leaves = new Map<string, SagaLeaf>();
  const enclosing = new Map<string, readonly Repeating[]>();
  const visit = (list: readonly SagaNode[], around: readonly Repeating[]): void => {
    for (const node of list) {
      if (node.kind !== 'parallel') enclosing.set(node.name, around);
      if (isLeaf(node)) leaves.set(node.name, node);
      else if (isRepeating(node)) visit(node.body, [...around, node]);
      else for (const body of bodiesOf(node)) visit(body, around);
    }
  };
  visit(nodes, []);
  const pivot = nodes.flatMap(node => (node.kind === 'step' && node.isPivot ? [node.name] : []))[0];
  return { nodes, leaves, enclosing, pivot, isLinear: nodes.every(({ kind }) => kind === 'step') };
}

/** Whether a part of a saga holds steps that are made several times. */
export function isRepeating(node: SagaNode): node is Repeating {
  return node.kind === 'forEach' || node.kind === 'loop';
}

/** Whether a part of a saga has a result of its own. */
export function isLeaf(node: SagaNode): node is SagaLeaf {
  return node.kind === 'step' || node.kind === 'sleep' || node.kind === 'wait';
}

/** The sequences that a part of a saga holds. */
export function bodiesOf(node: Exclude<SagaNode, SagaLeaf>): readonly (readonly SagaNode[])[] {
  return node.kind === 'parallel' ? node.branches : [node.body];
}

/** What a step is called in the history: its name, and in brackets the occurrence, as in `ship[line-2]`. */
export function stepKey(name: string, occurrence: readonly string[]): string {
  return occurrence.length === 0 ? name : `${name}[${occurrence.join('][')}]`;
}

/** The name and the occurrence that a step's key says. */
export function partsOfKey(key: string): { readonly name: string; readonly occurrence: readonly string[] } {
  const bracket = key.indexOf('[');
  if (bracket === -1) return { name: key, occurrence: [] };
  return { name: key.slice(0, bracket), occurrence: key.slice(bracket + 1, -1).split('][') };
}

/** The leaf of a key; undefined when the definition has none. */
export function leafOf({ leaves }: SagaGraph, key: string): SagaLeaf | undefined {
  return leaves.get(key) ?? leaves.get(partsOfKey(key).name);
}

/** The step of a key. Throws when the definition has none, which pinned versions rule out. */
export function stepOf(graph: SagaGraph, key: string): SagaStep {
  const leaf = leafOf(graph, key);
  if (leaf?.kind === 'step') return leaf;
  throw new MillraceError('INVALID_DEFINITION', `The saga has no step ${key}, but a running one is at it.`, {
    details: { step: key },
  });
}
