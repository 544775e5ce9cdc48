import { isMillraceError, sleep } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';

/** A queue, and how long the records of what was done in it are kept. */
export interface KeptRecords {
  readonly queue: string;
  readonly keepMs: number;
}

/** How often records are looked through: what is kept too long is kept an hour too long. */
const EVERY_MS = 3_600_000;
/** Records deleted in one commit: a slice of bulk work of at most about 5 ms. */
const SLICE = 400;

/** Deletes the records of finished deliveries when they are old enough, a slice at a time. */
export class RecordPurge {
  readonly #kept: readonly KeptRecords[];
  readonly #environment: Environment;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(kept: readonly KeptRecords[], environment: Environment) {
    this.#kept = kept;
    this.#environment = environment;
  }

  /** Begins at once, and goes on every hour. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the current slice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, telemetry } = this.#environment;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        for (const { queue, keepMs } of this.#kept) await this.#purge(queue, clock.now() - keepMs);
      } catch (thrown) {
        if (isMillraceError(thrown, 'STORAGE_CLOSED')) return;
        telemetry.logger.warn({ err: failureOf(thrown) }, 'old records could not be deleted; it is tried again');
      }
      await sleep(clock, EVERY_MS, signal);
    }
  }

  async #purge(queue: string, doneBefore: number): Promise<void> {
    const { storage } = this.#environment;
    let { done } = await storage.work.counts(queue);
    while (done > 0 && !this.#stopping.signal.aborted) {
      await storage.commit({ class: 'bulk', work: [{ op: 'purge', queue, doneBefore, limit: SLICE }] });
      const before = done;
      ({ done } = await storage.work.counts(queue));
      // A slice that was not full was the last one. What is done meanwhile is far fewer than half a slice.
      if (before - done < SLICE / 2) return;
    }
  }
}
