import type { Clock } from './clock.ts';

/** What became of one item of a group: its result, or why it alone was refused. */
export type Outcome<R> = { readonly ok: R } | { readonly error: Error };

/** How a group queue works through its items. */
export interface GroupQueueOptions<T, R> {
  readonly clock: Clock;
  /** How much work an item is, in rows written; at least 1. */
  weigh(item: T): number;
  /**
   * Works through a group in order and answers one outcome for each item; `weight` is that of all of them. Answering a plain array,
   * not a promise, keeps a synchronous backend free of a turn of the event loop. Throwing fails the whole group.
   */
  run(group: readonly T[], weight: number): readonly Outcome<R>[] | Promise<readonly Outcome<R>[]>;
}

/** The rows of one group: about 15 ms of a synchronous writer, which is how long it may hold the event loop. */
const GROUP_WEIGHT_MAX = 1_000;
/** The rows of one slice of bulk work: about 5 ms of a synchronous writer. */
const BULK_WEIGHT_MAX = 400;
/** Interactive rows for which waiting bulk work is owed one row: a share of at least 20 %. */
const INTERACTIVE_WEIGHT_PER_BULK = 4;

interface Entry<T, R> {
  readonly item: T;
  readonly weight: number;
  readonly resolve: (result: R) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Group commit: items queue while the previous group is made durable, then go together, so that one sync acknowledges
 * them all. One group runs at a time, in the order of arrival within a class.
 */
export class GroupQueue<T, R> {
  readonly #options: GroupQueueOptions<T, R>;
  #interactive: Entry<T, R>[] = [];
  #bulk: Entry<T, R>[] = [];
  /** The rows that waiting bulk work is owed for the interactive ones that went before it. */
  #owedToBulk = 0;
  #active = false;
  #idle: (() => void)[] = [];

  constructor(options: GroupQueueOptions<T, R>) {
    this.#options = options;
  }

  /** Adds an item; answers its own outcome once its group is through. */
  submit(item: T, bulk: boolean): Promise<R> {
    return new Promise((resolve, reject) => {
      const entry = { item, weight: this.#options.weigh(item), resolve, reject };
      (bulk ? this.#bulk : this.#interactive).push(entry);
      if (this.#active) return;
      this.#active = true;
      this.#options.clock.soon(this.#runNext);
    });
  }

  /** Resolves when nothing is queued or running. */
  drained(): Promise<void> {
    if (!this.#active) return Promise.resolve();
    return new Promise(resolve => this.#idle.push(resolve));
  }

  readonly #runNext = (): void => {
    const { taken: group, weight } = this.#takeGroup();
    let outcomes: ReturnType<GroupQueueOptions<T, R>['run']>;
    try {
      outcomes = this.#options.run(
        group.map(entry => entry.item),
        weight,
      );
    } catch (thrown) {
      this.#fail(group, thrown);
      return;
    }
    if (outcomes instanceof Promise) {
      outcomes.then(
        settled => this.#settle(group, settled),
        thrown => this.#fail(group, thrown),
      );
    } else {
      this.#settle(group, outcomes);
    }
  };

  #takeGroup(): Slice<Entry<T, R>> {
    if (this.#bulk.length > 0 && (this.#interactive.length === 0 || this.#owedToBulk >= BULK_WEIGHT_MAX)) {
      const slice = takeUpTo(this.#bulk, BULK_WEIGHT_MAX);
      this.#bulk = slice.rest;
      // What a slice falls short of, or the groups before it went beyond, is not forgotten while bulk work waits.
      this.#owedToBulk = this.#bulk.length === 0 ? 0 : Math.max(0, this.#owedToBulk - slice.weight);
      return slice;
    }
    const slice = takeUpTo(this.#interactive, GROUP_WEIGHT_MAX);
    this.#interactive = slice.rest;
    if (this.#bulk.length > 0) this.#owedToBulk += slice.weight / INTERACTIVE_WEIGHT_PER_BULK;
    return slice;
  }

  #settle(group: readonly Entry<T, R>[], outcomes: readonly Outcome<R>[]): void {
    for (let index = 0; index < group.length; index++) {
      const entry = group[index] as Entry<T, R>;
      const outcome = outcomes[index] as Outcome<R>;
      if ('ok' in outcome) entry.resolve(outcome.ok);
      else entry.reject(outcome.error);
    }
    this.#continue();
  }

  #fail(group: readonly Entry<T, R>[], thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    for (const entry of group) entry.reject(error);
    this.#continue();
  }

  #continue(): void {
    if (this.#interactive.length > 0 || this.#bulk.length > 0) {
      this.#options.clock.soon(this.#runNext);
      return;
    }
    this.#active = false;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

/** The first of some entries, and those that are left. */
interface Slice<E> {
  readonly taken: E[];
  readonly rest: E[];
  /** Of those taken. */
  readonly weight: number;
}

function takeUpTo<E extends { weight: number }>(entries: E[], limit: number): Slice<E> {
  let weight = 0;
  let count = 0;
  while (count < entries.length) {
    weight += (entries[count] as E).weight;
    if (count > 0 && weight > limit) {
      weight -= (entries[count] as E).weight;
      break;
    }
    count++;
  }
  if (count === entries.length) return { taken: entries, rest: [], weight };
  return { taken: entries.slice(0, count), rest: entries.slice(count), weight };
}
