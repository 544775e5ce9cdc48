import type { Database } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import { open } from './sqlite-connection.ts';
import { sqliteCode } from './sqlite-errors.ts';

/** The process that owns a file. */
interface Owner {
  readonly pid: number;
  readonly since: string;
  readonly address: string | null;
}

const TAKE_TRIES = 5;
/** How long a second process waits: enough for an owner that is dying to let go, too short to seem to hang. */
const TAKE_TIMEOUT_MS = 300;

/**
 * Ownership of a store by one process: a lock on a small file beside it, which the operating system releases when the
 * process ends, however it ends. The file is itself a SQLite database held in a write transaction: others can still read
 * from it who the owner is.
 */
export class SqliteOwner {
  readonly #lock: Database;
  readonly #since: string;

  private constructor(lock: Database, since: string) {
    this.#lock = lock;
    this.#since = since;
  }

  /** Takes ownership; throws `STORAGE_OWNED` with the owner's process id and address when another process has it. */
  static take(file: string, since: Date): SqliteOwner {
    const lock = open(`${file}-owner`, {});
    try {
      lock.pragma(`busy_timeout = ${TAKE_TIMEOUT_MS}`);
      // The lock itself is what counts; who it names may be lost with the power.
      lock.pragma('synchronous = OFF');
      lock.pragma('journal_mode = MEMORY');
      const owner = new SqliteOwner(lock, since.toISOString());
      owner.#hold(null);
      return owner;
    } catch (thrown) {
      const holder = sqliteCode(thrown)?.startsWith('SQLITE_BUSY') ? readOwner(lock) : undefined;
      lock.close();
      if (holder === undefined) throw thrown;
      throw ownedError(file, holder);
    }
  }

  /** Writes down where the owner can be reached. */
  announce(address: string): void {
    this.#lock.exec('ROLLBACK');
    this.#hold(address);
  }

  /** Gives ownership up. */
  release(): void {
    if (this.#lock.open) this.#lock.close();
  }

  /**
   * Writes the owner and holds the lock. The entry must be committed for others to read it, and a commit lets the lock go
   * for an instant; whoever slips in then has the lock, and this process is refused.
   */
  #hold(address: string | null): void {
    for (let tries = 1; ; tries++) {
      try {
        this.#lock.exec('BEGIN IMMEDIATE');
        this.#lock.exec('CREATE TABLE IF NOT EXISTS owner (pid, since, address)');
        this.#lock.exec('DELETE FROM owner');
        this.#lock.prepare('INSERT INTO owner VALUES (?, ?, ?)').run(process.pid, this.#since, address);
        this.#lock.exec('COMMIT');
        this.#lock.exec('BEGIN IMMEDIATE');
        return;
      } catch (thrown) {
        if (this.#lock.inTransaction) this.#lock.exec('ROLLBACK');
        const contended = sqliteCode(thrown) === 'SQLITE_BUSY' && readOwner(this.#lock)?.pid === process.pid;
        if (!contended || tries === TAKE_TRIES) throw thrown;
      }
    }
  }
}

/** Where the process that owns a file can be reached; undefined when nobody says. */
function readOwner(lock: Database): Owner | undefined {
  try {
    return lock.prepare('SELECT pid, since, address FROM owner').get() as Owner | undefined;
  } catch {
    return { pid: 0, since: '', address: null };
  }
}

function ownedError(file: string, owner: Owner): MillraceError {
  const who = owner.pid > 0 ? `process ${owner.pid}, since ${owner.since}` : 'another process';
  const where =
    owner.address === null ? 'It has not said where it can be reached' : `It can be reached at ${owner.address}`;
  return new MillraceError(
    'STORAGE_OWNED',
    `${file} is owned by ${who}. ${where}. One process owns a file: stop that one, or talk to it.`,
    { details: { file, ...owner } },
  );
}
