/**
 * SQLite: the embedded backend, one file and one owner process. It implements the storage contract and nothing else.
 * Three words to know: *writer* (the one connection that changes the file), *group* (batches under one sync),
 * *owner* (the process that holds the lock beside the file).
 */
export { copySqlite } from './sqlite-backup.ts';
export type { Durability } from './sqlite-durability.ts';
export { openSqliteLog } from './sqlite-log-file.ts';
export { sqliteSchema } from './sqlite-schema-state.ts';
export { openSqliteTarget } from './sqlite-statement-target.ts';
export { openSqlite, type SqliteOptions } from './sqlite-storage.ts';
