import { existsSync } from 'node:fs';
import { MillraceError, systemClock } from '../core/index.ts';
import type { Storage } from '../storage/index.ts';
import { SqliteAuditReader } from './sqlite-audit-reader.ts';
import { openForReading } from './sqlite-connection.ts';
import { storageError } from './sqlite-errors.ts';
import { SqliteLogReader } from './sqlite-log-reader.ts';
import { checkReadable } from './sqlite-schema.ts';

/**
 * Opens the log of a file for reading alone, beside the process that owns it, if there is one. Everything is read as it stood at the
 * opening, whatever is appended meanwhile: close it soon, because the write-ahead log grows until then. Throws `NOT_FOUND` when there is
 * no such file, and otherwise as `openSqlite` does.
 */
export function openSqliteLog(file: string): Pick<Storage, 'log' | 'audit' | 'close'> {
  if (!existsSync(file)) {
    throw new MillraceError('NOT_FOUND', `There is no store ${file}. Check the path.`, { details: { file } });
  }
  try {
    const database = openForReading(file);
    try {
      checkReadable(database, file);
      // Holds what is read from now on at one state, and the first read makes it this one.
      database.exec('BEGIN');
      database.prepare('SELECT count(*) FROM meta').get();
      return {
        log: translated(new SqliteLogReader(database, systemClock.now), file),
        audit: translated(new SqliteAuditReader(database), file),
        close: async () => void database.close(),
      };
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  } catch (thrown) {
    throw storageError(thrown, file);
  }
}

/** A reader whose errors say what they mean. */
function translated<R extends object>(reader: R, file: string): R {
  return new Proxy(reader, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        try {
          return await (member as (...values: unknown[]) => unknown).apply(target, args);
        } catch (thrown) {
          throw storageError(thrown, file);
        }
      };
    },
  });
}
