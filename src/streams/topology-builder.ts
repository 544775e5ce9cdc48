import type { Duration } from '../core/index.ts';
import type { TopicDefinition } from '../storage/index.ts';
import type { AnyEvent, DataOf } from '../store/index.ts';
import { type Aggregation, counting, type MergingAggregation, reducing } from './aggregation.ts';
import { type Aggregator, aggregating, mergingAggregating, type SessionAggregator } from './aggregator.ts';
import { aggregate } from './operators/aggregate.ts';
import { type EventSourceOptions, eventSource } from './operators/event-source.ts';
import { filter } from './operators/filter.ts';
import { map } from './operators/map.ts';
import { mapValues } from './operators/map-values.ts';
import { selectKey } from './operators/select-key.ts';
import { sessionAggregate } from './operators/session-aggregate.ts';
import { toTopic } from './operators/to-topic.ts';
import { windowAggregate } from './operators/window-aggregate.ts';
import type { SessionWindow } from './session-window.ts';
import type { RecordKey } from './stream-record.ts';
import type { TopologyGraph } from './topology-graph.ts';
import type { TumblingWindow } from './tumbling-window.ts';
import { checkedRetention, unsupportedWindow } from './window-length.ts';
import type { WindowedKey } from './windowed-key.ts';

/** How long the windows of a store can be queried. */
export interface WindowRetention {
  /**
   * How long in stream time a window is kept after its end. Least and default: size plus grace, for sessions gap plus grace,
   * because until then it may still change.
   */
  readonly retention?: Duration;
}

/** Combines two values of one type, the older one on the left. Pure. */
export type Combine<Value> = (aggregate: Value, value: Value) => Value;

/** Begins the streams of a topology. */
export class TopologyBuilder {
  readonly #graph: TopologyGraph;

  constructor(graph: TopologyGraph) {
    this.#graph = graph;
  }

  /** A keyed stream of all events of some types, from the beginning of the log, in its order. */
  events<Event extends AnyEvent, Key extends string | null = string, Value = DataOf<Event>>(
    events: readonly Event[],
    options: EventSourceOptions<Event, Key, Value>,
  ): KeyedStream<Key, Value> {
    return new KeyedStream(this.#graph, this.#graph.add(eventSource(events, options)));
  }
}

/** An unbounded sequence of records with keys. Every operator describes another stream and leaves this one as it is. */
export class KeyedStream<Key extends RecordKey, Value> {
  /** Exists for the compiler alone: makes a stream of windowed keys no stream of texts, so that `groupByKey` can refuse it. */
  declare protected readonly keyType: Key;
  readonly #graph: TopologyGraph;
  readonly #node: string;

  constructor(graph: TopologyGraph, node: string) {
    this.#graph = graph;
    this.#node = node;
  }

