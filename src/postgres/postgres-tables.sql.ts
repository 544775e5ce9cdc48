/**
 * The tables. Why they are as they are:
 * - A stream's head is not stored: the unique index over (stream, revision) gives it in one seek, so that an append dirties
 *   no second row. All who append hold the lock of the log, so no row of a stream needs a lock of its own.
 * - An event's `type` is the number of its kind: a type in a category. So one index finds events by type and by category; a type that
 *   many categories use has one kind more, without a category, for the rest of them.
 * - Tags stand twice: with their event, to be shown, and in a table that is its own index, to be found.
 * - Names are compared by code point (collation C), whatever the database was made with.
 * - A lease is two columns of what is leased: `fence` (null: nobody holds it) and `lease_ends_at`. Fences come from one
 *   sequence, so that they rise whatever becomes of the row.
 * - Where offsets of a topic partition come from is a row of its own, locked until the commit: offset order = commit order.
 * - Rows that change often leave room in their page, so that a new version needs no new entry in any index.
 */
export const TABLES = `
CREATE TABLE streams (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE kinds (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type text COLLATE "C" NOT NULL,
  category text COLLATE "C",
  UNIQUE (type, category)
);
CREATE UNIQUE INDEX kinds_without_category ON kinds (type) WHERE category IS NULL;
CREATE TABLE schema_versions (
  type text COLLATE "C" NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (type, version)
);
CREATE TABLE events (
  position bigint PRIMARY KEY,
  stream bigint NOT NULL,
  revision bigint NOT NULL,
  occurred_at bigint,
  recorded_at bigint NOT NULL,
  type int NOT NULL,
  schema_version int NOT NULL,
  id text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  correlation text COLLATE "C",
  causation text COLLATE "C",
  tags text[] COLLATE "C",
  metadata text COLLATE "C",
  data text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (type, position);
CREATE INDEX events_by_correlation ON events (correlation, position) WHERE correlation IS NOT NULL;
CREATE INDEX events_by_causation ON events (causation, position) WHERE causation IS NOT NULL;

CREATE TABLE links (
  last bigint PRIMARY KEY,
  first bigint NOT NULL,
  hash bytea NOT NULL,
  records bytea NOT NULL
);
CREATE TABLE event_tags (
  tag text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  type int NOT NULL,
  PRIMARY KEY (tag, position)
);

CREATE TABLE claims (
  key text COLLATE "C" PRIMARY KEY,
  digest bytea NOT NULL,
  answer text COLLATE "C" NOT NULL,
  appends text COLLATE "C" NOT NULL,
  recorded_at bigint NOT NULL,
  kept_until bigint NOT NULL
);
CREATE INDEX claims_by_end ON claims (kept_until);

CREATE SEQUENCE fences;

CREATE TABLE cursors (
  processor text COLLATE "C" NOT NULL,
  partition int NOT NULL,
  checkpoint text COLLATE "C",
  moved_at bigint,
  fence bigint,
  owner text COLLATE "C",
  lease_ends_at bigint,
  PRIMARY KEY (processor, partition)
) WITH (fillfactor = 50);

CREATE TABLE work (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  due_at bigint NOT NULL,
  created_at bigint NOT NULL,
  settled_at bigint,
  fence bigint,
  lease_ends_at bigint,
  attempts int NOT NULL,
  state text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  payload text COLLATE "C" NOT NULL,
  error text COLLATE "C",
  UNIQUE (queue, key)
) WITH (fillfactor = 80);
CREATE INDEX work_by_due ON work (queue, due_at, id) WHERE state = 'ready';
CREATE INDEX work_settled ON work (queue, state, id) WHERE state <> 'ready';

CREATE TABLE collections (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  definition text NOT NULL
);

CREATE TABLE topics (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  definition text NOT NULL
);
CREATE TABLE topic_partitions (
  topic int NOT NULL,
  partition int NOT NULL,
  end_offset bigint NOT NULL,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
CREATE TABLE topic_blocks (
  topic int NOT NULL,
  partition int NOT NULL,
  base bigint NOT NULL,
  count int NOT NULL,
  produced_at bigint NOT NULL,
  records text COLLATE "C" NOT NULL,
  PRIMARY KEY (topic, partition, base)
);
CREATE INDEX topic_blocks_by_age ON topic_blocks (topic, produced_at);

CREATE TABLE state_stores (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE state (
  store int NOT NULL,
  partition int NOT NULL,
  key text COLLATE "C" NOT NULL,
  window_end bigint NOT NULL,
  window_start bigint NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (store, partition, key, window_end, window_start)
) WITH (fillfactor = 80);
CREATE INDEX state_by_end ON state (store, partition, window_end) WHERE window_end > 0;

CREATE TABLE commit_groups (
  id uuid PRIMARY KEY,
  committed_at timestamptz NOT NULL DEFAULT now(),
  result json
) WITH (fillfactor = 80);
CREATE INDEX commit_groups_by_age ON commit_groups (committed_at);
`;

/** From how many bytes of data on an event is a long one. */
export const LONG_EVENT_BYTES = 8_192;

/** Where the long events are: so a page can end early for their sake without measuring all that it holds. */
export const LONG_EVENTS_INDEX = `
CREATE INDEX events_long ON events (position) WHERE octet_length(data) > ${LONG_EVENT_BYTES};
`;
