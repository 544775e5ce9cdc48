/** The tables and indexes of the log of the PostgreSQL backend, written down again, and one set-based function that appends. */
export const POSTGRES_FLOOR_SCHEMA = `
CREATE SCHEMA floor;
SET search_path TO floor;
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
INSERT INTO kinds (type, category) VALUES ('OrderPlaced', 'order');

CREATE FUNCTION append(
  append_stream text[], append_expected bigint[], event_append int[], event_id text[], event_data text[],
  event_metadata text[], event_correlation text[], event_causation text[], event_digest bytea[]
) RETURNS bigint[]
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  head bigint;
  now_ms bigint;
  ids bigint[];
  revisions bigint[];
BEGIN
  PERFORM pg_advisory_xact_lock(1);
  now_ms := extract(epoch FROM clock_timestamp()) * 1000;
  SELECT coalesce(max(position), 0) INTO head FROM events;
  INSERT INTO streams (name)
  SELECT a.name FROM unnest(append_stream, append_expected) a(name, expected) WHERE a.expected = -1
  ON CONFLICT DO NOTHING;
  SELECT array_agg(s.id ORDER BY a.n), array_agg(coalesce(last.revision, -1) ORDER BY a.n) INTO ids, revisions
  FROM unnest(append_stream) WITH ORDINALITY a(name, n)
  JOIN streams s ON s.name = a.name
  LEFT JOIN LATERAL (SELECT revision FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1) last ON true;
  IF revisions <> append_expected THEN RAISE EXCEPTION 'a stream is elsewhere'; END IF;
  INSERT INTO events (position, stream, revision, id, type, schema_version, data, metadata, correlation, causation,
    recorded_at, digest)
  SELECT head + e.n, ids[e.append], revisions[e.append] + row_number() OVER (PARTITION BY e.append ORDER BY e.n),
    e.id, 1, 1, e.data, e.metadata, e.correlation, e.causation, now_ms, e.digest
  FROM unnest(event_append, event_id, event_data, event_metadata, event_correlation, event_causation, event_digest)
    WITH ORDINALITY e(append, id, data, metadata, correlation, causation, digest, n);
  RETURN ARRAY[head] || revisions;
END $$;
`;
