import { type Json, MillraceError } from '../core/index.ts';
import { correlationText } from './correlation.ts';
import type { Begun } from './saga-events.ts';
import {
  isLeaf,
  type PlanScope,
  type SagaForEach,
  type SagaGraph,
  type SagaLeaf,
  type SagaLoop,
  type SagaNode,
  type SagaWhen,
  stepKey,
} from './saga-graph.ts';
import { jsonValue } from './saga-instance.ts';
import { bodyResults, type DecidedItem, type OnRecord, roundKey, scopeAt } from './saga-results.ts';
import { declined } from './step-error.ts';

const NOTHING_DECIDED = {};

/** What a saga can do next going forward. */
export interface Plan {
  /** What can begin now, beside what is open already. */
  readonly begin: readonly Begun[];
  /** What had to be decided to know that. */
  readonly decided: Readonly<Record<string, Json>>;
  /** Whether everything is done. */
  readonly isComplete: boolean;
}

/** What a plan rests on. */
export interface Situation extends OnRecord {
  /** The keys of the steps that are at work or waited for. */
  readonly open: ReadonlySet<string>;
  readonly now: number;
}

/**
 * Finds out what comes next: walks the graph past everything that is done, and decides what has not been decided yet. Throws what a
 * condition, a list of items or a correlation throws, and `declined` when a loop does not end within its bound.
 */
export function planOf(graph: SagaGraph, situation: Situation): Plan {
  if (graph.isLinear) return nextOf(graph, situation);
  const walk = new Walk(graph, situation);
  const isComplete = walk.sequence(graph.nodes, []);
  return { begin: walk.begin, decided: walk.decided, isComplete };
}

/** Of a saga that is nothing but steps, the first one that is not done. */
function nextOf({ nodes }: SagaGraph, { results, open }: Situation): Plan {
  const next = nodes.find(node => isLeaf(node) && !Object.hasOwn(results, node.name)) as SagaLeaf | undefined;
  const begin = next === undefined || open.has(next.name) ? [] : [{ step: next.name, undo: false, attempt: 1 }];
  return { begin, decided: NOTHING_DECIDED, isComplete: next === undefined };
}

/** Goes through a graph and notes what can begin, and what had to be decided on the way. */
class Walk {
  readonly begin: Begun[] = [];
  readonly decided: Record<string, Json> = {};
  readonly #graph: SagaGraph;
  readonly #situation: Situation;

  constructor(graph: SagaGraph, situation: Situation) {
    this.#graph = graph;
    this.#situation = situation;
  }

  /** Whether all of a sequence is done; what can begin in it now is noted. */
  sequence(nodes: readonly SagaNode[], path: readonly string[]): boolean {
    return nodes.every(node => this.#node(node, path));
  }

  #node(node: SagaNode, path: readonly string[]): boolean {
    if (isLeaf(node)) return this.#leaf(node, path);
    switch (node.kind) {
      case 'when':
        return !this.#holds(node, path) || this.sequence(node.body, path);
      case 'parallel':
        // Each of them is looked at, also when one before it is not done.
        return node.branches.map(branch => this.sequence(branch, path)).every(isDone => isDone);
      case 'forEach':
        return this.#forEach(node, path);
      case 'loop':
        return this.#loop(node, path);
    }
  }

  #leaf(leaf: SagaLeaf, path: readonly string[]): boolean {
    const step = stepKey(leaf.name, path);
    if (Object.hasOwn(this.#situation.results, step)) return true;
    if (!this.#situation.open.has(step)) this.begin.push(this.#begun(leaf, step, path));
    return false;
  }

  #begun(leaf: SagaLeaf, step: string, path: readonly string[]): Begun {
    const begun = { step, undo: false, attempt: 1 };
    const { now } = this.#situation;
    if (leaf.kind === 'step') return begun;
    const scope = this.#scope(leaf.name, path);
    if (leaf.kind === 'sleep')
      return { ...begun, wait: { since: now, until: checkedTime(leaf.until(scope, now), step) } };
    const until = leaf.timeoutMs === undefined ? null : now + leaf.timeoutMs;
    const by = correlationText(leaf.correlate(scope));
    return { ...begun, wait: { since: now, until, event: leaf.event.type, by } };
  }

  #holds({ name, condition }: SagaWhen, path: readonly string[]): boolean {
    return this.#decide(stepKey(name, path), () => condition(this.#scope(name, path)) === true);
  }

  #forEach(node: SagaForEach, path: readonly string[]): boolean {
    const items = this.#decide<readonly DecidedItem[]>(stepKey(node.name, path), () =>
      decidedItems(node, this.#scope(node.name, path)),
    );
    let unfinished = 0;
    for (const { key } of items) {
      if (!this.sequence(node.body, [...path, key])) unfinished++;
      if (unfinished >= node.concurrency) return false;
    }
    return unfinished === 0;
  }

  #loop(node: SagaLoop, path: readonly string[]): boolean {
    for (let round = 0; round < node.max; round++) {
      const inside = [...path, String(round)];
      if (!this.sequence(node.body, inside)) return false;
      const isOver = this.#decide(roundKey(node.name, path, round), () => {
        const scope = this.#scope(node.name, path);
        return node.until({ ...scope, last: bodyResults(node.body, this.#situation, inside), round }) === true;
      });
      if (isOver) return true;
    }
    throw declined(`Loop ${stepKey(node.name, path)} did not end within ${node.max} rounds.`);
  }

  #decide<T>(key: string, decide: () => T): T {
    const known = this.#situation.decided[key] ?? this.decided[key];
    if (known !== undefined) return known as unknown as T;
    const decision = decide();
    this.decided[key] = decision as unknown as Json;
    return decision;
  }

  #scope(name: string, path: readonly string[]): PlanScope {
    const decided = { ...this.#situation.decided, ...this.decided };
    return scopeAt(this.#graph, { ...this.#situation, decided }, name, path);
  }
}

function decidedItems({ name, items, key }: SagaForEach, scope: PlanScope): readonly DecidedItem[] {
  const found = new Map<string, DecidedItem>();
  for (const item of items(scope)) {
    const itemKey = key(item);
    if (typeof itemKey !== 'string' || itemKey === '' || /[[\]]/.test(itemKey) || found.has(itemKey)) {
      throw new MillraceError(
        'INVALID_DEFINITION',
        `An item of ${name} has the key ${JSON.stringify(itemKey)}. Each needs a text of its own, without brackets: its steps are known by it.`,
        { details: { step: name, key: itemKey } },
      );
    }
    found.set(itemKey, { key: itemKey, item: jsonValue(item) });
  }
  return [...found.values()];
}

function checkedTime(time: number, step: string): number {
  if (Number.isFinite(time)) return Math.round(time);
  throw new MillraceError('INVALID_DEFINITION', `The end of ${step} is ${time}, which is no time.`, {
    details: { step },
  });
}
