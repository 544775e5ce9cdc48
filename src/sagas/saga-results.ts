import type { Json } from '../core/index.ts';
import {
  isLeaf,
  isRepeating,
  type PlanScope,
  type Repeating,
  type SagaGraph,
  type SagaNode,
  stepKey,
} from './saga-graph.ts';

/** What results are read from: what is on record, by the keys of the steps. */
export interface OnRecord {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly decided: Readonly<Record<string, Json>>;
}

/** An item of a `forEach`, as it was decided. */
export interface DecidedItem {
  readonly key: string;
  readonly item: Json;
}

/**
 * What a part of a saga sees: the results before it, those of its own occurrence under the names of their steps, and those of a
 * whole `forEach` or `loop` under its name. The item is that of the innermost `forEach` around it.
 */
export function scopeAt(
  graph: SagaGraph,
  onRecord: OnRecord,
  name: string | undefined,
  occurrence: readonly string[],
): PlanScope {
  const { input, results } = onRecord;
  if (graph.isLinear) return { input, results, item: undefined };
  const seen: Record<string, unknown> = {};
  collect(graph.nodes, onRecord, [], seen);
  let item: unknown;
  const around = name === undefined ? [] : (graph.enclosing.get(name) ?? []);
  for (const [depth, node] of around.entries()) {
    const path = occurrence.slice(0, depth + 1);
    collect(node.body, onRecord, path, seen);
    if (node.kind === 'forEach')
      item = itemsOf(node, onRecord, path.slice(0, -1)).find(({ key }) => key === path.at(-1))?.item;
  }
  return { input, results: seen, item };
}

/** The results of all steps of a body in one occurrence, by their names. */
export function bodyResults(
  body: readonly SagaNode[],
  onRecord: OnRecord,
  path: readonly string[],
): Record<string, unknown> {
  const seen: Record<string, unknown> = {};
  collect(body, onRecord, path, seen);
  return seen;
}

/** Where it is on record whether a loop ended with a round. */
export function roundKey(name: string, path: readonly string[], round: number): string {
  return stepKey(name, [...path, String(round)]);
}

function collect(
  nodes: readonly SagaNode[],
  onRecord: OnRecord,
  path: readonly string[],
  seen: Record<string, unknown>,
): void {
  for (const node of nodes) {
    if (isRepeating(node)) {
      seen[node.name] = resultsOfAll(node, onRecord, path);
    } else if (isLeaf(node)) {
      const key = stepKey(node.name, path);
      if (Object.hasOwn(onRecord.results, key)) seen[node.name] = onRecord.results[key];
    } else if (node.kind === 'when') {
      collect(node.body, onRecord, path, seen);
    } else {
      for (const branch of node.branches) collect(branch, onRecord, path, seen);
    }
  }
}

/** The results of all occurrences: of a `forEach` by the keys of its items, of a `loop` those of its rounds that ended. */
function resultsOfAll(node: Repeating, onRecord: OnRecord, path: readonly string[]): unknown {
  if (node.kind === 'forEach') {
    const all = itemsOf(node, onRecord, path).map(({ key }) => [key, bodyResults(node.body, onRecord, [...path, key])]);
    return Object.fromEntries(all);
  }
  const rounds: Record<string, unknown>[] = [];
  while (Object.hasOwn(onRecord.decided, roundKey(node.name, path, rounds.length))) {
    rounds.push(bodyResults(node.body, onRecord, [...path, String(rounds.length)]));
  }
  return rounds;
}

function itemsOf({ name }: Repeating, { decided }: OnRecord, path: readonly string[]): readonly DecidedItem[] {
  return (decided[stepKey(name, path)] ?? []) as unknown as readonly DecidedItem[];
}
