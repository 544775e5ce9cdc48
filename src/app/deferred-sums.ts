import type { Labels } from '../core/index.ts';

/** Label sets that are kept before what came together is passed on. */
const KEPT_MAX = 256;
const NO_LABELS: Labels = {};

/**
 * Adds up what a counter is told and passes the sums on when it is read: counting costs an append an addition, not the look-up of its
 * labels. Labels are told apart by object; who counts often keeps one for each set.
 */
export class DeferredSums {
  readonly #call: (labels: Labels, sum: number) => void;
  readonly #sums = new Map<Labels, number>();

  constructor(call: (labels: Labels, sum: number) => void) {
    this.#call = call;
  }

  add(amount: number, labels: Labels = NO_LABELS): void {
    const sum = this.#sums.get(labels);
    if (sum === undefined && this.#sums.size === KEPT_MAX) this.flush();
    this.#sums.set(labels, (sum ?? 0) + amount);
  }

  flush(): void {
    for (const [labels, sum] of this.#sums) this.#call(labels, sum);
    this.#sums.clear();
  }
}
