import type { Database } from 'better-sqlite3';

/** Who holds something, until when by the monotonic clock. */
export interface Lease {
  readonly fence: number;
  /** Who may take it again while it runs; undefined: nobody. */
  readonly owner: string | undefined;
  endsAt: number;
}

const FENCES_PER_EPOCH = 2 ** 32;

/**
 * Leases of one owner process, in memory: taking one costs no sync, and the end of the process voids them all. Fences rise
 * over restarts because each opening of the file starts a new epoch.
 */
export class SqliteLeases {
  readonly #held = new Map<string, Map<string, Lease>>();
  #lastFence: number;

  constructor(epoch: number) {
    this.#lastFence = epoch * FENCES_PER_EPOCH;
  }

  /** Takes a lease when nobody, or nobody but the same owner, holds one that is still running. */
  take(
    scope: string,
    key: string,
    { now, leaseMs, owner }: { now: number; leaseMs: number; owner?: string },
  ): Lease | undefined {
    let scoped = this.#held.get(scope);
    if (scoped === undefined) {
      scoped = new Map();
      this.#held.set(scope, scoped);
    }
    const current = scoped.get(key);
    if (current !== undefined && current.endsAt > now && (owner === undefined || current.owner !== owner)) {
      return undefined;
    }
    const lease = { fence: ++this.#lastFence, owner, endsAt: now + leaseMs };
    scoped.set(key, lease);
    return lease;
  }

  /** Whether a fence is the highest that was given out for this key. Its lease may have ended: nobody took over. */
  holds(scope: string, key: string, fence: number): boolean {
    return this.#held.get(scope)?.get(key)?.fence === fence;
  }

  /** Whether somebody holds a lease that is still running. */
  isHeld(scope: string, key: string, now: number): boolean {
    const lease = this.#held.get(scope)?.get(key);
    return lease !== undefined && lease.endsAt > now;
  }

  /** The leases of a scope that are still running, by key. */
  running(scope: string, now: number): readonly (readonly [key: string, lease: Lease])[] {
    return [...(this.#held.get(scope) ?? [])].filter(([, { endsAt }]) => endsAt > now);
  }

  /** Extends a lease; false when another holder took over. */
  renew(scope: string, key: string, fence: number, now: number, leaseMs: number): boolean {
    const lease = this.#held.get(scope)?.get(key);
    if (lease?.fence !== fence) return false;
    lease.endsAt = now + leaseMs;
    return true;
  }

  /** Ends a lease; returns what puts it back, for a commit that fails after all. */
  end(scope: string, key: string): (() => void) | undefined {
    const scoped = this.#held.get(scope);
    const lease = scoped?.get(key);
    if (scoped === undefined || lease === undefined) return undefined;
    scoped.delete(key);
    return () => scoped.set(key, lease);
  }

  /** How many leases of a scope are kept, run out or not. */
  count(scope: string): number {
    return this.#held.get(scope)?.size ?? 0;
  }
}

/** Counts the openings of a file, so that fences rise over restarts. */
export function nextEpoch(database: Database): number {
  return database
    .prepare(
      `INSERT INTO meta (name, value) VALUES ('epoch', 1)
       ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`,
    )
    .pluck()
    .get() as number;
}
