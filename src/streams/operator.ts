import type { TopicDefinition } from '../storage/index.ts';
import type { AnyEvent } from '../store/index.ts';
import type { NodeProgress } from './node-progress.ts';
import type { Pending } from './pending.ts';
import type { RecordOutbox } from './record-outbox.ts';
import type { SessionStore } from './session-store.ts';
import type { SessionStoreDefinition, StoreDefinition, ValueStoreDefinition } from './store-definition.ts';
import type { StreamRecord } from './stream-record.ts';
import type { ValueStore } from './value-store.ts';

/** A node at work: takes records one at a time, in order. */
export interface Operator<Key = unknown, Value = unknown> {
  /** Handles a record and everything that it leads to downstream. */
  process(record: StreamRecord<Key, Value>): Pending;
}

/** What a node at work may use. */
export interface OperatorContext<Key = unknown, Value = unknown> {
  /** Stream time of this node and the records that it dropped; durable. */
  readonly progress: NodeProgress;
  /** Where records that leave the topology go. */
  readonly outbox: RecordOutbox;
  /** Hands a record to every node behind this one, in the order in which they were defined. */
  forward(record: StreamRecord<Key, Value>): Pending;
  valueStore<Stored>(definition: ValueStoreDefinition): ValueStore<Stored>;
  sessionStore<Stored>(definition: SessionStoreDefinition): SessionStore<Stored>;
}

/**
 * One node of a topology as pure description. An operator is a function in a file of its own that returns one; nothing
 * else has to know it.
 */
export interface NodeDefinition<KeyIn = unknown, ValueIn = unknown, KeyOut = unknown, ValueOut = unknown> {
  /** What it does, such as `filter`; shown when the topology is described. */
  readonly kind: string;
  /** Unique in its topology. */
  readonly name: string;
  readonly stores?: readonly StoreDefinition[];
  /** For a source: the events that it takes from the log. */
  readonly events?: readonly AnyEvent[];
  /** For a sink: the topic that it writes. */
  readonly topic?: TopicDefinition;
  /** Puts the node to work on one partition. Everything that it remembers lives in the context's progress and stores. */
  create(context: OperatorContext<KeyOut, ValueOut>): Operator<KeyIn, ValueIn>;
}
