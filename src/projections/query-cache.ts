/** A result that is kept, and what it rests on. */
export interface Kept {
  readonly result: unknown;
  /** Names the state of the models that it was made of. */
  readonly token: string;
  readonly position: number;
  /** Until when it is served, by the monotonic clock. */
  readonly until: number;
}

/** Keeps the results of queries, those that were asked for last. */
export class QueryCache {
  readonly #most: number;
  readonly #kept = new Map<string, Kept>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The result under a key, if it is of this state and not too old. */
  get(key: string, token: string, now: number): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (kept.token !== token || now >= kept.until) return undefined;
    // Put behind all others: the first one is that which nobody has asked for longest.
    this.#kept.set(key, kept);
    return kept;
  }

  /** Keeps a result, in the place of the one that nobody has asked for longest when there are too many. */
  keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= this.#most) return;
    const [oldest] = this.#kept.keys();
    this.#kept.delete(oldest as string);
  }
}
