import Database from 'better-sqlite3';

/** What became of an effect: it stands, or it was undone (or forbidden before it came). */
type EffectState = 'applied' | 'undone';

/** How one service dealt with orders, counted over its whole life. */
export interface EffectCounts {
  /** Applied effects of one order and service beyond one. */
  readonly duplicates: number;
  /** Orders for which an effect was applied and not undone. */
  readonly standing: ReadonlySet<string>;
}

/**
 * The books of the services that the order system calls: a database of their own, so that an effect which the order
 * system doubled or lost shows here. Every call is written down, and every effect under the idempotency key that it came with.
 */
export class Ledger {
  readonly #database: Database.Database;
  readonly #transaction: Database.Transaction<(change: () => unknown) => unknown>;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.pragma('journal_mode = WAL');
    // A killed process loses nothing of this; only a power cut could, and the demo is not about the services' disks.
    this.#database.pragma('synchronous = NORMAL');
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, service TEXT, operation TEXT, order_id TEXT, key TEXT);
      CREATE TABLE IF NOT EXISTS effects (
        key TEXT PRIMARY KEY, service TEXT NOT NULL, order_id TEXT NOT NULL, state TEXT NOT NULL
      ) WITHOUT ROWID;
    `);
    this.#statements = prepare(this.#database);
    this.#transaction = this.#database.transaction(change => change());
  }

  /** The connection, for tables of a service's own. */
  get database(): Database.Database {
    return this.#database;
  }

  /** Makes a change whole or not at all. */
  atomically<Result>(change: () => Result): Result {
    return this.#transaction(change) as Result;
  }

  /** Writes a call down, whatever comes of it. */
  record(service: string, operation: string, orderId: string, key: string): void {
    this.#statements.call.run(service, operation, orderId, key);
  }

  /**
   * Applies an effect once for its key, together with what `change` writes. Answers false when it was applied before. An effect
   * whose undo came first is refused: whoever sent it has given it up.
   */
  apply(service: string, orderId: string, key: string, change: () => void = () => undefined): boolean {
    return this.atomically(() => {
      this.record(service, 'apply', orderId, key);
      const state = this.#statements.state.get(key) as EffectState | undefined;
      if (state === 'undone') throw new Error(`${service} was told to undo ${key} before it was told to do it`);
      if (state === 'applied') return false;
      this.#statements.apply.run(key, service, orderId, 'applied');
      change();
      return true;
    });
  }

  /** Undoes the effect of a key once, together with what `change` writes; one that never came is forbidden from then on. */
  undo(service: string, orderId: string, key: string, change: () => void = () => undefined): void {
    this.atomically(() => {
      this.record(service, 'undo', orderId, key);
      const state = this.#statements.state.get(key) as EffectState | undefined;
      if (state === 'applied') change();
      if (state === undefined) this.#statements.apply.run(key, service, orderId, 'undone');
      else this.#statements.undone.run(key);
    });
  }

  /** What stands in the books of a service. */
  counts(service: string): EffectCounts {
    let duplicates = 0;
    const standing = new Set<string>();
    for (const [orderId, count] of this.#statements.standing.iterate(service) as Iterable<[string, number]>) {
      duplicates += count - 1;
      standing.add(orderId);
    }
    return { duplicates, standing };
  }

  /** Closes the books. */
  close(): void {
    this.#database.close();
  }
}

function prepare(database: Database.Database) {
  return {
    call: database.prepare('INSERT INTO calls (service, operation, order_id, key) VALUES (?, ?, ?, ?)'),
    state: database.prepare('SELECT state FROM effects WHERE key = ?').pluck(),
    apply: database.prepare('INSERT INTO effects VALUES (?, ?, ?, ?)'),
    undone: database.prepare(`UPDATE effects SET state = 'undone' WHERE key = ?`),
    standing: database
      .prepare(`SELECT order_id, count(*) FROM effects WHERE service = ? AND state = 'applied' GROUP BY order_id`)
      .raw(),
  };
}
