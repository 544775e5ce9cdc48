import { requireFunction } from './required-function.ts';

/** How values become one: what every count, reduce and aggregate comes down to. */
export interface Aggregation<Key, Value, Aggregate> {
  /** Shown when the topology is described. */
  readonly kind: 'count' | 'reduce' | 'aggregate';
  /** The aggregate of nothing. Null where the first value becomes the aggregate. */
  initial(): Aggregate | null;
  add(aggregate: Aggregate | null, value: Value, key: Key): Aggregate | null;
}

/** An aggregation whose results can be joined, as sessions are when a record closes the gap between them. */
export interface MergingAggregation<Key, Value, Aggregate> extends Aggregation<Key, Value, Aggregate> {
  merge(left: Aggregate | null, right: Aggregate | null, key: Key): Aggregate | null;
}

/** Counts records. */
export function counting<Key, Value>(): MergingAggregation<Key, Value, number> {
  return {
    kind: 'count',
    initial: () => 0,
    add: aggregate => (aggregate ?? 0) + 1,
    merge: (left, right) => (left ?? 0) + (right ?? 0),
  };
}

/** Combines values of one type; the first value of a key is its first result. Throws `UNSUPPORTED_TRANSFORMATION`. */
export function reducing<Key, Value>(
  name: string,
  combine: (aggregate: Value, value: Value) => Value,
): MergingAggregation<Key, Value, Value> {
  requireFunction({ kind: 'reduce', name }, 'combine', combine);
  const join = (left: Value | null, right: Value | null): Value | null =>
    left === null ? right : combine(left, right as Value);
  return { kind: 'reduce', initial: () => null, add: join, merge: join };
}
