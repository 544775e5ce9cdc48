import type { RecordedEvent } from '../store/index.ts';
import type { Clause } from './operators/operator.ts';
import type { ObjectNode, PatternNode } from './parse-pattern.ts';
import type { Leaf } from './pattern.ts';
import { isObject } from './unchecked-value.ts';

/** What a pattern looks at. */
export type PatternSubject = Pick<RecordedEvent, 'type' | 'data' | 'metadata'>;

/** Tests the value at one place of an event; the whole event says whether a field is absent. */
type Test = (value: unknown, event: PatternSubject) => boolean;

/**
 * Makes one predicate of a checked pattern. It walks the event along the pattern, so that its cost depends on the fields that
 * the pattern names and on the arrays along the way, not on the size of the event.
 */
export function compilePattern(pattern: ObjectNode): (event: PatternSubject) => boolean {
  const test = compileNode(pattern, []);
  return event => test(event, event);
}

function compileNode(node: PatternNode, path: readonly string[]): Test {
  if (node.kind === 'field') return compileField(node.clauses, path);
  const fields = node.fields.map(([name, child]) => ({ name, test: compileNode(child, [...path, name]) }));
  const matchesObject: Test = (value, event) => fields.every(({ name, test }) => test(memberOf(value, name), event));
  // One element has to match all fields: two fields must not match in different elements of the same array.
  return (value, event) =>
    Array.isArray(value)
      ? someElement(value, element => matchesObject(element, event)) ||
        (isBare(value) && matchesObject(undefined, event))
      : matchesObject(value, event);
}

function compileField(clauses: readonly Clause[], path: readonly string[]): Test {
  const acceptsAbsence = clauses.some(clause => clause.acceptsAbsence === true);
  const matchesLeaf = (leaf: unknown): boolean =>
    isLeafValue(leaf) && clauses.some(clause => clause.matches(leaf as Leaf));
  return (value, event) => {
    if (Array.isArray(value) ? someElement(value, matchesLeaf) : matchesLeaf(value)) return true;
    // Absent means nowhere in the event: another element of an array on the way may hold the field.
    return acceptsAbsence && !holdsLeaf(event, path, 0);
  };
}

/** Whether there is a leaf at a path, in whatever elements of arrays on the way. */
function holdsLeaf(value: unknown, path: readonly string[], depth: number): boolean {
  if (Array.isArray(value)) return someElement(value, element => holdsLeaf(element, path, depth));
  const name = path[depth];
  if (name === undefined) return isLeafValue(value);
  return holdsLeaf(memberOf(value, name), path, depth + 1);
}

/** A member of the event's own; what objects inherit is never data. */
function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isLeafValue(value: unknown): boolean {
  return value !== undefined && (typeof value !== 'object' || value === null);
}

/** Whether a predicate holds for some element of an array, elements of arrays within it included. */
function someElement(array: readonly unknown[], predicate: (element: unknown) => boolean): boolean {
  // A stack of its own, because events may nest arrays deeper than calls can.
  const waiting: unknown[] = [array];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Array.isArray(value)) for (const element of value) waiting.push(element);
    else if (predicate(value)) return true;
  }
  return false;
}

/** Whether an array has no elements at all, not even within arrays within it. */
function isBare(array: readonly unknown[]): boolean {
  return !someElement(array, () => true);
}
