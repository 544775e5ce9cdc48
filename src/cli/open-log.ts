import { createLogger, MillraceError, openStorage, systemClock } from '../index.ts';
import { openSqliteLog } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';

/** A log that is read, and nothing written. */
export type OpenedLog = Pick<Storage, 'log' | 'audit' | 'close'>;

/** The file of a store that is one; undefined for any other store. */
export function fileOf(store: string): string | undefined {
  const [, file] = /^sqlite:([^?]+)/.exec(store) ?? [];
  return file?.replace(/^\/\/(?=\/)/, '');
}

/** Opens the log of a store for reading; a file also beside the server that owns it, as it stands now. */
export async function openLog(store: string): Promise<OpenedLog> {
  const file = fileOf(store);
  if (file !== undefined) return openSqliteLog(file);
  if (store.startsWith('memory:')) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      'memory: ends with its process, so there is nothing in it. Name a file: sqlite:<file>.',
    );
  }
  return openStorage(store, { clock: systemClock, logger: createLogger('error') });
}
