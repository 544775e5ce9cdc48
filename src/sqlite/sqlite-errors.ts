import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { isMillraceError, MillraceError, messageOf } from '../core/index.ts';

/** The code of an error that SQLite raised, such as `SQLITE_FULL`; undefined for any other error. */
export function sqliteCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || thrown.name !== 'SqliteError') return undefined;
  return (thrown as Error & { code: string }).code;
}

/** Says what an error of SQLite means to a user of the storage. Errors of Millrace pass unchanged. */
export function storageError(thrown: unknown, file: string): Error {
  if (isMillraceError(thrown)) return thrown;
  const code = sqliteCode(thrown);
  if (code === undefined) return thrown instanceof Error ? thrown : new Error(String(thrown));
  const options = { details: { file, sqlite: code }, cause: thrown };
  const reason = (thrown as Error).message;
  // SQLITE_IOERR_SHMSIZE is how a full disk shows itself when the file that readers share has to grow.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new MillraceError(
      'STORAGE_FULL',
      `The disk that holds ${file} is full (${reason}). Nothing of this batch was stored; reads go on. Free space: writing recovers by itself.`,
      options,
    );
  }
  // All statements are Millrace's own: a table that they do not find has lost its name.
  const renamed = code === 'SQLITE_ERROR' && /^no such (table|column)/.test(reason);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || renamed) {
    return new MillraceError(
      'STORAGE_CORRUPT',
      `${file} is damaged or is no Millrace database (${reason}). Keep the file for inspection and restore a backup, or name another file.`,
      options,
    );
  }
  const barred = code.startsWith('SQLITE_CANTOPEN') && !isWritable(dirname(file));
  if (barred || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') {
    return new MillraceError(
      'STORAGE_READ_ONLY',
      `${file} cannot be written (${reason}). Make the file and its folder writable.`,
      options,
    );
  }
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return new MillraceError(
      'STORAGE_UNAVAILABLE',
      `${file} cannot be opened (${reason}). Check that its folder exists and that you may read it.`,
      options,
    );
  }
  return unknownOutcome(thrown, file);
}

/** The error for a commit that may have been stored or not. */
export function unknownOutcome(thrown: unknown, file: string): MillraceError {
  const code = sqliteCode(thrown);
  return new MillraceError(
    'STORAGE_UNAVAILABLE',
    `${file} did not answer as it should (${code}: ${messageOf(thrown)}). It is unknown whether the batch was stored; sending it again with the same event ids is safe.`,
    { details: { file, sqlite: code }, cause: thrown },
  );
}

/** Codes that speak of what was to be written: a use of an id that no check foresaw, text that is no JSON. */
const CONTENT_CODES = /^SQLITE_(CONSTRAINT|ERROR$|MISMATCH|TOOBIG|RANGE)/;

/** Whether an error was raised by the content of one batch, not by the file. */
export function concernsContent(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code === undefined ? !isMillraceError(thrown) : CONTENT_CODES.test(code);
}

/** The error for a batch whose content cannot be stored; one that SQLite has not raised passes unchanged. */
export function contentError(thrown: unknown): Error {
  if (sqliteCode(thrown) === undefined) return thrown as Error;
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The batch holds something that cannot be stored (${messageOf(thrown)}). Nothing of it was written.`,
    { cause: thrown, details: { sqlite: sqliteCode(thrown) } },
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
