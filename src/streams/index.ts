/**
 * Streams: topologies that turn the events of the log into keyed streams, windows and tables, and the engine that runs them
 * inside the process. It stands on processing, beside projections, sagas and the router. Three words to know: *topology* (the
 * graph of nodes that records flow through), *window* (a span of event time that results belong to), *stream time* (the
 * greatest event time that a node has seen; it alone closes windows, never the clock).
 */
export type { Aggregator, SessionAggregator } from './aggregator.ts';
export { describeTopology } from './describe-topology.ts';
export type { DropCounts, DropReason } from './node-progress.ts';
export type { EventSourceOptions } from './operators/event-source.ts';
export { type SessionWindow, session } from './session-window.ts';
export type { StateValue } from './state-value.ts';
export type { StoreEntry, StorePage, StoreReader } from './store-reader.ts';
export type { RecordKey, StreamRecord } from './stream-record.ts';
export { topic } from './topic.ts';
export { defineTopology, type Topology } from './topology.ts';
export type {
  Combine,
  GroupedStream,
  KeyedStream,
  SessionStream,
  Table,
  TopologyBuilder,
  WindowedStream,
  WindowRetention,
} from './topology-builder.ts';
export { type NodeStatus, TopologyEngine, type TopologyStatus } from './topology-engine.ts';
export { type TumblingWindow, tumbling } from './tumbling-window.ts';
export type { WindowedKey } from './windowed-key.ts';
