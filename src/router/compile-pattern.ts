import type { EventAtHand } from './event-at-hand.ts';
import { isLeafValue, someElement } from './event-fields.ts';
import type { Leaf } from './pattern.ts';
import type { ClauseGroup, PatternNode } from './pattern-node.ts';

/** Tests the value at one place of an event; the whole event says what else it holds. */
type Test = (value: unknown, event: EventAtHand) => boolean;

/**
 * Makes one predicate of a checked pattern. It walks the event along the pattern, so that its cost depends on the fields that
 * the pattern names and on the arrays along the way, not on the size of the event.
 */
export function compilePattern(variants: readonly PatternNode[]): (event: EventAtHand) => boolean {
  const tests = variants.map(variant => compileNode(variant, []));
  return event => tests.some(test => test(event.event, event));
}

// The tests are loops and no closures within closures, because they are run for every candidate of every event.

function compileNode(node: PatternNode, path: readonly string[]): Test {
  const fields = [...node.fields].map(([name, child]) => ({ name, test: compileNode(child, [...path, name]) }));
  const matchesLeaf = node.groups.length === 0 ? undefined : compileGroups(node.groups, path);
  const matchesOne: Test = (value, event) => {
    if (matchesLeaf !== undefined && !matchesLeaf(value, event)) return false;
    for (const { name, test } of fields) if (!test(event.memberOf(value, name), event)) return false;
    return true;
  };
  // One element has to match all fields: two fields must not match in different elements of the same array.
  return (value, event) =>
    Array.isArray(value)
      ? someElement(value, element => matchesOne(element, event)) || (isBare(value) && matchesOne(undefined, event))
      : matchesOne(value, event);
}

function compileGroups(groups: readonly ClauseGroup[], path: readonly string[]): Test {
  const acceptsAbsence = groups.every(({ clauses }) => clauses.some(clause => clause.acceptsAbsence === true));
  return (value, event) => {
    if (isLeafValue(value) && meetsAll(groups, value, event)) return true;
    // Absent means nowhere in the event: another element of an array on the way may hold the field.
    return acceptsAbsence && event.fieldsAt(path).length === 0;
  };
}

function meetsAll(groups: readonly ClauseGroup[], leaf: Leaf, event: EventAtHand): boolean {
  for (const group of groups) if (!meetsOne(group, leaf, event)) return false;
  return true;
}

function meetsOne({ clauses }: ClauseGroup, leaf: Leaf, event: EventAtHand): boolean {
  for (const clause of clauses) if (clause.matches(leaf, event)) return true;
  return false;
}

/** Whether an array has no elements at all, not even within arrays within it. */
function isBare(array: readonly unknown[]): boolean {
  return !someElement(array, () => true);
}
