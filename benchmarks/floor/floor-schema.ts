/** The tables and indexes of the embedded backend, written down again; a test compares the two. */
export const FLOOR_SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state INTEGER NOT NULL DEFAULT 0,
    freed INTEGER NOT NULL DEFAULT 0,
    max_count INTEGER,
    max_age INTEGER
  );
  CREATE TABLE retentions (category TEXT PRIMARY KEY, max_count INTEGER, max_age INTEGER) WITHOUT ROWID;
  CREATE TABLE kinds (id INTEGER PRIMARY KEY, type TEXT NOT NULL, category TEXT, UNIQUE (type, category));
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
    digest BLOB NOT NULL,
    tags TEXT,
    causation TEXT,
    checksum INTEGER
  );
  CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
  CREATE UNIQUE INDEX events_by_id ON events (id);
  CREATE INDEX events_by_type ON events (type);
  CREATE INDEX events_by_correlation ON events (correlation) WHERE correlation IS NOT NULL;
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
  CREATE TABLE links (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, hash BLOB NOT NULL, records BLOB NOT NULL);
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
  CREATE TABLE schema_versions (
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (type, version)
  ) WITHOUT ROWID;
`;

/** The table of the nth collection of documents, found by one top-level field of theirs or by none. */
export function collectionSchema(id: number, index?: string): string {
  const table = `documents_${id}`;
  if (index === undefined) return `CREATE TABLE ${table} (key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);`;
  return `
    CREATE TABLE ${table} (
      key TEXT NOT NULL UNIQUE,
      body TEXT NOT NULL,
      index_0 GENERATED ALWAYS AS (json_extract(body, '$.${index}')) VIRTUAL
    );
    CREATE INDEX ${table}_index_0 ON ${table} (index_0, key);
  `;
}
