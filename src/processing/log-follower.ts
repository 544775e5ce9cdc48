import type { Clock } from '../core/index.ts';
import type { LogFilter, LogPage, Storage } from '../storage/index.ts';
import { Doorbell } from './doorbell.ts';

/** How long a follower waits for a hint before it looks by itself: a lost hint costs this much, and no event. */
const POLL_MS = 1_000;

/** Reads the log page by page and waits for more: what everything that follows the log is built on. */
export class LogFollower {
  readonly #storage: Storage;
  readonly #filter: LogFilter;
  readonly #doorbell: Doorbell;
  #head = 0;
  #unwatch: (() => void) | undefined;

  constructor(options: { storage: Storage; clock: Clock; filter: LogFilter }) {
    this.#storage = options.storage;
    this.#filter = options.filter;
    this.#doorbell = new Doorbell(options.clock);
  }

  /** The last position of the log, as far as is known. */
  get head(): number {
    return this.#head;
  }

  /** Begins to listen for commits. */
  start(): void {
    this.#unwatch ??= this.#storage.watch(({ head }) => {
      this.#head = head;
      this.#doorbell.ring();
    });
  }

  /** The next wanted events after a position; none when the log has no more. */
  async page(after: number, limit: number): Promise<LogPage> {
    const page = await this.#storage.log.readLog({ after, limit, filter: this.#filter });
    this.#head = Math.max(this.#head, page.through);
    return page;
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
}
