import { hasDottedNames, leavesAt, memberOf, type PatternSubject } from './event-fields.ts';
import type { Leaf } from './pattern.ts';

/** An event that patterns are tried on. What is asked of all of it is found out once, whatever the number of patterns. */
export class EventAtHand {
  readonly event: PatternSubject;
  #hasDots: boolean | undefined;
  #known: Map<readonly string[], readonly Leaf[]> | undefined;

  constructor(event: PatternSubject) {
    this.event = event;
  }

  /** A member of one of the event's values. */
  memberOf(value: unknown, name: string): unknown {
    this.#hasDots ??= hasDottedNames(this.event);
    if (this.#hasDots) return memberOf(value, name);
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined;
    }
    return (value as Readonly<Record<string, unknown>>)[name];
  }

  /** The leaves at a path from the root of the event. */
  fieldsAt(path: readonly string[]): readonly Leaf[] {
    this.#known ??= new Map();
    let leaves = this.#known.get(path);
    if (leaves === undefined) {
      leaves = leavesAt(this.event, path);
      this.#known.set(path, leaves);
    }
    return leaves;
  }
}
