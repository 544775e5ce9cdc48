import { compilePattern } from './compile-pattern.ts';
import { EventAtHand } from './event-at-hand.ts';
import { leavesAt, type PatternSubject } from './event-fields.ts';
import type { Leaf } from './pattern.ts';
import { type ClauseGroup, merged, type PatternNode, within } from './pattern-node.ts';

/** The first part of a pattern that an event does not match. */
export interface FailedClause {
  /** JSON pointer to the alternatives, from the root of the route's definition. */
  readonly pointer: string;
  /** The field of the event that they look at. */
  readonly field: string;
  /** The alternatives, of which none holds. */
  readonly expected: readonly unknown[];
  /** What the event holds there: the first ten values, in whatever elements of arrays. */
  readonly found: readonly Leaf[];
  /** What is wrong, as a sentence. */
  readonly reason: string;
}

interface Condition {
  readonly path: readonly string[];
  readonly group: ClauseGroup;
}

const FOUND_MAX = 10;

/**
 * Why an event does not match a checked pattern, by the first of its conditions that fails, in the order in which they are
 * written; undefined when it matches. Of the patterns that `$or` lists, the one that comes furthest is explained.
 */
export function explainPattern(variants: readonly PatternNode[], event: PatternSubject): FailedClause | undefined {
  let furthest: { passed: number; failed: FailedClause } | undefined;
  for (const variant of variants) {
    const conditions = conditionsOf(variant, []);
    const passed = passedBy(conditions, event);
    const condition = conditions[passed];
    if (condition === undefined) return undefined;
    if (furthest === undefined || passed > furthest.passed) furthest = { passed, failed: failureOf(condition, event) };
  }
  return furthest?.failed;
}

function conditionsOf({ groups, fields }: PatternNode, path: readonly string[]): Condition[] {
  const own = groups.map(group => ({ path, group }));
  return [...own, ...[...fields].flatMap(([name, node]) => conditionsOf(node, [...path, name]))];
}

/** How many conditions hold together, counted from the first: those that fail for the first time are the next one's fault. */
function passedBy(conditions: readonly Condition[], event: PatternSubject): number {
  let node: PatternNode = { groups: [], fields: new Map() };
  for (const [index, condition] of conditions.entries()) {
    node = merged(node, alone(condition));
    if (!compilePattern([node])(new EventAtHand(event))) return index;
  }
  return conditions.length;
}

function alone({ path, group }: Condition): PatternNode {
  return within(path, { groups: [group], fields: new Map() });
}

function failureOf(condition: Condition, event: PatternSubject): FailedClause {
  const { path, group } = condition;
  const leaves = leavesAt(event, path);
  const field = path.join('.');
  const reason = compilePattern([alone(condition)])(new EventAtHand(event))
    ? `${field} matches by itself, but not in the same element of an array as the fields before it.`
    : leaves.length === 0
      ? `The event holds no value at ${field}.`
      : `No value at ${field} meets any of the alternatives.`;
  const expected = group.clauses.map(({ operator, operand }) =>
    operator === 'exact' ? operand : { [operator]: operand },
  );
  return { pointer: group.place.pointer, field, expected, found: leaves.slice(0, FOUND_MAX), reason };
}
