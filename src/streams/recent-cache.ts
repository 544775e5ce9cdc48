/**
 * Remembers what was used lately. It keeps two generations: what is used moves to the young one, and `rotate` forgets the old
 * one when the young is full. A look-up costs one map access, and nothing is forgotten between two calls of `rotate`.
 */
export class RecentCache<Value> {
  readonly #generationMax: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** Rotations keep the entries used last, at least half of `entriesMax` and at most one and a half times as many. */
  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  /** How many entries are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(id: string): Value | undefined {
    const value = this.#young.get(id);
    if (value !== undefined) return value;
    const older = this.#old.get(id);
    if (older !== undefined) {
      this.#old.delete(id);
      this.#young.set(id, older);
    }
    return older;
  }

  set(id: string, value: Value): void {
    this.#young.set(id, value);
  }

  /** Makes room: to be called when everything that is remembered can be read from the storage again. */
  rotate(): void {
    if (this.#young.size <= this.#generationMax) return;
    // A single page may bring more than a generation holds; then even the young one is too large to keep.
    this.#old = this.#young.size <= 2 * this.#generationMax ? this.#young : new Map();
    this.#young = new Map();
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
