import { pointerTo } from './json-pointer.ts';

/** A place at which two JSON values differ. */
export interface JsonChange {
  readonly op: 'add' | 'remove' | 'replace';
  /** JSON pointer (RFC 6901) to the place; elements of lists are told apart by their index. */
  readonly pointer: string;
  /** What was there; absent for what was added. */
  readonly before?: unknown;
  /** What is there; absent for what was removed. */
  readonly after?: unknown;
}

/** Where a JSON value differs from another one: the innermost places, in the order of the members. */
export function differencesOf(before: unknown, after: unknown, pointer = ''): JsonChange[] {
  if (Object.is(before, after)) return [];
  if (before === undefined) return [{ op: 'add', pointer, after }];
  if (after === undefined) return [{ op: 'remove', pointer, before }];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ op: 'replace', pointer, before, after }];
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap(name => differencesOf(own(before, name), own(after, name), pointerTo(pointer, name)));
}

type Container = Readonly<Record<string, unknown>>;

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function own(container: Container, name: string): unknown {
  return Object.hasOwn(container, name) ? container[name] : undefined;
}
