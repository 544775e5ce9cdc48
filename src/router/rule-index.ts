import { type AnchorAt, AnchorIndex } from './anchor-index.ts';
import { compilePattern } from './compile-pattern.ts';
import { EventAtHand } from './event-at-hand.ts';
import type { PatternSubject } from './event-fields.ts';
import { exactTypes } from './parse-pattern.ts';
import type { PatternNode } from './pattern-node.ts';

/** Where a rule is found among those of one event type, or of any type when there is none. */
interface PlaceOfRule {
  readonly type: string | undefined;
  readonly anchors: readonly AnchorAt[];
}

interface Entry<Kept> {
  readonly rule: Kept;
  readonly variants: () => readonly PatternNode[];
  /** Made when the rule is tried for the first time: of many most never are. */
  test: ((event: EventAtHand) => boolean) | undefined;
  readonly number: number;
  readonly places: readonly PlaceOfRule[];
  /** The pass in which it was tried last. */
  pass: number;
}

/**
 * Finds the rules that take an event without trying the others: those of its type, each anchored there at the one of its other
 * conditions that the fewest rules share. What is found by its anchor is then tried as a whole. So the index may find too much and
 * never too little, and a rule that is removed leaves nothing behind.
 */
export class RuleIndex<Kept> {
  readonly #entries = new Map<Kept, Entry<Kept>>();
  /** By event type; those that take any type are under none. */
  readonly #byType = new Map<string | undefined, AnchorIndex<Entry<Kept>>>();
  #added = 0;
  #pass = 0;

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Adds a rule that takes what one of the variants of its pattern matches; one that is there already is replaced. The variants
   * are asked for now and, so that nobody need keep them, once more when the rule is tried for the first time.
   */
  add(rule: Kept, variants: () => readonly PatternNode[]): void {
    const parsed = variants();
    this.remove(rule);
    const places = parsed.flatMap(variant => this.#placesFor(variant));
    const entry: Entry<Kept> = { rule, variants, test: undefined, number: this.#added++, places, pass: 0 };
    this.#entries.set(rule, entry);
    for (const { type, anchors } of places) this.#indexOf(type).add(anchors, entry);
  }

  /** Removes a rule; false when it was not there. */
  remove(rule: Kept): boolean {
    const entry = this.#entries.get(rule);
    if (entry === undefined) return false;
    this.#entries.delete(rule);
    for (const { type, anchors } of entry.places) {
      const index = this.#byType.get(type);
      index?.remove(anchors, entry);
      if (index?.isEmpty) this.#byType.delete(type);
    }
    return true;
  }

  /** The rules that take an event, in the order in which they were added. */
  match(event: PatternSubject): Kept[] {
    const pass = ++this.#pass;
    const found: Entry<Kept>[] = [];
    const atHand = new EventAtHand(event);
    const tryOut = (entry: Entry<Kept>): void => {
      if (entry.pass === pass) return;
      entry.pass = pass;
      entry.test ??= compilePattern(entry.variants());
      if (entry.test(atHand)) found.push(entry);
    };
    this.#byType.get(event.type)?.visit(event, tryOut);
    this.#byType.get(undefined)?.visit(event, tryOut);
    if (found.length > 1) found.sort((one, other) => one.number - other.number);
    return found.map(({ rule }) => rule);
  }

  #placesFor(variant: PatternNode): PlaceOfRule[] {
    const types = exactTypes([variant]);
    if (types === undefined) return [{ type: undefined, anchors: this.#anchorsAt(undefined, variant) }];
    // Within a type, the type says nothing more.
    const fields = new Map(variant.fields);
    fields.delete('type');
    const rest = { ...variant, fields };
    return types.map(type => ({ type, anchors: this.#anchorsAt(type, rest) }));
  }

  #anchorsAt(type: string | undefined, variant: PatternNode): readonly AnchorAt[] {
    return (this.#byType.get(type) ?? new AnchorIndex()).anchorsFor(variant);
  }

  #indexOf(type: string | undefined): AnchorIndex<Entry<Kept>> {
    let index = this.#byType.get(type);
    if (index === undefined) {
      index = new AnchorIndex();
      this.#byType.set(type, index);
    }
    return index;
  }
}
