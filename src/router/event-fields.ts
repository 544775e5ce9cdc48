import type { Leaf } from './pattern.ts';
import { isObject } from './unchecked-value.ts';

/** What a pattern looks at. */
export interface PatternSubject {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * A member of the event's own; what objects inherit is never data. A name with dots is the same as nested objects: of
 * `{ 'a.b': 1 }` the member `a` is `{ b: 1 }`.
 */
export function memberOf(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  const own = Object.hasOwn(value, name) ? value[name] : undefined;
  const start = `${name}.`;
  let joined: Record<string, unknown> | undefined;
  for (const key in value) {
    if (!key.startsWith(start) || !Object.hasOwn(value, key)) continue;
    joined ??= Object.assign(Object.create(null), isObject(own) ? own : undefined) as Record<string, unknown>;
    joined[key.slice(start.length)] = value[key];
  }
  // An array or a value beside such names stays one of several things that stand there.
  if (joined === undefined) return own;
  return own === undefined || isObject(own) ? joined : [own, joined];
}

/** Whether any object in a value has a name with dots. */
export function hasDottedNames(value: unknown): boolean {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const each = waiting.pop();
    if (Array.isArray(each)) for (const element of each) waiting.push(element);
    else if (isObject(each)) {
      for (const name of Object.keys(each)) {
        if (name.includes('.')) return true;
        const member = each[name];
        if (typeof member === 'object' && member !== null) waiting.push(member);
      }
    }
  }
  return false;
}

/** Whether a value is one that clauses are tried on. */
export function isLeafValue(value: unknown): value is Leaf {
  return value !== undefined && (typeof value !== 'object' || value === null);
}

/** Whether a predicate holds for some element of an array, elements of arrays within it included. */
export function someElement(array: readonly unknown[], predicate: (element: unknown) => boolean): boolean {
  // A stack of its own, because events may nest arrays deeper than calls can.
  const waiting: unknown[] = [array];
  while (waiting.length > 0) {
    const value = waiting.pop();
    // Last in first, so that elements are tried in their order.
    if (Array.isArray(value)) for (let at = value.length - 1; at >= 0; at--) waiting.push(value[at]);
    else if (predicate(value)) return true;
  }
  return false;
}

/** All leaves at a path, in whatever elements of arrays on the way. */
export function leavesAt(value: unknown, path: readonly string[], depth = 0, found: Leaf[] = []): readonly Leaf[] {
  if (Array.isArray(value)) {
    someElement(value, element => {
      leavesAt(element, path, depth, found);
      return false;
    });
    return found;
  }
  const name = path[depth];
  if (name !== undefined) return leavesAt(memberOf(value, name), path, depth + 1, found);
  if (isLeafValue(value)) found.push(value);
  return found;
}
