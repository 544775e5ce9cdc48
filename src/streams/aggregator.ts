import type { Aggregation, MergingAggregation } from './aggregation.ts';
import { requireFunction } from './required-function.ts';

/** How values become an aggregate. All of it pure: an aggregate that is passed in is frozen, so `add` returns a new one. */
export interface Aggregator<Key, Value, Aggregate> {
  /** The aggregate of nothing. */
  readonly initial: () => Aggregate;
  /** The aggregate with a value added; null deletes the entry. Plain JSON, since that is how it is kept. */
  readonly add: (aggregate: NoInfer<Aggregate>, value: Value, key: Key) => NoInfer<Aggregate>;
}

/** An aggregator for sessions, which grow together. */
export interface SessionAggregator<Key, Value, Aggregate> extends Aggregator<Key, Value, Aggregate> {
  /** The aggregate of two sessions that became one; the older one is on the left. */
  readonly merge: (left: NoInfer<Aggregate>, right: NoInfer<Aggregate>, key: Key) => NoInfer<Aggregate>;
}

/** An aggregator as an aggregation. Throws `UNSUPPORTED_TRANSFORMATION` when a part is no function. */
export function aggregating<Key, Value, Aggregate>(
  name: string,
  { initial, add }: Aggregator<Key, Value, Aggregate>,
): Aggregation<Key, Value, Aggregate> {
  requireFunction({ kind: 'aggregate', name }, 'initial', initial);
  requireFunction({ kind: 'aggregate', name }, 'add', add);
  return { kind: 'aggregate', initial, add: add as Aggregation<Key, Value, Aggregate>['add'] };
}

/** A session aggregator as an aggregation. Throws `UNSUPPORTED_TRANSFORMATION` when a part is no function. */
export function mergingAggregating<Key, Value, Aggregate>(
  name: string,
  aggregator: SessionAggregator<Key, Value, Aggregate>,
): MergingAggregation<Key, Value, Aggregate> {
  const { merge } = aggregator;
  requireFunction({ kind: 'aggregate', name }, 'merge', merge);
  type Merge = MergingAggregation<Key, Value, Aggregate>['merge'];
  return { ...aggregating(name, aggregator), merge: merge as Merge };
}
