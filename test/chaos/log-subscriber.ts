import type { Random } from '../../src/core/index.ts';
import type { LogFilter, Storage } from '../../src/storage/index.ts';

/** Reads the log from its beginning while it grows, from checkpoint to checkpoint, in pages of any size. */
export class LogSubscriber {
  /** What it saw that no subscriber may see. */
  readonly flaws: string[] = [];
  readonly #following: Promise<void>;
  #end = Number.POSITIVE_INFINITY;

  constructor(storage: Storage, random: Random) {
    this.#following = this.#follow(storage, random);
  }

  /** Resolves when it has read up to a position. */
  async endAt(head: number): Promise<void> {
    this.#end = head;
    await this.#following;
  }

  async #follow({ log }: Storage, random: Random): Promise<void> {
    let checkpoint = 0;
    while (checkpoint < this.#end && this.flaws.length === 0) {
      const { events, through } = await log.readLog({ after: checkpoint, limit: 1 + (random.uint32() % 200) });
      for (const { position } of events) {
        if (position !== checkpoint + 1) this.flaws.push(`position ${position} came after ${checkpoint}`);
        checkpoint = position;
      }
      // Whoever appends has to get its turn where a read answers at once.
      if (events.length === 0) await new Promise(setImmediate);
      if (through !== checkpoint) this.flaws.push(`a page leads to ${through} and shows nothing behind ${checkpoint}`);
    }
  }
}

/** How many events a filter has wanted so far, as one reader knows it that goes on from its checkpoint each time. */
export class EventCount {
  readonly #filter: LogFilter;
  #checkpoint = 0;
  #count = 0;

  constructor(filter: LogFilter) {
    this.#filter = filter;
  }

  /** Counts on, up to the end of the log as it is now. */
  async upToNow({ log }: Storage): Promise<{ seen: number; after: number }> {
    const head = await log.head();
    while (this.#checkpoint < head) {
      const after = this.#checkpoint;
      const { events, through } = await log.readLog({ after, limit: 1_000, filter: this.#filter });
      // Another caller may have counted the same page meanwhile.
      if (this.#checkpoint !== after) continue;
      if (through === after) throw new Error(`a page leads nowhere from ${after}, and the log goes on to ${head}`);
      this.#count += events.length;
      this.#checkpoint = through;
    }
    return { seen: this.#count, after: this.#checkpoint };
  }
}
