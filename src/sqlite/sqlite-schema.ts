import type { Database } from 'better-sqlite3';
import { MillraceError } from '../core/index.ts';
import type { SchemaState } from '../storage/index.ts';

/**
 * The tables. Why they are as they are:
 * - A stream's head is not stored: the unique index over (stream, revision) gives it in one seek, so that an append
 *   dirties no second row.
 * - An event's `type` is the number of its kind: a type in a category. So one small index finds events by type and by category; a
 *   type that many categories use has one kind more, without a category, for the rest of them and for what is older than
 *   kinds are. `position` is the rowid, which every index carries.
 * - `correlation` is null for an event that starts its own correlation: most indexes entries are never written.
 * - The index of due work holds the keys: claiming passes over items that are held without reading them.
 * - Tags stand twice: with their event, to be shown, and in a table that is its own index, to be found. Its rows repeat the type, so
 *   that a query for a tag and a type reads no events. An event without tags costs nothing.
 * - A link of the hash chain holds the hashes of the records of its group: they stay when the content of an event is removed.
 * - The versions of schemas have a table of their own, so that an app can see at its start what it must be able to read.
 * - Whether a stream is archived or tombstoned, its retention, and how many of its events were scavenged stand in its row, which an append
 *   looks up anyway. The row of a scavenged event stays, without its content.
 * - Generated columns of document tables are virtual: only their indexes cost anything.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT,
    correlation TEXT,
    occurred_at INTEGER,
    recorded_at INTEGER NOT NULL,
    digest BLOB NOT NULL
  );
  CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
  CREATE UNIQUE INDEX events_by_id ON events (id);
  CREATE INDEX events_by_type ON events (type);
  CREATE INDEX events_by_correlation ON events (correlation) WHERE correlation IS NOT NULL;

  CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL);

  CREATE TABLE cursors (
    processor TEXT NOT NULL,
    partition INTEGER NOT NULL,
    checkpoint TEXT NOT NULL,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (processor, partition)
  ) WITHOUT ROWID;

  CREATE TABLE work (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    UNIQUE (queue, key)
  );
  CREATE INDEX work_by_due ON work (queue, due_at, id, key) WHERE state = 'ready';
  CREATE INDEX work_settled ON work (queue, state) WHERE state <> 'ready';

  CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL);
  CREATE TABLE topic_blocks (
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    base INTEGER NOT NULL,
    count INTEGER NOT NULL,
    produced_at INTEGER NOT NULL,
    records TEXT NOT NULL,
    PRIMARY KEY (topic, partition, base)
  );
  CREATE INDEX topic_blocks_by_age ON topic_blocks (topic, produced_at);

  CREATE TABLE state_stores (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE state (
    store INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    key TEXT NOT NULL,
    window_end INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (store, partition, key, window_end, window_start)
  ) WITHOUT ROWID;
  CREATE INDEX state_by_end ON state (store, partition, window_end) WHERE window_end > 0;
  `,
  `
  CREATE TABLE kinds (id INTEGER PRIMARY KEY, type TEXT NOT NULL, category TEXT, UNIQUE (type, category));
  INSERT INTO kinds SELECT id, name, NULL FROM types;
  DROP TABLE types;

  ALTER TABLE events ADD COLUMN tags TEXT;
  ALTER TABLE events ADD COLUMN causation TEXT;
  CREATE INDEX events_by_causation ON events (causation) WHERE causation IS NOT NULL;

  CREATE TABLE event_tags (
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    type INTEGER NOT NULL,
    PRIMARY KEY (tag, position)
  ) WITHOUT ROWID;

  CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    answer TEXT NOT NULL,
    appends TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX claims_by_end ON claims (kept_until);
  `,
  `
  CREATE TABLE schema_versions (
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (type, version)
  ) WITHOUT ROWID;
  INSERT INTO schema_versions
    SELECT DISTINCT k.type, e.schema_version FROM events e JOIN streams s ON s.id = e.stream JOIN kinds k ON k.id = e.type
    WHERE substr(s.name, 1, 1) <> '$';
  `,
  `
  ALTER TABLE events ADD COLUMN checksum INTEGER;
  INSERT INTO meta (name, value) SELECT 'checksums_from', coalesce(max(position), 0) + 1 FROM events;
  CREATE TABLE links (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, hash BLOB NOT NULL, records BLOB NOT NULL);
  `,
  `
  ALTER TABLE streams ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN freed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN max_count INTEGER;
  ALTER TABLE streams ADD COLUMN max_age INTEGER;
  CREATE TABLE retentions (category TEXT PRIMARY KEY, max_count INTEGER, max_age INTEGER) WITHOUT ROWID;
  `,
];

/** Marks a file as Millrace's, so that another program's database is refused rather than written into. */
const APPLICATION_ID = 0x4d52_4143; // "MRAC"

/**
 * Looks whether a file is a store that this Millrace can write, before anything in it is changed. Throws `STORAGE_VERSION`
 * for one of a newer Millrace, `STORAGE_FOREIGN` for a file of another program.
 */
export function checkIdentity(database: Database, file: string): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  const tables = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
  const application = database.pragma('application_id', { simple: true }) as number;
  if (tables > 0 && application !== APPLICATION_ID) {
    throw new MillraceError(
      'STORAGE_FOREIGN',
      `${file} is a SQLite database of another program. Nothing in it was changed; name another file.`,
      { details: { file, applicationId: application } },
    );
  }
  if (version > MIGRATIONS.length) {
    throw new MillraceError(
      'STORAGE_VERSION',
      `${file} has schema version ${version}; this Millrace knows versions up to ${MIGRATIONS.length}. Use the newer Millrace that wrote it.`,
      { details: { file, version, known: MIGRATIONS.length } },
    );
  }
}

/** Looks whether a file is a store that can be read as it is. Throws as `checkIdentity` does, and for one of an older Millrace. */
export function checkReadable(database: Database, file: string): void {
  checkIdentity(database, file);
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version === MIGRATIONS.length) return;
  throw new MillraceError(
    'STORAGE_VERSION',
    `${file} has schema version ${version}, and is read with version ${MIGRATIONS.length}. Bring it up to date with: millrace db migrate --store sqlite:${file}`,
    { details: { file, version, known: MIGRATIONS.length } },
  );
}

/** Tables and indexes that are not as they were made, by name. */
export function changedSchema(database: Database, fresh: Database): string[] {
  migrate(fresh);
  const read = (from: Database) =>
    new Map(from.prepare<[], [string, string]>(`SELECT name, coalesce(sql, '') FROM sqlite_schema`).raw().all());
  const found = read(database);
  return [...read(fresh)].filter(([name, sql]) => found.get(name) !== sql).map(([name]) => name);
}

/** The schema of a file that is not there yet. */
export const EMPTY_SCHEMA: SchemaState = stateAt(0);

/** How far the schema of a database is, which `checkIdentity` has seen. */
export function schemaState(database: Database): SchemaState {
  return stateAt(database.pragma('user_version', { simple: true }) as number);
}

function stateAt(version: number): SchemaState {
  const steps = MIGRATIONS.map((sql, index) => ({ version: index + 1, name: `schema version ${index + 1}`, sql }));
  return { version, newest: MIGRATIONS.length, pending: steps.slice(version) };
}

/** Brings a database to the newest schema. */
export function migrate(database: Database): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version === MIGRATIONS.length) return;
  database.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.pragma(`user_version = ${MIGRATIONS.length}`);
    database.pragma(`application_id = ${APPLICATION_ID}`);
  })();
}
