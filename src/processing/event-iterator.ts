import type { StoredEvent } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';

type Pages = AsyncGenerator<readonly StoredEvent[], void, undefined>;
type Result = IteratorResult<RecordedEvent, void>;

/**
 * The events of pages, one by one, each decoded when it is asked for. It behaves as an async generator and is written out,
 * because a generator takes three turns of the promise queue for each event, as much as a tenth of the time of reading it.
 */
export class EventIterator implements AsyncGenerator<RecordedEvent, void, undefined> {
  readonly #pages: Pages;
  readonly #decode: (stored: StoredEvent) => RecordedEvent;
  readonly #signal: AbortSignal | undefined;
  #page: readonly StoredEvent[] = [];
  #next = 0;
  /** The last call that waits for a page, or for another such call; undefined when none does. */
  #waiting: Promise<Result> | undefined;

  /** It ends with the pages, or at the next event after the signal has aborted. */
  constructor(pages: Pages, decode: (stored: StoredEvent) => RecordedEvent, signal?: AbortSignal) {
    this.#pages = pages;
    this.#decode = decode;
    this.#signal = signal;
  }

  next(): Promise<Result> {
    const isAtHand = this.#waiting === undefined && this.#next < this.#page.length && !this.#signal?.aborted;
    return isAtHand ? this.#decoded() : this.#inTurn(() => this.#nextOfPages());
  }

  return(): Promise<Result> {
    return this.#inTurn(() => this.#end());
  }

  throw(error: unknown): Promise<Result> {
    return this.#inTurn(() => this.#fail(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Calls that come before the one before them has been answered are answered in their order. */
  #inTurn(step: () => Promise<Result>): Promise<Result> {
    const before = this.#waiting ?? Promise.resolve();
    const waiting = before.then(step, step);
    const settled = (): void => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    };
    this.#waiting = waiting;
    waiting.then(settled, settled);
    return waiting;
  }

  async #nextOfPages(): Promise<Result> {
    if (this.#signal?.aborted) return this.#end();
    while (this.#next >= this.#page.length) {
      const { done, value } = await this.#pages.next();
      if (done) return { done, value: undefined };
      this.#page = value;
      this.#next = 0;
    }
    return this.#decoded();
  }

  #decoded(): Promise<Result> {
    try {
      const stored = this.#page[this.#next++] as StoredEvent;
      return Promise.resolve({ done: false, value: this.#decode(stored) });
    } catch (thrown) {
      return this.#fail(thrown);
    }
  }

  async #end(): Promise<Result> {
    this.#page = [];
    await this.#pages.return();
    return { done: true, value: undefined };
  }

  async #fail(thrown: unknown): Promise<Result> {
    await this.#end();
    throw thrown;
  }
}
