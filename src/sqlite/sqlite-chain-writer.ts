import type { Database, Statement } from 'better-sqlite3';
import { linkHash, sha256 } from '../core/index.ts';

/**
 * Ties what each group commits into the hash chain, in the transaction of the group: one row for each. Belongs to the one writer
 * of a file, which is why it may remember the last hash.
 */
export class SqliteChainWriter {
  readonly #last: Statement<[], Uint8Array>;
  readonly #insert: Statement<[number, number, Uint8Array, Uint8Array]>;
  readonly #pending: string[] = [];
  #first = 0;
  #previous: Uint8Array | null = null;

  constructor(database: Database) {
    this.#last = database
      .prepare<[], Uint8Array>('SELECT hash FROM links WHERE last = (SELECT max(last) FROM links)')
      .pluck();
    this.#insert = database.prepare('INSERT INTO links (last, first, hash, records) VALUES (?, ?, ?, ?)');
    this.forget();
  }

  /** Drops what was added to a group that came to nothing, and reads the end of the chain anew. */
  forget(): void {
    this.#pending.length = 0;
    this.#previous = this.#last.get() ?? null;
  }

  /** Adds a record that has been written: at `position`, with what `recordText` makes of it. */
  add(position: number, text: string): void {
    if (this.#pending.length === 0) this.#first = position;
    this.#pending.push(sha256(text));
  }

  /** Writes the link of the group; nothing when it has written no events. */
  seal(): void {
    if (this.#pending.length === 0) return;
    const records = Buffer.from(this.#pending.join(''), 'hex');
    const last = this.#first + this.#pending.length - 1;
    this.#pending.length = 0;
    this.#previous = linkHash(this.#previous, this.#first, last, records);
    this.#insert.run(last, this.#first, this.#previous, records);
  }
}
