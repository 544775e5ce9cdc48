import { MillraceError } from '../core/index.ts';
import type { PendingMigration, SchemaState } from '../storage/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { isMissing } from './postgres-errors.ts';
import { MIGRATIONS } from './postgres-schema.ts';

/**
 * Brings the schema to the newest version: one process at a time, all steps in one transaction. With `check` it is left as it
 * is. Throws `STORAGE_VERSION` when a newer Millrace wrote it, or when it is not the newest and may not be changed.
 */
export async function applyMigrations(connection: PostgresConnection, mode: 'apply' | 'check'): Promise<void> {
  const { pending } = await schemaState(connection);
  if (pending.length === 0) return;
  if (mode === 'check') throw behindError(connection.target.shown, pending.length);
  const { schema, target } = connection;
  await connection.transaction(async execute => {
    await execute(`SELECT pg_advisory_xact_lock(hashtextextended('millrace migrations ${target.schema}', 0))`);
    await execute(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await execute(`SET LOCAL search_path TO ${schema}, pg_temp`);
    await execute(
      'CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const [[version] = [0]] = (await execute('SELECT coalesce(max(version), 0) FROM migrations')) as [number][];
    for (const step of stepsAfter(version, target.shown)) {
      await execute(step.sql);
      await execute(`INSERT INTO migrations (version, name) VALUES (${step.version}, '${step.name}')`);
    }
    // What only the owner may call is not for everybody, which is who may call a new function.
    await execute(`REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC`);
  });
}

/** How far the schema is, changing nothing. Throws `STORAGE_VERSION` when a newer Millrace wrote it. */
export async function schemaState(connection: PostgresConnection): Promise<SchemaState> {
  const version = await currentVersion(connection);
  return { version, newest: MIGRATIONS.length, pending: stepsAfter(version, connection.target.shown) };
}

async function currentVersion(connection: PostgresConnection): Promise<number> {
  try {
    const row = await connection.row<[number]>(`SELECT coalesce(max(version), 0) FROM ${connection.schema}.migrations`);
    return row?.[0] ?? 0;
  } catch (thrown) {
    // There is no schema, or nothing in it, before the first step.
    if (isMissing(thrown)) return 0;
    throw thrown;
  }
}

function behindError(store: string, pending: number): MillraceError {
  const version = MIGRATIONS.length - pending;
  return new MillraceError(
    'STORAGE_VERSION',
    `${store} has schema version ${version}; this Millrace needs version ${MIGRATIONS.length}. Let the owner of the schema apply the migrations first.`,
    { details: { store, version, known: MIGRATIONS.length } },
  );
}

function stepsAfter(version: number, store: string): PendingMigration[] {
  if (version > MIGRATIONS.length) {
    throw new MillraceError(
      'STORAGE_VERSION',
      `${store} has schema version ${version}; this Millrace knows versions up to ${MIGRATIONS.length}. Use the newer Millrace that wrote it.`,
      { details: { store, version, known: MIGRATIONS.length } },
    );
  }
  return MIGRATIONS.slice(version).map((step, index) => ({ version: version + index + 1, ...step }));
}
