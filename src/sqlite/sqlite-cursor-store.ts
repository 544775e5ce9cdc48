import type { Database, Statement } from 'better-sqlite3';
import type { CursorHolder, CursorLease, CursorRow, CursorStore } from '../storage/index.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

/** Cursors as their users see them: leased through the writer, which keeps the leases; looked at beside it. */
export class SqliteCursorStore implements CursorStore {
  readonly #writer: SqliteWriterHost;
  readonly #read: Statement<[{ processor: string | null }], CursorRow>;

  constructor(database: Database, writer: SqliteWriterHost) {
    this.#writer = writer;
    this.#read = database.prepare(
      `SELECT processor, partition, checkpoint, moved_at AS movedAt FROM cursors
       WHERE processor = :processor OR :processor IS NULL ORDER BY processor, partition`,
    );
  }

  async acquire(request: Parameters<CursorStore['acquire']>[0]): Promise<readonly CursorLease[]> {
    return this.#writer.call('acquire', request);
  }

  async renew(lease: CursorLease, leaseMs: number): Promise<boolean> {
    return this.#writer.call('renewCursor', lease, leaseMs);
  }

  async release(lease: CursorLease): Promise<void> {
    await this.#writer.call('releaseCursor', lease);
  }

  async holders(processor: string): Promise<readonly CursorHolder[]> {
    return this.#writer.call('cursorHolders', processor);
  }

  async read(processor?: string): Promise<readonly CursorRow[]> {
    return this.#read.all({ processor: processor ?? null });
  }
}
