import { existsSync } from 'node:fs';
import type { SchemaState } from '../storage/index.ts';
import { openForReading } from './sqlite-connection.ts';
import { storageError } from './sqlite-errors.ts';
import { checkIdentity, EMPTY_SCHEMA, schemaState } from './sqlite-schema.ts';

/**
 * How far the schema of a file is, and the steps, with their SQL, that `openSqlite` would make to bring it to the newest version;
 * changes nothing, and may be asked beside the owner. Throws `STORAGE_VERSION`, `STORAGE_FOREIGN` and `STORAGE_CORRUPT` like
 * `openSqlite`.
 */
export function sqliteSchema({ file }: { file: string }): SchemaState {
  if (!existsSync(file)) return EMPTY_SCHEMA;
  try {
    const database = openForReading(file);
    try {
      checkIdentity(database, file);
      return schemaState(database);
    } finally {
      database.close();
    }
  } catch (thrown) {
    throw storageError(thrown, file);
  }
}
