import type { Clock } from '../core/index.ts';
import type { Hint, LogFilter, LogPage, Storage } from '../storage/index.ts';
import { Doorbell } from './doorbell.ts';

/** How long a follower waits for a hint before it looks by itself: a lost hint costs this much, and no event. */
const POLL_MS = 1_000;

/**
 * Reads the log page by page and waits for more: what everything that follows the log is built on. Commits that hold nothing
 * it wants pass by without being read.
 */
export class LogFollower {
  readonly #storage: Storage;
  readonly #filter: LogFilter;
  readonly #clock: Clock;
  readonly #doorbell: Doorbell;
  readonly #advanced: (position: number) => void;
  #position = 0;
  #head = 0;
  #behindSince: number | null = null;
  #unwatch: (() => void) | undefined;

  /** `advanced` learns of every step forward. */
  constructor(options: {
    storage: Storage;
    clock: Clock;
    filter: LogFilter;
    advanced?: (position: number) => void;
  }) {
    this.#storage = options.storage;
    this.#filter = options.filter;
    this.#clock = options.clock;
    this.#doorbell = new Doorbell(options.clock);
    this.#advanced = options.advanced ?? (() => undefined);
  }

  /** Everything wanted up to this position has been dealt with. */
  get position(): number {
    return this.#position;
  }

  /** The last position of the log, as far as is known. */
  get head(): number {
    return Math.max(this.#head, this.#position);
  }

  /** Since when it has had something before it without a step forward; null when it has nothing. */
  get behindSince(): number | null {
    return this.#behindSince;
  }

  /** Begins to listen for commits, and looks where the log ends. */
  async start(): Promise<void> {
    this.#unwatch ??= this.#storage.watch(hint => this.#heard(hint));
    this.#sawHead(await this.#storage.log.head());
  }

  /** The next wanted events after the position, or after one further on; none when the log has no more. */
  async page(limit: number, after = this.#position): Promise<LogPage> {
    const page = await this.#storage.log.readLog({ after, limit, filter: this.#filter });
    this.#sawHead(page.through);
    return page;
  }

  /** Says that everything up to a position has been dealt with. */
  advance(position: number): void {
    if (position > this.#position) {
      this.#position = position;
      this.#behindSince = this.#head > position ? this.#clock.now() : null;
      this.#advanced(position);
    }
  }

  /** Waits until there may be more. */
  wait(): Promise<void> {
    return this.#doorbell.wait(POLL_MS);
  }

  /** Ends a wait. */
  wake(): void {
    this.#doorbell.ring();
  }

  /** Ends listening, and a wait. */
  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#doorbell.ring();
  }

  /**
   * When everything before a commit has been dealt with and the commit holds nothing wanted, there is nothing to look at.
   * Otherwise it has to be read: by then, or because a hint was lost.
   */
  #heard({ from, head, types }: Hint): void {
    this.#sawHead(head);
    const wanted = this.#filter.types?.some(type => types.has(type)) ?? types.size > 0;
    if (!wanted && this.#position >= from) this.advance(head);
    else this.#doorbell.ring();
  }

  #sawHead(head: number): void {
    this.#head = Math.max(this.#head, head);
    if (this.#head > this.#position) this.#behindSince ??= this.#clock.now();
  }
}
