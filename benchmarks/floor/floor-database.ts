import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import BetterSqlite3, { type Database, type Statement } from 'better-sqlite3';
import { FLOOR_SCHEMA } from './floor-schema.ts';

/** Something to be written in a group: makes its checks, then its writes, and answers what the caller hears after the sync. */
interface Entry {
  readonly rows: number;
  readonly apply: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  outcome: { readonly ok: unknown } | { readonly error: unknown };
}

const GROUP_ROWS_MAX = 1_000;
const COPY_AFTER_PAGES = 2_048;
const RESTART_FROM_PAGES = 8_192;
const NOT_YET = { error: new Error('not applied') };

/**
 * A database written as fast as a durable one can be: WAL with `synchronous=FULL`, statements prepared once, writes that come
 * while a group is being synced go with the next one, and a thread copies the log so that no commit pays for it.
 */
export class FloorDatabase {
  readonly database: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #logPages: Statement<[], { log: number }>;
  readonly #copier: Worker;
  #queue: Entry[] = [];
  #active = false;
  #copying = false;
  #pagesCopied = 0;

  constructor(file: string) {
    const isNew = !existsSync(file);
    this.database = new BetterSqlite3(file);
    if (isNew) this.database.pragma('auto_vacuum = INCREMENTAL');
    this.database.pragma('journal_mode = WAL');
    this.database.pragma('synchronous = FULL');
    this.database.pragma('wal_autocheckpoint = 0');
    this.database.pragma('cache_size = -65536');
    if (isNew) this.database.exec(FLOOR_SCHEMA);
    this.#begin = this.database.prepare('BEGIN IMMEDIATE');
    this.#commit = this.database.prepare('COMMIT');
    this.#logPages = this.database.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copier = new Worker(new URL('./log-copier.ts', import.meta.url), { workerData: file });
    this.#copier.on('message', (logPages: number) => {
      if (logPages >= RESTART_FROM_PAGES) this.database.pragma('wal_checkpoint(RESTART)');
      this.#copying = false;
    });
  }

  /** Writes with the next group; resolves after its sync. A throw before the first write refuses this entry alone. */
  submit<R>(rows: number, apply: () => R): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ rows, apply, resolve, reject, outcome: NOT_YET });
      if (this.#active) return;
      this.#active = true;
      setImmediate(this.#flush);
    });
  }

  async close(): Promise<void> {
    await this.#copier.terminate();
    this.database.close();
  }

  readonly #flush = (): void => {
    const group = this.#takeGroup();
    this.#begin.run();
    for (const entry of group) {
      try {
        entry.outcome = { ok: entry.apply() };
      } catch (error) {
        entry.outcome = { error };
      }
    }
    this.#commit.run();
    this.#copyLog();
    for (const { outcome, resolve, reject } of group) {
      if ('ok' in outcome) resolve(outcome.ok as never);
      else reject(outcome.error);
    }
    this.#active = this.#queue.length > 0;
    if (this.#active) setImmediate(this.#flush);
  };

  #takeGroup(): Entry[] {
    let rows = 0;
    const end = this.#queue.findIndex((entry, index) => {
      rows += entry.rows;
      return index > 0 && rows > GROUP_ROWS_MAX;
    });
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end);
  }

  #copyLog(): void {
    const { log } = this.#logPages.get() as { log: number };
    if (log < this.#pagesCopied) this.#pagesCopied = 0;
    if (this.#copying || log - this.#pagesCopied < COPY_AFTER_PAGES) return;
    this.#copying = true;
    this.#pagesCopied = log;
    this.#copier.postMessage('copy');
  }
}
