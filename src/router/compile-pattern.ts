import { isLeafValue, leavesAt, memberOf, type PatternSubject, someElement } from './event-fields.ts';
import type { FieldsAt } from './operators/operator.ts';
import type { Leaf } from './pattern.ts';
import type { ClauseGroup, PatternNode } from './pattern-node.ts';

/** Tests the value at one place of an event; the whole event says what else it holds. */
type Test = (value: unknown, event: EventAtHand) => boolean;

/**
 * Makes one predicate of a checked pattern. It walks the event along the pattern, so that its cost depends on the fields that
 * the pattern names and on the arrays along the way, not on the size of the event.
 */
export function compilePattern(variants: readonly PatternNode[]): (event: PatternSubject) => boolean {
  const tests = variants.map(variant => compileNode(variant, []));
  return event => {
    const atHand = new EventAtHand(event);
    return tests.some(test => test(event, atHand));
  };
}

/** An event that is being tested. Leaves that are looked for from its root are looked for once. */
class EventAtHand {
  readonly #event: PatternSubject;
  readonly #known = new Map<readonly string[], readonly Leaf[]>();

  constructor(event: PatternSubject) {
    this.#event = event;
  }

  readonly fieldsAt: FieldsAt = path => {
    let leaves = this.#known.get(path);
    if (leaves === undefined) {
      leaves = leavesAt(this.#event, path);
      this.#known.set(path, leaves);
    }
    return leaves;
  };
}

function compileNode(node: PatternNode, path: readonly string[]): Test {
  const fields = [...node.fields].map(([name, child]) => ({ name, test: compileNode(child, [...path, name]) }));
  const matchesFields: Test = (value, event) => {
    // A loop, because this is run for every candidate of every event.
    for (const { name, test } of fields) if (!test(memberOf(value, name), event)) return false;
    return true;
  };
  const [group] = node.groups;
  const matchesLeaf = group === undefined ? undefined : compileGroups(node.groups, path);
  const matchesOne: Test =
    matchesLeaf === undefined
      ? matchesFields
      : (value, event) => matchesLeaf(value, event) && (fields.length === 0 || matchesFields(value, event));
  // One element has to match all fields: two fields must not match in different elements of the same array.
  return (value, event) =>
    Array.isArray(value)
      ? someElement(value, element => matchesOne(element, event)) || (isBare(value) && matchesOne(undefined, event))
      : matchesOne(value, event);
}

function compileGroups(groups: readonly ClauseGroup[], path: readonly string[]): Test {
  const acceptsAbsence = groups.every(({ clauses }) => clauses.some(clause => clause.acceptsAbsence === true));
  const lists = groups.map(({ clauses }) => clauses);
  return (value, event) => {
    if (isLeafValue(value)) {
      if (lists.every(clauses => clauses.some(clause => clause.matches(value, event.fieldsAt)))) return true;
    }
    // Absent means nowhere in the event: another element of an array on the way may hold the field.
    return acceptsAbsence && event.fieldsAt(path).length === 0;
  };
}

/** Whether an array has no elements at all, not even within arrays within it. */
function isBare(array: readonly unknown[]): boolean {
  return !someElement(array, () => true);
}
