import { foldCase } from './fold-case.ts';
import type { Hint } from './operators/operator.ts';
import type { Leaf } from './pattern.ts';
import { RangeIndex } from './range-index.ts';

/** By what a rule is found at a field: a hint of one of its clauses, or that the field holds any value at all. */
export type Anchor = Hint | { readonly kind: 'present' };

/** Of longer beginnings and ends only so much is looked at, so that a value is cut at few places. */
const AFFIX_LENGTH_MAX = 32;
/** What finding by a range costs beside finding by a value: it has some look-ups more. */
const RANGE_COST = 2;

/** The rules of one field, by what a value must have for them. */
export class FieldIndex<Item extends object> {
  readonly #exact = new Buckets<Leaf, Item>();
  readonly #folded = new Buckets<string, Item>();
  /** By their length. */
  readonly #prefixes = new Map<number, Buckets<string, Item>>();
  readonly #suffixes = new Map<number, Buckets<string, Item>>();
  readonly #ranges = new RangeIndex<Item>();
  readonly #present = new Set<Item>();

  get isEmpty(): boolean {
    const { size } = this.#exact;
    return (
      size + this.#folded.size + this.#prefixes.size + this.#suffixes.size + this.#ranges.size + this.#present.size ===
      0
    );
  }

  add(anchor: Anchor, item: Item): void {
    switch (anchor.kind) {
      case 'exact':
        this.#exact.add(anchor.value, item);
        break;
      case 'folded':
        this.#folded.add(anchor.text, item);
        break;
      case 'prefix':
        addAffix(this.#prefixes, startOf(anchor.text, AFFIX_LENGTH_MAX), item);
        break;
      case 'suffix':
        addAffix(this.#suffixes, endOf(anchor.text, AFFIX_LENGTH_MAX), item);
        break;
      case 'range':
        this.#ranges.add(anchor.from, anchor.to, item);
        break;
      case 'present':
        this.#present.add(item);
    }
  }

  remove(anchor: Anchor, item: Item): void {
    switch (anchor.kind) {
      case 'exact':
        this.#exact.remove(anchor.value, item);
        break;
      case 'folded':
        this.#folded.remove(anchor.text, item);
        break;
      case 'prefix':
        removeAffix(this.#prefixes, startOf(anchor.text, AFFIX_LENGTH_MAX), item);
        break;
      case 'suffix':
        removeAffix(this.#suffixes, endOf(anchor.text, AFFIX_LENGTH_MAX), item);
        break;
      case 'range':
        this.#ranges.remove(anchor.from, anchor.to, item);
        break;
      case 'present':
        this.#present.delete(item);
    }
  }

  /** How many rules would be found in vain, about, each time that one with this anchor is. */
  crowdAt(anchor: Anchor): number {
    switch (anchor.kind) {
      case 'exact':
        return this.#exact.sizeOf(anchor.value);
      case 'folded':
        return this.#folded.sizeOf(anchor.text);
      case 'prefix':
        return sizeOfAffix(this.#prefixes, startOf(anchor.text, AFFIX_LENGTH_MAX));
      case 'suffix':
        return sizeOfAffix(this.#suffixes, endOf(anchor.text, AFFIX_LENGTH_MAX));
      case 'range':
        return RANGE_COST + this.#ranges.countAt(Number.isFinite(anchor.from) ? anchor.from : anchor.to);
      case 'present':
        return this.#present.size;
    }
  }

  /** Calls a function for every rule that a value may meet; for some more than once. */
  visit(leaf: Leaf, found: (item: Item) => void): void {
    this.#exact.visit(leaf, found);
    if (typeof leaf === 'string') {
      if (this.#folded.size > 0) this.#folded.visit(foldCase(leaf), found);
      for (const [length, buckets] of this.#prefixes) {
        if (leaf.length >= length) buckets.visit(startOf(leaf, length), found);
      }
      for (const [length, buckets] of this.#suffixes) {
        if (leaf.length >= length) buckets.visit(endOf(leaf, length), found);
      }
    } else if (typeof leaf === 'number' && this.#ranges.size > 0) this.#ranges.visit(leaf, found);
    for (const item of this.#present) found(item);
  }
}

/** Items by key; a set for a key only when it has several. */
class Buckets<Key, Item extends object> {
  readonly #byKey = new Map<Key, Item | Set<Item>>();

  get size(): number {
    return this.#byKey.size;
  }

  sizeOf(key: Key): number {
    const bucket = this.#byKey.get(key);
    if (bucket === undefined) return 0;
    return bucket instanceof Set ? bucket.size : 1;
  }

  add(key: Key, item: Item): void {
    const bucket = this.#byKey.get(key);
    if (bucket instanceof Set) bucket.add(item);
    else this.#byKey.set(key, bucket === undefined || bucket === item ? item : new Set([bucket, item]));
  }

  remove(key: Key, item: Item): void {
    const bucket = this.#byKey.get(key);
    if (bucket instanceof Set) {
      bucket.delete(item);
      if (bucket.size === 0) this.#byKey.delete(key);
    } else if (bucket === item) this.#byKey.delete(key);
  }

  visit(key: Key, found: (item: Item) => void): void {
    const bucket = this.#byKey.get(key);
    if (bucket === undefined) return;
    if (bucket instanceof Set) for (const item of bucket) found(item);
    else found(bucket);
  }
}

type Affixes<Item extends object> = Map<number, Buckets<string, Item>>;

function addAffix<Item extends object>(affixes: Affixes<Item>, text: string, item: Item): void {
  let buckets = affixes.get(text.length);
  if (buckets === undefined) {
    buckets = new Buckets();
    affixes.set(text.length, buckets);
  }
  buckets.add(text, item);
}

function removeAffix<Item extends object>(affixes: Affixes<Item>, text: string, item: Item): void {
  const buckets = affixes.get(text.length);
  buckets?.remove(text, item);
  if (buckets?.size === 0) affixes.delete(text.length);
}

function sizeOfAffix<Item extends object>(affixes: Affixes<Item>, text: string): number {
  return affixes.get(text.length)?.sizeOf(text) ?? 0;
}

function startOf(text: string, length: number): string {
  return text.slice(0, length);
}

function endOf(text: string, length: number): string {
  return text.slice(Math.max(0, text.length - length));
}
