import type { Database } from 'better-sqlite3';
import { openForReading } from './sqlite-connection.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

/**
 * The connection that is read from. Beside a writer on this thread it is the writer's own: SQLite drops the page cache of every
 * other connection at each commit, and between two groups the writer's shows just what is committed. While the writer has
 * none, because its file could not be opened again, and beside a writer on a thread of its own, it is one that only reads.
 */
export class SqliteReadConnection {
  readonly #file: string;
  readonly #writer: SqliteWriterHost;
  #own: Database | undefined;

  constructor(file: string, writer: SqliteWriterHost) {
    this.#file = file;
    this.#writer = writer;
  }

  /** The connection to read from now. It may be another one than before; what was prepared on that one is lost then. */
  get database(): Database {
    const shared = this.#writer.connection();
    if (shared !== undefined) return shared;
    this.#own ??= openForReading(this.#file);
    return this.#own;
  }

  /** Closes what only this holds. */
  close(): void {
    this.#own?.close();
  }
}
