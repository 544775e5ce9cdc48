import type { StateWrite, TopicReader } from '../storage/index.ts';
import type { NodeProgress } from './node-progress.ts';
import { RecentCache } from './recent-cache.ts';
import { parseStateText, remembered, stateText } from './state-value.ts';
import { storedName, type ValueStoreDefinition } from './store-definition.ts';

/** One place of a value store, with what it holds at the moment. */
export interface Slot<Value> {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** Null when there is nothing. */
  value: Value | null;
  timestamp: number;
  /** Whether the storage has it. */
  stored: boolean;
  changed: boolean;
}

/** What a store stands on. */
export interface StoreSurroundings {
  readonly topics: TopicReader;
  readonly topology: string;
  readonly partition: number;
  readonly progress: NodeProgress;
  readonly cacheEntriesMax: number;
}

/**
 * State by key, or by key and window, in memory in front of the storage. Changes gather until `writes` hands them over, each
 * place once with its last value; they are forgotten by `reset` and settled by `committed`.
 */
export class ValueStore<Value> {
  readonly #definition: ValueStoreDefinition;
  readonly #surroundings: StoreSurroundings;
  readonly #name: string;
  readonly #cache: RecentCache<Slot<Value>>;
  #changed: Slot<Value>[] = [];
  #expiredBefore = 0;

  constructor(definition: ValueStoreDefinition, surroundings: StoreSurroundings) {
    this.#definition = definition;
    this.#surroundings = surroundings;
    this.#name = storedName(surroundings.topology, definition.name);
    this.#cache = new RecentCache(surroundings.cacheEntriesMax);
  }

  /** The place of a key, in a window that begins at `start`; at once when it is in memory. */
  find(key: string, start = 0): Slot<Value> | Promise<Slot<Value>> {
    const id = this.#definition.kind === 'window' ? `${start}/${key}` : key;
    return this.#cache.get(id) ?? this.#load(id, key, start);
  }

  /** Changes what a place holds; null deletes it. */
  put(slot: Slot<Value>, value: Value | null, timestamp: number): void {
    slot.value = remembered(value);
    slot.timestamp = timestamp;
    if (slot.changed) return;
    slot.changed = true;
    this.#changed.push(slot);
  }

  /** Every change since the last commit, and the removal of what has become too old. */
  writes(): StateWrite[] {
    const store = this.#name;
    const { partition } = this.#surroundings;
    const writes: StateWrite[] = [];
    for (const { key, start, end, value, timestamp, stored } of this.#changed) {
      if (value !== null)
        writes.push({ op: 'put', store, partition, key, start, end, value: stateText({ value, timestamp }) });
      else if (stored) writes.push({ op: 'delete', store, partition, key, start, end });
    }
    const endBefore = this.#expiry();
    if (endBefore > this.#expiredBefore) writes.push({ op: 'expire', store, partition, endBefore });
    return writes;
  }

  /** Learns that the last `writes` are durable. */
  committed(): void {
    for (const slot of this.#changed) {
      slot.changed = false;
      slot.stored = slot.value !== null;
    }
    this.#changed = [];
    this.#expiredBefore = this.#expiry();
    this.#cache.rotate();
  }

  /** Forgets everything; what is needed is read from the storage again. */
  reset(): void {
    this.#changed = [];
    this.#expiredBefore = 0;
    this.#cache.clear();
  }

  #expiry(): number {
    const definition = this.#definition;
    return definition.kind === 'window' ? this.#surroundings.progress.streamTime - definition.retentionMs : 0;
  }

  async #load(id: string, key: string, start: number): Promise<Slot<Value>> {
    const { topics, partition } = this.#surroundings;
    const end = this.#definition.kind === 'window' ? start + this.#definition.sizeMs : 0;
    const text = await topics.getState(this.#name, partition, { key, start, end });
    const { value, timestamp } = text === undefined ? { value: null, timestamp: 0 } : parseStateText<Value>(text);
    const slot = { key, start, end, value: remembered(value), timestamp, stored: text !== undefined, changed: false };
    this.#cache.set(id, slot);
    return slot;
  }
}
