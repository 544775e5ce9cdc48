/**
 * PostgreSQL: the backend that processes share. It implements the storage contract and nothing else.
 * Three words to know: *group* (batches that go to the server in one call), *commit function* (what applies a group there),
 * *round* (batches of a group that touch nothing guarded in common).
 */
export type { PostgresOptions } from './postgres-options.ts';
export { openPostgresTarget } from './postgres-statement-target.ts';
export { openPostgres, postgresSchema } from './postgres-storage.ts';
