import type { Clock } from '../core/index.ts';
import type { Effects, Storage } from '../storage/index.ts';
import { deadLetterQueue } from './dead-letter.ts';

/** How long a processor goes without looking whether there is something to do aside: a lost hint costs this much. */
const LOOK_EVERY_MS = 5_000;

/** Lets a handler do what comes beside the log whenever there is work in the processor's dead-letter queue. */
export class Aside {
  readonly #ask: (() => Promise<Effects | undefined>) | undefined;
  readonly #queue: string;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #wake: () => void;
  #lookAt = 0;
  #unwatch: (() => void) | undefined;

  constructor(
    definition: { readonly name: string; readonly handler: { aside?(): Promise<Effects | undefined> } },
    { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
    wake: () => void,
  ) {
    const { handler } = definition;
    this.#ask = handler.aside?.bind(handler);
    this.#queue = deadLetterQueue(definition.name);
    this.#storage = storage;
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Begins to hear of work. */
  watch(): void {
    if (this.#ask === undefined) return;
    this.#lookAt = 0;
    this.#unwatch ??= this.#storage.watch(({ queues }) => {
      if (!queues.has(this.#queue)) return;
      this.#lookAt = 0;
      this.#wake();
    });
  }

  /** Has everything done that there is to do, each thing in a commit of its own. */
  async run(commit: (effects: Effects) => Promise<unknown>): Promise<void> {
    if (this.#ask === undefined || this.#clock.monotonic() < this.#lookAt) return;
    this.#lookAt = this.#clock.monotonic() + LOOK_EVERY_MS;
    for (let effects = await this.#ask(); effects !== undefined; effects = await this.#ask()) await commit(effects);
  }

  /** Hears of no more work. */
  end(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }
}
