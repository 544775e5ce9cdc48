import type { StateWrite } from '../storage/index.ts';
import { RecentCache } from './recent-cache.ts';
import { parseStateText, remembered, stateText } from './state-value.ts';
import { type SessionStoreDefinition, storedName } from './store-definition.ts';
import type { StoreSurroundings } from './value-store.ts';

/** A session of a key with the aggregate of its records. */
export interface Session<Value> {
  readonly start: number;
  readonly end: number;
  value: Value;
  /** Whether the storage has it. */
  stored: boolean;
  changed: boolean;
}

/** What is known of one key: all of its sessions that end at `from` or later, by their end. */
interface KeySessions<Value> {
  readonly key: string;
  readonly sessions: Session<Value>[];
  from: number;
  /** Sessions that the storage still has. */
  readonly removed: Session<Value>[];
  touched: boolean;
}

/**
 * The sessions of each key, in memory in front of the storage. Changes gather until `writes` hands them over; they are
 * forgotten by `reset` and settled by `committed`. Of a key, only the sessions that a record can still reach are in memory.
 */
export class SessionStore<Value> {
  readonly #definition: SessionStoreDefinition;
  readonly #surroundings: StoreSurroundings;
  readonly #name: string;
  readonly #cache: RecentCache<KeySessions<Value>>;
  #touched: KeySessions<Value>[] = [];
  #expiredBefore = 0;

  constructor(definition: SessionStoreDefinition, surroundings: StoreSurroundings) {
    this.#definition = definition;
    this.#surroundings = surroundings;
    this.#name = storedName(surroundings.topology, definition.name);
    this.#cache = new RecentCache(surroundings.cacheEntriesMax);
  }

  /**
   * The sessions of a key that end at `endFrom` or later and start at `startTo` or earlier, by their end; at once when they
   * are in memory. Sessions past their retention are not found, whether or not the storage has removed them yet.
   */
  find(key: string, endFrom: number, startTo: number): readonly Session<Value>[] | Promise<readonly Session<Value>[]> {
    const from = Math.max(endFrom, this.#expiry());
    const known = this.#cache.get(key);
    if (known !== undefined && known.from <= from) return within(known, from, startTo);
    return this.#load(key, from, known).then(loaded => within(loaded, from, startTo));
  }

  /** Sets the aggregate of a session of a key that was looked up before; null deletes it. */
  put(key: string, start: number, end: number, value: Value | null): void {
    const known = this.#touch(key);
    const index = known.sessions.findIndex(session => session.end >= end);
    const place = index === -1 ? known.sessions.length : index;
    const existing = known.sessions[place];
    const same = existing !== undefined && existing.start === start && existing.end === end;
    if (remembered(value) === null) {
      if (same) this.remove(key, existing);
    } else if (same) {
      existing.value = value as Value;
      existing.changed = true;
    } else {
      known.sessions.splice(place, 0, { start, end, value: value as Value, stored: false, changed: true });
    }
  }

  /** Removes a session that `find` has answered. */
  remove(key: string, session: Session<Value>): void {
    const known = this.#touch(key);
    known.sessions.splice(known.sessions.indexOf(session), 1);
    if (session.stored) known.removed.push(session);
  }

  /** Every change since the last commit, and the removal of what has become too old. */
  writes(): StateWrite[] {
    const store = this.#name;
    const { partition } = this.#surroundings;
    const writes: StateWrite[] = [];
    for (const { key, sessions, removed } of this.#touched) {
      // Deletions come first: a session may have been removed and made again with the same bounds.
      for (const { start, end } of removed) writes.push({ op: 'delete', store, partition, key, start, end });
      for (const { start, end, value, changed } of sessions) {
        if (changed)
          writes.push({ op: 'put', store, partition, key, start, end, value: stateText({ value, timestamp: end }) });
      }
    }
    const endBefore = this.#expiry();
    if (endBefore > this.#expiredBefore) writes.push({ op: 'expire', store, partition, endBefore });
    return writes;
  }

  /** Learns that the last `writes` are durable. */
  committed(): void {
    const reach = this.#reach();
    for (const known of this.#touched) settle(known, reach);
    this.#touched = [];
    this.#expiredBefore = this.#expiry();
    this.#cache.rotate();
  }

  /** Forgets everything; what is needed is read from the storage again. */
  reset(): void {
    this.#touched = [];
    this.#expiredBefore = 0;
    this.#cache.clear();
  }

  #touch(key: string): KeySessions<Value> {
    const known = this.#cache.get(key);
    if (known === undefined) throw new Error(`The sessions of key ${key} are changed before they were looked up.`);
    if (!known.touched) {
      known.touched = true;
      this.#touched.push(known);
    }
    return known;
  }

  /** Reads the sessions of a key, or those older than the ones in memory, which no change has reached. */
  async #load(key: string, from: number, known: KeySessions<Value> | undefined): Promise<KeySessions<Value>> {
    const { topics, partition } = this.#surroundings;
    const range = { endFrom: Math.min(from, this.#reach()), startTo: Number.MAX_SAFE_INTEGER };
    const entries = await topics.windowsOf(this.#name, partition, key, range);
    const sessions = entries
      .filter(entry => known === undefined || entry.end < known.from)
      .map(({ start, end, value: text }): Session<Value> => {
        const { value } = parseStateText<Value>(text);
        return { start, end, value: remembered(value), stored: true, changed: false };
      });
    if (known !== undefined) {
      known.sessions.unshift(...sessions);
      known.from = range.endFrom;
      return known;
    }
    const loaded = { key, sessions, from: range.endFrom, removed: [], touched: false };
    this.#cache.set(key, loaded);
    return loaded;
  }

  #expiry(): number {
    return this.#surroundings.progress.streamTime - this.#definition.retentionMs;
  }

  /** Sessions that end before this are reached only by a record that bridges back from an open session. */
  #reach(): number {
    const { gapMs, graceMs } = this.#definition;
    return this.#surroundings.progress.streamTime - graceMs - 2 * gapMs;
  }
}

function within<Value>({ sessions }: KeySessions<Value>, endFrom: number, startTo: number): readonly Session<Value>[] {
  return sessions.filter(({ start, end }) => end >= endFrom && start <= startTo);
}

function settle<Value>(known: KeySessions<Value>, reach: number): void {
  known.touched = false;
  known.removed.length = 0;
  for (const session of known.sessions) {
    session.changed = false;
    session.stored = true;
  }
  if (reach <= known.from) return;
  const kept = known.sessions.findIndex(({ end }) => end >= reach);
  known.sessions.splice(0, kept === -1 ? known.sessions.length : kept);
  known.from = reach;
}
