import type { PatternSubject } from './event-fields.ts';
import { parsePattern } from './parse-pattern.ts';
import type { RoutePattern } from './pattern.ts';
import { Place } from './place.ts';
import { RuleIndex } from './rule-index.ts';

/**
 * Many patterns at once: which of them match an event is found in one pass over it, whose cost hangs on the patterns that match
 * rather than on how many there are. Patterns come and go at any time.
 *
 * @example
 * const matcher = new PatternMatcher();
 * matcher.add('big', { type: ['OrderPlaced'], data: { cents: [{ numeric: ['>=', 10_000] }] } });
 * matcher.match({ type: 'OrderPlaced', data: { cents: 12_000 }, metadata: {} }); // ['big']
 */
export class PatternMatcher {
  readonly #index = new RuleIndex<string>();

  /** How many patterns there are. */
  get size(): number {
    return this.#index.size;
  }

  /** Adds a pattern under a name, in place of the one that had it; the pattern must not be changed afterwards. Throws `INVALID_PATTERN`; nothing has changed then. */
  add(name: string, pattern: RoutePattern): void {
    this.#index.add(name, () => parsePattern(pattern, new Place(name)));
  }

  /** Removes the pattern with a name; false when there is none. */
  remove(name: string): boolean {
    return this.#index.remove(name);
  }

  /** The names of the patterns that match an event, in the order in which they were added. */
  match(event: PatternSubject): string[] {
    return this.#index.match(event);
  }
}
