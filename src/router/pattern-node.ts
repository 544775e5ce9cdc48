import type { Clause } from './operators/operator.ts';
import type { Place } from './place.ts';

/** Alternatives that stand in one list, of which one must hold, and where they stand. */
export interface ClauseGroup {
  readonly place: Place;
  readonly clauses: readonly Clause[];
}

/**
 * What a checked pattern says of one place of an event: one value there must meet every group, and its fields must match. It
 * has no `$or` any more.
 */
export interface PatternNode {
  readonly groups: readonly ClauseGroup[];
  readonly fields: ReadonlyMap<string, PatternNode>;
}

/** What matches both nodes, and nothing else. */
export function merged(one: PatternNode, other: PatternNode): PatternNode {
  const fields = new Map(one.fields);
  for (const [name, node] of other.fields) {
    const own = fields.get(name);
    fields.set(name, own === undefined ? node : merged(own, node));
  }
  return { groups: [...one.groups, ...other.groups], fields };
}

/** A node for a place from which a path leads to another one. */
export function within(path: readonly string[], node: PatternNode): PatternNode {
  return path.reduceRight<PatternNode>((child, name) => ({ groups: [], fields: new Map([[name, child]]) }), node);
}
