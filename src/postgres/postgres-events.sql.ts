/** Parameters of the commit function: appends in their order, and events in theirs. */
export const EVENT_PARAMETERS = `
  append_batch int[], append_stream text[], append_expected bigint[], append_count int[],
  event_append int[], event_fresh boolean[], event_id text[], event_type int[], event_version int[], event_data text[],
  event_metadata text[], event_correlation text[], event_causation text[], event_tags text[], event_occurred bigint[],
  event_recorded bigint[], event_digest bytea[], version_batch int[], version_type text[], version_number int[]`;

/** Variables of the commit function. */
export const EVENT_VARIABLES = `
  stream_ids bigint[];
  revisions bigint[];
  head bigint;
  last_recorded_at bigint;
  known jsonb;
  conflicting boolean;`;

/**
 * Everybody who appends, or depends on where a stream stands, passes here one at a time until the commit. So positions are
 * given out in the order of commits and without gaps, and what the statements after it see of the log stays true. The time to
 * record never lies before that of the last event, so that the log is ordered by time as well when a clock steps back.
 */
export const LOCK_LOG = `
  IF cardinality(append_batch) + cardinality(claim_batch) + cardinality(condition_batch) > 0 THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('millrace log ' || current_schema(), 0));
    SELECT position, recorded_at INTO head, last_recorded_at FROM events ORDER BY position DESC LIMIT 1;
    head := coalesce(head, 0);
  END IF;
  now_ms := greatest(extract(epoch FROM clock_timestamp()) * 1000, last_recorded_at);`;

/**
 * Where the streams stand; which events are stored already, for the caller to say what that means; and which batches fail
 * their expectation: -1 is no stream, -2 any, -3 exists.
 */
export const CHECK_EVENTS = `
  IF cardinality(append_batch) > 0 THEN
    SELECT array_agg(s.id ORDER BY a.n), array_agg(coalesce(last.revision, -1) ORDER BY a.n),
      bool_or(CASE a.expected WHEN -2 THEN false WHEN -3 THEN last.revision IS NULL
        ELSE a.expected <> coalesce(last.revision, -1) END)
    INTO stream_ids, revisions, conflicting
    FROM unnest(append_stream, append_expected) WITH ORDINALITY a(name, expected, n)
    LEFT JOIN streams s ON s.name = a.name
    LEFT JOIN LATERAL (SELECT revision FROM events WHERE stream = s.id ORDER BY revision DESC LIMIT 1) last ON true;

    IF false = ANY (event_fresh) THEN
      SELECT jsonb_agg(jsonb_build_object('event', e.n, 'position', k.position, 'revision', k.revision,
        'stream', s.name, 'same', k.digest = e.digest, 'at', k.recorded_at) ORDER BY e.n),
        array_agg(append_batch[e.append])
      INTO known, refused
      FROM unnest(event_append, event_fresh, event_id, event_digest) WITH ORDINALITY e(append, fresh, id, digest, n)
      JOIN events k ON k.id = e.id
      JOIN streams s ON s.id = k.stream
      WHERE NOT e.fresh;
      FOREACH b IN ARRAY coalesce(refused, '{}') LOOP accepted[b] := false; END LOOP;
    END IF;

    IF conflicting THEN FOR refusal IN
      SELECT DISTINCT ON (a.batch) a.batch, jsonb_build_object('batch', a.batch, 'code', 'REVISION_CONFLICT',
        'item', a.n, 'actual', revisions[a.n], 'conflicting', (
          SELECT jsonb_agg(jsonb_build_object('type', later.name, 'position', later.position, 'revision', later.revision)
            ORDER BY later.revision)
          FROM (SELECT k.type AS name, e.position, e.revision FROM events e JOIN kinds k ON k.id = e.type
            WHERE e.stream = stream_ids[a.n] AND e.revision > greatest(a.expected, -1)
            ORDER BY e.revision LIMIT 20) later)) AS found
      FROM unnest(append_batch, append_expected) WITH ORDINALITY a(batch, expected, n)
      WHERE accepted[a.batch] AND CASE a.expected
        WHEN -2 THEN false WHEN -3 THEN revisions[a.n] = -1 ELSE revisions[a.n] <> a.expected END
      ORDER BY a.batch, a.n
    LOOP
      accepted[refusal.batch] := false;
      refusals := refusals || refusal.found;
    END LOOP; END IF;
  END IF;`;

