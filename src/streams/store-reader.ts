import { MillraceError } from '../core/index.ts';
import type { StateEntry, StateKey, TopicReader } from '../storage/index.ts';
import { type DropCounts, parseProgress } from './node-progress.ts';
import { parseStateText, type StateValue } from './state-value.ts';
import { PROGRESS_STORE, type StoreDefinition, storedName } from './store-definition.ts';

/** An entry of a store. Without a window, start and end are 0. */
export interface StoreEntry<Value> extends StateKey, StateValue<Value> {}

/** Which entries of a store to list. */
export interface StorePage {
  /** Default: 100. Limit: 10,000. */
  readonly limit?: number;
  /** The entry after which to go on; from the first one when left out. */
  readonly after?: StateKey;
}

const PAGE_DEFAULT = 100;
const PAGE_MAX = 10_000;

/**
 * Answers queries on a store of a running topology. Guarantee: what it shows rests on whole commits of the topology, never on a
 * record half handled.
 */
export class StoreReader<Value = unknown> {
  readonly #topics: TopicReader;
  readonly #topology: string;
  readonly #definition: StoreDefinition;
  readonly #node: string;
  readonly #partition: number;

  constructor(parts: {
    topics: TopicReader;
    topology: string;
    node: string;
    definition: StoreDefinition;
    partition: number;
  }) {
    this.#topics = parts.topics;
    this.#topology = parts.topology;
    this.#definition = parts.definition;
    this.#node = parts.node;
    this.#partition = parts.partition;
  }

  /** What a key holds; undefined when it holds nothing. Throws `INVALID_ARGUMENT` for a store of windows. */
  async get(key: string): Promise<StoreEntry<Value> | undefined> {
    if (this.#definition.kind !== 'key-value') throw this.#misused('has windows; ask for one with window(key, start)');
    return this.#entryAt({ key, start: 0, end: 0 });
  }

  /** The window of a key that begins at `start`; undefined when there is none. Throws `INVALID_ARGUMENT` for a store without. */
  async window(key: string, start: number): Promise<StoreEntry<Value> | undefined> {
    const definition = this.#definition;
    if (definition.kind === 'key-value') throw this.#misused('has no windows; ask for a key with get(key)');
    if (definition.kind === 'window') return this.#entryAt({ key, start, end: start + definition.sizeMs });
    const found = await this.#topics.windowsOf(this.#name, this.#partition, key, { endFrom: start, startTo: start });
    const session = found.find(entry => entry.start === start);
    return session && entryOf(session);
  }

  /** Entries by key, end and start. */
  async all({ limit = PAGE_DEFAULT, after }: StorePage = {}): Promise<readonly StoreEntry<Value>[]> {
    const page = { limit: Math.min(limit, PAGE_MAX), ...(after === undefined ? {} : { after }) };
    const entries = await this.#topics.scanState(this.#name, this.#partition, page);
    return entries.map(entry => entryOf<Value>(entry));
  }

  /** How many records the node of this store has dropped since the topology began, by reason; durable. */
  async dropped(): Promise<DropCounts> {
    const store = storedName(this.#topology, PROGRESS_STORE);
    const text = await this.#topics.getState(store, this.#partition, { key: this.#node, start: 0, end: 0 });
    return parseProgress(text).dropped;
  }

  get #name(): string {
    return storedName(this.#topology, this.#definition.name);
  }

  async #entryAt(place: StateKey): Promise<StoreEntry<Value> | undefined> {
    const text = await this.#topics.getState(this.#name, this.#partition, place);
    return text === undefined ? undefined : entryOf({ ...place, value: text });
  }

  #misused(what: string): MillraceError {
    const { name } = this.#definition;
    return new MillraceError('INVALID_ARGUMENT', `Store ${name} of topology ${this.#topology} ${what}.`, {
      details: { topology: this.#topology, store: name },
    });
  }
}

function entryOf<Value>({ key, start, end, value: text }: StateEntry): StoreEntry<Value> {
  return { key, start, end, ...parseStateText<Value>(text) };
}
