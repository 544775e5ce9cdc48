import { Worker } from 'node:worker_threads';
import { type Logger, messageOf } from '../core/index.ts';
import type { CheckpointReply } from './sqlite-checkpoint-thread.ts';
import { siblingModule } from './sqlite-thread.ts';

/** Pages written to the log before they are copied into the database: 8 MiB. */
const COPY_AFTER_PAGES = 2_048;
/** Rows written before the pages in the log are counted again: counting costs as much as writing two rows, and a row changes a few pages. */
const COUNT_AFTER_ROWS = 64;
/** Pages in the log before it is started anew: 32 MiB. */
const RESTART_FROM_PAGES = 8_192;
/** Pages in the log from which on writing waits for a copy that is under way: 48 MiB. */
const HOLD_FROM_PAGES = 12_288;

/**
 * Keeps the write-ahead log small. A thread with a connection of its own copies pages while writing goes on, so that neither
 * a commit nor the event loop waits for it. Under a load that never pauses that alone would let the log grow for ever, so
 * from time to time the writer itself copies the small rest and starts the log anew; and where the thread cannot keep up,
 * writing waits for it.
 */
export class SqliteCheckpointer {
  readonly #file: string;
  readonly #restartLog: () => Promise<void>;
  readonly #logger: Logger;
  #thread: Worker | undefined;
  #copying = false;
  #closed = false;
  #logPages = 0;
  #pagesCopied = 0;
  #rowsUncounted = 0;
  #waiting: (() => void)[] = [];

  constructor(options: { file: string; restartLog: () => Promise<void>; logger: Logger }) {
    this.#file = options.file;
    this.#restartLog = options.restartLog;
    this.#logger = options.logger;
  }

  /** Whether the pages in the log are to be counted after a group of so many rows. */
  countsAfter(rows: number): boolean {
    this.#rowsUncounted += rows;
    return this.#rowsUncounted >= COUNT_AFTER_ROWS;
  }

  /** Learns how many pages the log holds after a group; has them copied when enough have come together. */
  counted(logPages: number): void {
    this.#rowsUncounted = 0;
    this.#logPages = logPages;
    if (logPages < this.#pagesCopied) this.#pagesCopied = 0;
    if (this.#copying || logPages - this.#pagesCopied < COPY_AFTER_PAGES) return;
    this.#copying = true;
    // Whatever becomes of the copy, the next one waits for as many pages again.
    this.#pagesCopied = logPages;
    this.#thread ??= this.#startThread();
    this.#thread.postMessage('copy');
  }

  /** What writing has to wait for, when the log has become so long that it must not grow on; undefined otherwise. */
  get backlog(): Promise<void> | undefined {
    if (!this.#copying || this.#logPages < HOLD_FROM_PAGES) return undefined;
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.terminate();
  }

  #startThread(): Worker {
    const thread = new Worker(siblingModule('sqlite-checkpoint-thread'), { workerData: this.#file });
    thread.unref();
    thread.on('message', (reply: CheckpointReply) => void this.#copied(reply));
    // Another thread takes its place when there is something to copy again.
    thread.on('error', error => {
      this.#thread = undefined;
      this.#failed(error.message);
    });
    return thread;
  }

  async #copied(reply: CheckpointReply): Promise<void> {
    if ('failure' in reply) return this.#failed(reply.failure);
    try {
      if (reply.logPages >= RESTART_FROM_PAGES && !this.#closed) await this.#restartLog();
      this.#ended();
    } catch (thrown) {
      this.#failed(messageOf(thrown));
    }
  }

  #ended(): void {
    this.#copying = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #failed(failure: string): void {
    this.#ended();
    if (this.#closed) return;
    this.#logger.warn({ failure }, 'the write-ahead log could not be copied; it is tried again');
  }
}
