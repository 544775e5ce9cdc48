import { MillraceError } from '../core/index.ts';
import { type Environment, Processor, type ProcessorStatus } from '../processing/index.ts';
import { type DropCounts, NO_STREAM_TIME, parseProgress } from './node-progress.ts';
import { PROGRESS_STORE, type StoreDefinition, storedName } from './store-definition.ts';
import { StoreReader } from './store-reader.ts';
import type { Topology } from './topology.ts';
import { TopologyTask } from './topology-task.ts';

/** Where a topology stands. `name` is that of its processor. */
export interface TopologyStatus extends ProcessorStatus {
  readonly topology: string;
  readonly description: string;
}

/** What a node of a topology has seen. */
export interface NodeStatus {
  readonly node: string;
  readonly kind: string;
  /** Greatest event time that it has seen, in milliseconds since 1970 UTC; null for a node that keeps none or saw no record. */
  readonly streamTime: number | null;
  readonly dropped: DropCounts;
}

/** Topologies read the whole log in order, so that there is one task for each. */
const PARTITION = 0;
/** A commit is made after this many records … */
const COMMIT_RECORDS_MAX = 10_000;
/** … or this long after the one before, in milliseconds. */
const COMMIT_INTERVAL_MS = 100;
/** Entries that each store holds in memory, about; the others are read from the storage when they are needed. */
const CACHE_ENTRIES_MAX = 50_000;

interface Running {
  readonly topology: Topology;
  readonly processor: Processor;
}

/**
 * Runs topologies inside this process on the storage of the app. Each one follows the log and commits its outputs, its state
 * and its cursor together, every 100 ms or 10,000 records: every event counts exactly once, through any crash.
 */
export class TopologyEngine {
  readonly #environment: Environment;
  readonly #running = new Map<string, Running>();

  /** `cacheEntriesMax`: entries of each store that are held in memory, about. Default: 50,000. */
  constructor(options: {
    definitions: readonly Topology[];
    environment: Environment;
    cacheEntriesMax?: number;
  }) {
    const { environment, cacheEntriesMax = CACHE_ENTRIES_MAX } = options;
    this.#environment = environment;
    for (const topology of options.definitions) {
      const handler = new TopologyTask({ topology, partition: PARTITION, environment, cacheEntriesMax });
      const definition = {
        name: `topology:${topology.name}`,
        types: [...new Set(topology.events.map(({ type }) => type))],
        handler,
        batchSize: COMMIT_RECORDS_MAX,
        lingerMs: COMMIT_INTERVAL_MS,
        failure: topology.failure,
      };
      this.#running.set(topology.name, { topology, processor: new Processor(definition, environment) });
    }
  }

  /** Makes the topics that the topologies write and begins to follow the log. */
  async start(): Promise<void> {
    for (const { topology, processor } of this.#running.values()) {
      for (const { definition } of topology.nodes) {
        if (definition.topic !== undefined) await this.#environment.storage.topics.define(definition.topic);
      }
      await processor.start();
    }
  }

  /** Lets running pages finish and ends. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ processor }) => processor.stop()));
  }

  /** Where every topology stands. */
  statuses(): readonly TopologyStatus[] {
    return [...this.#running.keys()].map(name => this.status(name));
  }

  /** Where one topology stands. Throws `TOPOLOGY_NOT_FOUND`. */
  status(name: string): TopologyStatus {
    const { topology, processor } = this.#find(name);
    return { ...processor.status(), topology: name, description: topology.description };
  }

  /** The stores that a topology keeps, in the order of its nodes. Throws `TOPOLOGY_NOT_FOUND`. */
  stores(name: string): readonly StoreDefinition[] {
    return this.#find(name).topology.nodes.flatMap(({ definition }) => definition.stores ?? []);
  }

  /**
   * Resolves once a topology has handled and committed everything up to a position: true then, false when `timeoutMs` ran out
   * first. Throws `TOPOLOGY_NOT_FOUND`.
   */
  async reached(name: string, position: number, timeoutMs: number): Promise<boolean> {
    return this.#find(name).processor.reached(position, timeoutMs);
  }

  /** What each node of a topology has seen and dropped since the topology began; durable. Throws `TOPOLOGY_NOT_FOUND`. */
  async nodes(name: string): Promise<readonly NodeStatus[]> {
    const { topology } = this.#find(name);
    const { topics } = this.#environment.storage;
    const store = storedName(name, PROGRESS_STORE);
    return Promise.all(
      topology.nodes.map(async ({ definition: { name: node, kind } }) => {
        const text = await topics.getState(store, PARTITION, { key: node, start: 0, end: 0 });
        const { streamTime, dropped } = parseProgress(text);
        return { node, kind, streamTime: streamTime === NO_STREAM_TIME ? null : streamTime, dropped };
      }),
    );
  }

  /**
   * The store of a node, for queries. Name the type of its values: it is the topology's, which a name does not carry.
   * Throws `TOPOLOGY_NOT_FOUND`, and `NOT_FOUND` when the topology has no such store.
   */
  store<Value = unknown>(topologyName: string, storeName: string): StoreReader<Value> {
    const { topology } = this.#find(topologyName);
    const { topics } = this.#environment.storage;
    const known: string[] = [];
    for (const { definition: node } of topology.nodes) {
      for (const definition of node.stores ?? []) {
        const parts = { topics, topology: topologyName, node: node.name, definition, partition: PARTITION };
        if (definition.name === storeName) return new StoreReader<Value>(parts);
        known.push(definition.name);
      }
    }
    throw new MillraceError(
      'NOT_FOUND',
      `Topology ${topologyName} has no store ${storeName}. It has: ${known.join(', ') || 'none'}.`,
      { details: { topology: topologyName, store: storeName, known } },
    );
  }

  #find(name: string): Running {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const known = [...this.#running.keys()];
    throw new MillraceError(
      'TOPOLOGY_NOT_FOUND',
      `There is no topology ${name}. There are: ${known.join(', ') || 'none'}.`,
      {
        details: { name, known },
      },
    );
  }
}