/** What `recordText` makes of an event. */
const RECORD_TEXT = `concat(w.position, E'\\n', w.revision, E'\\n', w.recorded_at, E'\\n', w.name, E'\\n', w.id, E'\\n', k.type, E'\\n',
  w.schema_version, E'\\n', w.occurred_at, E'\\n', encode(w.digest, 'hex'), E'\\n', array_to_json(w.tags)::text, E'\\n', w.metadata,
  E'\\n', w.data)`;

/** The events of a group as rows, each with the name of its stream. */
const rowsAt = (position: string, revision: string): string => `
      SELECT ${position} AS position, stream_ids[e.append] AS stream, append_stream[e.append] AS name, ${revision} AS revision,
        e.id, e.type, e.version AS schema_version, e.data, e.metadata, e.correlation, e.causation, e.tags::text[] AS tags,
        e.occurred AS occurred_at, coalesce(e.recorded, now_ms) AS recorded_at, e.digest
      FROM unnest(event_append, event_id, event_type, event_version, event_data, event_metadata, event_correlation,
        event_causation, event_tags, event_occurred, event_recorded, event_digest)
        WITH ORDINALITY e(append, id, type, version, data, metadata, correlation, causation, tags, occurred, recorded, digest, n)`;

/** Writes rows, and one link of the chain that holds what all of them are. */
const writeRows = (rows: string): string => `
    WITH placed AS MATERIALIZED (${rows}),
    written AS (
      INSERT INTO events (position, stream, revision, id, type, schema_version, data, metadata, correlation, causation, tags,
        occurred_at, recorded_at, digest)
      SELECT position, stream, revision, id, type, schema_version, data, metadata, correlation, causation, tags,
        occurred_at, recorded_at, digest
      FROM placed)
    INSERT INTO links (last, first, hash, records)
    SELECT link.last, link.first, sha256(coalesce((SELECT hash FROM links ORDER BY last DESC LIMIT 1), decode(repeat('00', 32), 'hex'))
      || int8send(link.first) || int8send(link.last) || link.records), link.records
    FROM (SELECT min(w.position) AS first, max(w.position) AS last, string_agg(sha256(convert_to(${RECORD_TEXT}, 'UTF8')), ''
        ORDER BY w.position) AS records
      FROM placed w JOIN kinds k ON k.id = w.type) link
    WHERE chained[1] AND link.first IS NOT NULL;`;

/**
 * Positions and revisions count on from where the log and the streams stand, over the events of the accepted batches. With `chained[1]`, one
 * link holds what all of them wrote. With `chained[2]`, which says that every append is one event to a stream of its own, and nothing
 * refused, there is nothing to count.
 */
export const WRITE_EVENTS = `
  IF cardinality(event_append) > 0 THEN
    IF array_position(stream_ids, NULL) IS NOT NULL THEN
      INSERT INTO streams (name)
      SELECT a.name FROM unnest(append_stream, append_batch, append_count, stream_ids)
        WITH ORDINALITY a(name, batch, count, id, n)
      WHERE a.id IS NULL AND a.count > 0 AND accepted[a.batch]
      GROUP BY a.name ORDER BY min(a.n);
      SELECT array_agg(s.id ORDER BY a.n) INTO stream_ids
      FROM unnest(append_stream) WITH ORDINALITY a(name, n) LEFT JOIN streams s ON s.name = a.name;
    END IF;

    IF chained[2] AND NOT false = ANY (accepted) THEN${writeRows(rowsAt('head + e.n', 'revisions[e.append] + 1'))}
    ELSE${writeRows(`${rowsAt(
      'head + row_number() OVER (ORDER BY e.n)',
      'revisions[e.append] + row_number() OVER (PARTITION BY stream_ids[e.append] ORDER BY e.n)',
    )}
      WHERE accepted[append_batch[e.append]]
      ORDER BY e.n`)}
    END IF;

    IF array_remove(event_tags, NULL) <> '{}' THEN
      INSERT INTO event_tags (tag, position, type)
      SELECT tag, e.position, e.type
      FROM (SELECT head + row_number() OVER (ORDER BY e.n) AS position, e.type, e.tags
        FROM unnest(event_append, event_type, event_tags) WITH ORDINALITY e(append, type, tags, n)
        WHERE accepted[append_batch[e.append]]) e
      CROSS JOIN LATERAL unnest(e.tags::text[]) tag;
    END IF;

    INSERT INTO schema_versions (type, version)
    SELECT v.type, v.version FROM unnest(version_batch, version_type, version_number) v(batch, type, version)
    WHERE accepted[v.batch]
    ON CONFLICT DO NOTHING;
  END IF;`;
