import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import { checkFolder, open } from './sqlite-connection.ts';
import { sqliteCode } from './sqlite-errors.ts';

/** The process that owns a file. */
interface Owner {
  readonly pid: number;
  readonly since: string;
  readonly address: string | null;
}

/** How long a second process waits: enough for an owner that is dying to let go, too short to seem to hang. */
const TAKE_TIMEOUT_MS = 300;
/** Links that are followed one after the other: as many as Linux follows. Links in a circle lead nowhere. */
const LINKS_MAX = 40;

/**
 * Ownership of a store by one process: a lock on a small file beside it, which the operating system releases when the
 * process ends, however it ends. The lock is the write transaction of an empty SQLite database: it is never committed, so
 * the lock is never let go for an instant and nothing in the file can be damaged. Who holds it stands in a text file next to
 * it, as a courtesy: only the lock counts.
 */
export class SqliteOwner {
  readonly #lock: Database;
  readonly #nameFile: string;
  readonly #since: string;

  private constructor(lock: Database, nameFile: string, since: string) {
    this.#lock = lock;
    this.#nameFile = nameFile;
    this.#since = since;
  }

  /** Takes ownership; throws `STORAGE_OWNED` with the owner's process id and address when another process has it. */
  static take(file: string, since: Date): SqliteOwner {
    checkFolder(file);
    const beside = canonicalPath(file);
    const lock = open(`${beside}-owner`, {});
    const nameFile = `${beside}-owner.json`;
    try {
      lock.pragma(`busy_timeout = ${TAKE_TIMEOUT_MS}`);
      lock.pragma('journal_mode = MEMORY');
      lock.exec('BEGIN IMMEDIATE');
      const owner = new SqliteOwner(lock, nameFile, since.toISOString());
      owner.announce(null);
      return owner;
    } catch (thrown) {
      lock.close();
      if (sqliteCode(thrown)?.startsWith('SQLITE_BUSY')) throw ownedError(file, readOwner(nameFile));
      throw thrown;
    }
  }

  /** Writes down where the owner can be reached. */
  announce(address: string | null): void {
    const owner: Owner = { pid: process.pid, since: this.#since, address };
    try {
      writeFileSync(this.#nameFile, `${JSON.stringify(owner)}\n`);
    } catch {
      // On a full disk, say: others are refused all the same, only less helpfully.
    }
  }

  /** Gives ownership up. */
  release(): void {
    if (!this.#lock.open) return;
    rmSync(this.#nameFile, { force: true });
    this.#lock.close();
  }
}

/** One path for a file, by whatever link it is reached: two owners of one file would be worse than none. */
function canonicalPath(file: string, linksLeft = LINKS_MAX): string {
  if (existsSync(file)) return realpathSync(file);
  const folder = dirname(file);
  if (!existsSync(folder)) return file;
  const path = join(realpathSync(folder), basename(file));
  // A link to a file that is still to be made: SQLite will make that one.
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink && linksLeft > 0 ? canonicalPath(resolve(dirname(path), readlinkSync(path)), linksLeft - 1) : path;
}

function readOwner(nameFile: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(nameFile, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function ownedError(file: string, owner: Owner | undefined): MillraceError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid}, since ${owner.since}`;
  const where = owner?.address ? `It can be reached at ${owner.address}` : 'It has not said where it can be reached';
  return new MillraceError(
    'STORAGE_OWNED',
    `${file} is owned by ${who}. ${where}. One process owns a file: stop that one, or talk to it.`,
    { details: { file, ...owner } },
  );
}
