import { existsSync } from 'node:fs';
import { MillraceError } from '../core/index.ts';
import { openForReading, open as openPlain } from './sqlite-connection.ts';
import { storageError } from './sqlite-errors.ts';
import { checkReadable } from './sqlite-schema.ts';

/** Pages that are copied in one go: 4 MiB, some milliseconds, after which other things may happen. */
const PAGES_PER_STEP = 1_024;

/**
 * Copies a store to a new file while its owner goes on appending: the copy is the store as it stood when copying began. It is one
 * file, without a write-ahead log. Until it is done, the write-ahead log of the store cannot be started anew. Throws `NOT_FOUND` when there is no
 * store, and otherwise as `openSqlite` does.
 */
export async function copySqlite(
  file: string,
  target: string,
  options: { onProgress?: (done: number, total: number) => void; pagesPerStep?: number } = {},
): Promise<void> {
  if (!existsSync(file)) {
    throw new MillraceError('NOT_FOUND', `There is no store ${file}. Check the path.`, { details: { file } });
  }
  const { onProgress, pagesPerStep = PAGES_PER_STEP } = options;
  try {
    const source = openForReading(file);
    try {
      checkReadable(source, file);
      // SQLite begins a copy again whenever somebody else writes, unless what is copied is held at one state.
      source.exec('BEGIN');
      source.prepare('SELECT count(*) FROM meta').get();
      await source.backup(target, {
        progress({ totalPages, remainingPages }) {
          onProgress?.(totalPages - remainingPages, totalPages);
          return pagesPerStep;
        },
      });
    } finally {
      source.close();
    }
    const copy = openPlain(target, { fileMustExist: true });
    try {
      copy.pragma('journal_mode = DELETE');
    } finally {
      copy.close();
    }
  } catch (thrown) {
    throw storageError(thrown, file);
  }
}
