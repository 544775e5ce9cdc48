import { type Counter, isMillraceError, MillraceError, messageOf } from '../core/index.ts';
import type { Environment, EventHandler } from '../processing/index.ts';
import type { Effects, StateWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { type DropReason, NodeProgress } from './node-progress.ts';
import type { Operator, OperatorContext } from './operator.ts';
import type { Pending } from './pending.ts';
import { RecordOutbox } from './record-outbox.ts';
import { SessionStore } from './session-store.ts';
import { PROGRESS_STORE, storedName } from './store-definition.ts';
import type { StreamRecord } from './stream-record.ts';
import type { Topology } from './topology.ts';
import type { GraphNode } from './topology-graph.ts';
import { type StoreSurroundings, ValueStore } from './value-store.ts';

/** Events handled without a pause: a few milliseconds, which is how long a task may hold the event loop. */
const SLICE_EVENTS = 1_000;

/** A node at work, with what it remembers. */
interface RunningNode {
  readonly name: string;
  readonly operator: Operator;
  readonly children: RunningNode[];
  readonly progress: NodeProgress;
  readonly stores: (ValueStore<unknown> | SessionStore<unknown>)[];
}

/**
 * A topology at work on one partition. Each event goes all the way through the graph before the next one; what it changes
 * gathers in memory and is handed to the processor as one page of state and outgoing records, to be committed with the
 * cursor.
 */
export class TopologyTask implements EventHandler {
  readonly #topology: Topology;
  readonly #partition: number;
  readonly #environment: Environment;
  readonly #cacheEntriesMax: number;
  readonly #outbox = new RecordOutbox();
  readonly #nodes = new Map<string, RunningNode>();
  readonly #sources = new Map<string, RunningNode[]>();
  readonly #records: Counter;
  readonly #late: Counter;
  readonly #dropped: Counter;
  #restored = false;
  #position = 0;

  constructor(parts: { topology: Topology; partition: number; environment: Environment; cacheEntriesMax: number }) {
    this.#topology = parts.topology;
    this.#partition = parts.partition;
    this.#environment = parts.environment;
    this.#cacheEntriesMax = parts.cacheEntriesMax;
    const { metrics } = parts.environment.telemetry;
    this.#records = metrics.counter({
      name: 'millrace_stream_records_total',
      help: 'Events that a topology has handled.',
      labels: ['topology'],
    });
    this.#late = metrics.counter({
      name: 'millrace_stream_late_records_total',
      help: 'Records that a node dropped because their window was closed.',
      labels: ['topology', 'node'],
    });
    this.#dropped = metrics.counter({
      name: 'millrace_stream_dropped_records_total',
      help: 'Records that a node dropped because they lack a key, a value or a usable time; late ones not included.',
      labels: ['topology', 'node'],
    });
    for (const node of parts.topology.nodes) this.#put(node);
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects> {
    if (!this.#restored) await this.#restore();
    for (let index = 0; index < events.length; index++) {
      if (index % SLICE_EVENTS === SLICE_EVENTS - 1) await this.#pause();
      const event = events[index] as RecordedEvent;
      this.#position = event.position;
      const raw = { key: event.stream, value: event, timestamp: event.occurredAt };
      for (const source of this.#sources.get(event.type) ?? []) {
        const pending = this.#dispatch(source, raw);
        if (pending !== undefined) await pending;
      }
    }
    return { topics: this.#outbox.writes(this.#environment.clock.now()), state: this.#stateWrites() };
  }

  reset(): void {
    this.#restored = false;
    this.#outbox.clear();
    for (const { stores } of this.#nodes.values()) for (const store of stores) store.reset();
  }

  committed(events: readonly RecordedEvent[]): void {
    const topology = this.#topology.name;
    this.#records.add(events.length, { topology });
    this.#outbox.clear();
    for (const { name: node, stores, progress } of this.#nodes.values()) {
      for (const store of stores) store.committed();
      for (const [reason, count] of Object.entries(progress.committed()) as [DropReason, number][]) {
        (reason === 'late' ? this.#late : this.#dropped).add(count, { topology, node });
      }
    }
  }

  /** Puts a node to work behind its parents, which are at work already. */
  #put({ definition, parents }: GraphNode): void {
    const { name, events } = definition;
    const progress = new NodeProgress();
    const stores: RunningNode['stores'] = [];
    const children: RunningNode[] = [];
    const surroundings: StoreSurroundings = {
      topics: this.#environment.storage.topics,
      topology: this.#topology.name,
      partition: this.#partition,
      progress,
      cacheEntriesMax: this.#cacheEntriesMax,
    };
    const added = <Store extends RunningNode['stores'][number]>(store: Store): Store => {
      stores.push(store);
      return store;
    };
    const context: OperatorContext = {
      progress,
      outbox: this.#outbox,
      forward: record => this.#forward(children, record, 0),
      valueStore: store => added(new ValueStore(store, surroundings)),
      sessionStore: store => added(new SessionStore(store, surroundings)),
    };
    const node: RunningNode = { name, operator: definition.create(context), children, progress, stores };
    this.#nodes.set(name, node);
    for (const parent of parents) this.#nodes.get(parent)?.children.push(node);
    for (const { type } of events ?? []) this.#sources.set(type, [...(this.#sources.get(type) ?? []), node]);
  }

  #forward(children: readonly RunningNode[], record: StreamRecord, from: number): Pending {
    for (let index = from; index < children.length; index++) {
      const pending = this.#dispatch(children[index] as RunningNode, record);
      if (pending !== undefined) return pending.then(() => this.#forward(children, record, index + 1));
    }
    return undefined;
  }

  #dispatch(node: RunningNode, record: StreamRecord): Pending {
    try {
      return node.operator.process(record)?.catch(thrown => {
        throw this.#failure(node, thrown);
      });
    } catch (thrown) {
      throw this.#failure(node, thrown);
    }
  }

  /** The innermost node that a failure passes gives it its name; errors of the storage pass as they are. */
  #failure(node: RunningNode, thrown: unknown): unknown {
    if (isMillraceError(thrown) && (thrown.code === 'TOPOLOGY_FAILED' || thrown.code.startsWith('STORAGE_'))) {
      return thrown;
    }
    const topology = this.#topology.name;
    const position = this.#position;
    return new MillraceError(
      'TOPOLOGY_FAILED',
      `Node ${node.name} of topology ${topology} failed on the event at position ${position}: ${messageOf(thrown)}`,
      { cause: thrown, details: { topology, node: node.name, position } },
    );
  }

  #stateWrites(): StateWrite[] {
    const store = storedName(this.#topology.name, PROGRESS_STORE);
    const partition = this.#partition;
    const writes: StateWrite[] = [];
    for (const node of this.#nodes.values()) {
      try {
        for (const each of node.stores) writes.push(...each.writes());
      } catch (thrown) {
        throw this.#failure(node, thrown);
      }
      if (!node.progress.changed) continue;
      writes.push({ op: 'put', store, partition, key: node.name, start: 0, end: 0, value: node.progress.text() });
    }
    return writes;
  }

  async #restore(): Promise<void> {
    const { topics } = this.#environment.storage;
    const store = storedName(this.#topology.name, PROGRESS_STORE);
    for (const { name, progress } of this.#nodes.values()) {
      progress.restore(await topics.getState(store, this.#partition, { key: name, start: 0, end: 0 }));
    }
    this.#restored = true;
  }

  #pause(): Promise<void> {
    return new Promise(resolve => this.#environment.clock.soon(resolve));
  }
}
