import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import type { Durability } from './sqlite-durability.ts';
import { checkIdentity } from './sqlite-schema.ts';

/** The name by which SQLite knows a database in memory. */
export const MEMORY = ':memory:';

/** Pages of the file that a connection holds. Beyond the newest ends of the indexes more gains nothing: the system holds the file. */
const CACHE_KIB = 32 * 1024;
const BUSY_TIMEOUT_MS = 5_000;

/** Opens the connection that writes. It alone changes the file. */
export function openForWriting(file: string, durability: Durability): Database {
  const database = open(file, {});
  try {
    checkIdentity(database, file);
    configure(database, file, durability);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function configure(database: Database, file: string, durability: Durability): void {
  // Lets the space of deleted rows be given back without rewriting the file. Only an empty file takes it; any other would
  // be written to by the mere statement.
  if (database.pragma('page_count', { simple: true }) === 0) database.pragma('auto_vacuum = INCREMENTAL');
  if (file !== MEMORY) database.pragma('journal_mode = WAL');
  // What is deleted or written over is not left in free pages: a destroyed key must be in no file.
  database.pragma('secure_delete = ON');
  // The driver is compiled so that WAL means NORMAL, which loses the last commits when power fails.
  database.pragma(`synchronous = ${durability === 'durable' ? 'FULL' : 'NORMAL'}`);
  // The checkpointer does it beside the writer; a commit must never pay for copying pages.
  database.pragma('wal_autocheckpoint = 0');
  database.pragma(`cache_size = -${CACHE_KIB}`);
}

/** Opens a connection that only reads, beside the writer. */
export function openForReading(file: string): Database {
  const database = open(file, { readonly: true, fileMustExist: true });
  try {
    database.pragma(`cache_size = -${CACHE_KIB}`);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/**
 * Opens a plain connection, for a file that is not a store. Throws `MISSING_PACKAGE` without the driver and
 * `STORAGE_UNAVAILABLE` when there is no such folder.
 */
export function open(file: string, options: { readonly?: boolean; fileMustExist?: boolean }): Database {
  if (file !== MEMORY) checkFolder(file);
  return new (driver())(file, { timeout: BUSY_TIMEOUT_MS, ...options });
}

/** Throws `STORAGE_UNAVAILABLE` when there is no folder for a file. */
export function checkFolder(file: string): void {
  if (!existsSync(dirname(file))) {
    throw new MillraceError(
      'STORAGE_UNAVAILABLE',
      `${file} cannot be opened: there is no folder ${dirname(file)}. Make it, or name another file.`,
      { details: { file } },
    );
  }
}

type Driver = new (file: string, options: object) => Database;
let loaded: Driver | undefined;

// Loaded on first use and by require: the driver is CommonJS with native code, which a program without a file never needs.
function driver(): Driver {
  try {
    loaded ??= createRequire(import.meta.url)('better-sqlite3') as Driver;
    return loaded;
  } catch (cause) {
    throw new MillraceError(
      'MISSING_PACKAGE',
      'The embedded store needs the package better-sqlite3, which is not installed or has no binary for this machine. Run: npm install better-sqlite3',
      { cause, details: { package: 'better-sqlite3' } },
    );
  }
}
