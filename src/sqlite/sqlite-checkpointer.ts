import { Worker } from 'node:worker_threads';
import type { Logger } from '../core/index.ts';
import type { CheckpointReply } from './sqlite-checkpoint-thread.ts';
import { siblingModule } from './sqlite-thread.ts';

/** Pages written to the log before they are copied into the database: 8 MiB. */
const COPY_AFTER_PAGES = 2_048;
/** Pages in the log before it is started anew: 32 MiB. */
const RESTART_FROM_PAGES = 8_192;
/** A commit writes every page it touches: about these for its indexes and roots, and one for so many rows. */
const PAGES_PER_GROUP = 6;
const ROWS_PER_PAGE = 4;

/**
 * Keeps the write-ahead log small. A thread with a connection of its own copies pages while writing goes on, so that neither
 * a commit nor the event loop waits for it. Under a load that never pauses that alone would let the log grow for ever, so
 * from time to time the writer itself copies the small rest and starts the log anew.
 */
export class SqliteCheckpointer {
  readonly #restartLog: () => Promise<void>;
  readonly #logger: Logger;
  readonly #thread: Worker;
  #copying = false;
  #pagesSinceCopy = 0;

  constructor(options: { file: string; restartLog: () => Promise<void>; logger: Logger }) {
    this.#restartLog = options.restartLog;
    this.#logger = options.logger;
    this.#thread = new Worker(siblingModule('sqlite-checkpoint-thread'), { workerData: options.file });
    this.#thread.unref();
    this.#thread.on('message', (reply: CheckpointReply) => void this.#copied(reply));
    this.#thread.on('error', error => this.#logger.error({ error: error.message }, 'checkpoint thread ended'));
  }

  /** Counts a committed group; has the log copied when enough has come together. */
  committed(rows: number): void {
    this.#pagesSinceCopy += PAGES_PER_GROUP + rows / ROWS_PER_PAGE;
    if (this.#copying || this.#pagesSinceCopy < COPY_AFTER_PAGES) return;
    this.#copying = true;
    this.#pagesSinceCopy = 0;
    this.#thread.postMessage('copy');
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async #copied(reply: CheckpointReply): Promise<void> {
    if ('failure' in reply) {
      this.#logger.warn({ failure: reply.failure }, 'the write-ahead log could not be copied; it is tried again');
    } else if (reply.logPages >= RESTART_FROM_PAGES) {
      await this.#restartLog();
    }
    this.#copying = false;
  }
}