  /** The records for which a predicate holds. */
  filter<Kept extends Value>(
    name: string,
    predicate: (value: Value, key: Key) => value is Kept,
  ): KeyedStream<Key, Kept>;
  filter(name: string, predicate: (value: Value, key: Key) => boolean): KeyedStream<Key, Value>;
  filter(name: string, predicate: (value: Value, key: Key) => boolean): KeyedStream<Key, Value> {
    return new KeyedStream(this.#graph, this.#graph.add(filter(name, predicate), this.#node));
  }

  /** The records with another key and another value: `[key, value]`. Their time stays. */
  map<NewKey extends RecordKey, NewValue>(
    name: string,
    mapper: (value: Value, key: Key) => readonly [NewKey, NewValue],
  ): KeyedStream<NewKey, NewValue> {
    return new KeyedStream(this.#graph, this.#graph.add(map(name, mapper), this.#node));
  }

  /** The records with another value. Their key and time stay. */
  mapValues<NewValue>(name: string, mapper: (value: Value, key: Key) => NewValue): KeyedStream<Key, NewValue> {
    return new KeyedStream(this.#graph, this.#graph.add(mapValues(name, mapper), this.#node));
  }

  /** The records with another key. Their value and time stay. */
  selectKey<NewKey extends RecordKey>(
    name: string,
    selector: (value: Value, key: Key) => NewKey,
  ): KeyedStream<NewKey, Value> {
    return new KeyedStream(this.#graph, this.#graph.add(selectKey(name, selector), this.#node));
  }

  /** The records grouped by their key, which must be a text. Group the results of windows with `groupBy`. */
  groupByKey(this: KeyedStream<string | null, Value>): GroupedStream<Extract<Key, string>, Value> {
    return new GroupedStream(this.#graph, this.#node);
  }

  /** The records grouped by another key. Where it is null, the record is dropped and counted by the node that aggregates. */
  groupBy<NewKey extends string | null>(
    name: string,
    selector: (value: Value, key: Key) => NewKey,
  ): GroupedStream<Extract<NewKey, string>, Value> {
    return new GroupedStream(this.#graph, this.#graph.add(selectKey(name, selector, 'group-by'), this.#node));
  }

  /**
   * Writes the records to a topic, each exactly once and in order, in the commit of what it rests on. A windowed key is
   * written as the JSON of `{key, start, end}`. Name of the node by default: `to:` and the name of the topic.
   */
  to(topic: TopicDefinition, options: { readonly name?: string } = {}): void {
    this.#graph.add(toTopic(options.name ?? `to:${topic.name}`, topic), this.#node);
  }
}

/** Records grouped by key, ready to become one value for each. The name of a result is that of its node and its store. */
export class GroupedStream<Key extends string, Value> {
  readonly #graph: TopologyGraph;
  readonly #node: string;

  constructor(graph: TopologyGraph, node: string) {
    this.#graph = graph;
    this.#node = node;
  }

  /** The records of each key grouped by time as well. Throws `UNSUPPORTED_WINDOW` for any other kind of window. */
  windowedBy(window: TumblingWindow): WindowedStream<Key, Value>;
  windowedBy(window: SessionWindow): SessionStream<Key, Value>;
  windowedBy(window: TumblingWindow | SessionWindow): WindowedStream<Key, Value> | SessionStream<Key, Value> {
    if (window?.kind === 'tumbling') return new WindowedStream(this.#graph, this.#node, window);
    if (window?.kind === 'session') return new SessionStream(this.#graph, this.#node, window);
    const kind = (window as { kind?: unknown } | undefined)?.kind;
    throw unsupportedWindow(`of kind ${kind} is not supported; make one with tumbling() or session()`, { kind });
  }

  /** How many records with a value each key has had. */
  count(name: string): Table<Key, number> {
    return this.#add(name, counting());
  }

  /** The values of each key combined one by one; the first is the first result. Records without a value are dropped and counted. */
  reduce(name: string, combine: Combine<NonNullable<Value>>): Table<Key, NonNullable<Value>> {
    return this.#add(name, reducing(name, combine));
  }

  /** The values of each key added to an aggregate. Records without a value are dropped and counted. */
  aggregate<Aggregate>(
    name: string,
    aggregator: Aggregator<Key, NonNullable<Value>, Aggregate>,
  ): Table<Key, Aggregate> {
    return this.#add(name, aggregating(name, aggregator));
  }

  #add<Aggregate>(name: string, aggregation: Aggregation<Key, NonNullable<Value>, Aggregate>): Table<Key, Aggregate> {
    return new Table(this.#graph, this.#graph.add(aggregate(name, aggregation), this.#node));
  }
}

/** Records grouped by key and tumbling window. The name of a result is that of its node and its store. */
export class WindowedStream<Key extends string, Value> {
  readonly #graph: TopologyGraph;
  readonly #node: string;
  readonly #window: TumblingWindow;

  constructor(graph: TopologyGraph, node: string, window: TumblingWindow) {
    this.#graph = graph;
    this.#node = node;
    this.#window = window;
  }

  /** How many records each key has had in each window, those without a value included. */
  count(name: string, options: WindowRetention = {}): Table<WindowedKey<Key>, number> {
    return this.#add(name, counting(), options);
  }

  /** The values of each key and window combined one by one; the first is the first result. */
  reduce(name: string, combine: Combine<Value>, options: WindowRetention = {}): Table<WindowedKey<Key>, Value> {
    return this.#add(name, reducing(name, combine), options);
  }

  /** The values of each key and window added to an aggregate. */
  aggregate<Aggregate>(
    name: string,
    aggregator: Aggregator<Key, Value, Aggregate> & WindowRetention,
  ): Table<WindowedKey<Key>, Aggregate> {
    return this.#add(name, aggregating(name, aggregator), aggregator);
  }

  #add<Aggregate>(
    name: string,
    aggregation: Aggregation<Key, Value, Aggregate>,
    { retention }: WindowRetention,
  ): Table<WindowedKey<Key>, Aggregate> {
    const window = this.#window;
    const retentionMs = checkedRetention(retention, window.sizeMs + window.graceMs);
    const node = windowAggregate(name, window, retentionMs, aggregation);
    return new Table(this.#graph, this.#graph.add(node, this.#node));
  }
}

/**
 * Records grouped by key and session. When sessions grow together, or one grows, a tombstone (null) for each window that is no
 * more goes before the result. The name of a result is that of its node and its store.
 */
export class SessionStream<Key extends string, Value> {
  readonly #graph: TopologyGraph;
  readonly #node: string;
  readonly #window: SessionWindow;

  constructor(graph: TopologyGraph, node: string, window: SessionWindow) {
    this.#graph = graph;
    this.#node = node;
    this.#window = window;
  }

  /** How many records each session of a key has, those without a value included. */
  count(name: string, options: WindowRetention = {}): Table<WindowedKey<Key>, number | null> {
    return this.#add(name, counting(), options);
  }

  /** The values of each session of a key combined; the first is the first result. */
  reduce(name: string, combine: Combine<Value>, options: WindowRetention = {}): Table<WindowedKey<Key>, Value | null> {
    return this.#add(name, reducing(name, combine), options);
  }

  /** The values of each session of a key added to an aggregate. */
  aggregate<Aggregate>(
    name: string,
    aggregator: SessionAggregator<Key, Value, Aggregate> & WindowRetention,
  ): Table<WindowedKey<Key>, Aggregate | null> {
    return this.#add(name, mergingAggregating(name, aggregator), aggregator);
  }

  #add<Aggregate>(
    name: string,
    aggregation: MergingAggregation<Key, Value, Aggregate>,
    { retention }: WindowRetention,
  ): Table<WindowedKey<Key>, Aggregate | null> {
    const window = this.#window;
    const retentionMs = checkedRetention(retention, window.gapMs + window.graceMs);
    const node = sessionAggregate(name, window, retentionMs, aggregation);
    return new Table(this.#graph, this.#graph.add(node, this.#node));
  }
}

/** The latest value of each key. It can be queried by its name while the topology runs. */
export class Table<Key extends RecordKey, Value> {
  readonly #graph: TopologyGraph;
  readonly #node: string;

  constructor(graph: TopologyGraph, node: string) {
    this.#graph = graph;
    this.#node = node;
  }

  /** Every update of the table as a record; nothing is held back or merged. */
  toStream(): KeyedStream<Key, Value> {
    return new KeyedStream(this.#graph, this.#node);
  }
}
