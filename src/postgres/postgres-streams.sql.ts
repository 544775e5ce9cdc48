/** Parameters of the commit function: writes to streams in their order, each with up to two numbers. */
export const STREAM_PARAMETERS = `
  write_batch int[], write_op text[], write_name text[], write_first bigint[], write_second bigint[]`;

/** The tables as they are before anything is archived. What is beyond a retention is kept until it is scavenged. */
export const STREAM_TABLES = `
ALTER TABLE streams ADD COLUMN state smallint NOT NULL DEFAULT 0, ADD COLUMN freed bigint NOT NULL DEFAULT 0,
  ADD COLUMN max_count bigint, ADD COLUMN max_age bigint;
CREATE TABLE retentions (category text COLLATE "C" PRIMARY KEY, max_count bigint, max_age bigint);
`;

/** Which batches append to streams that take no events any more: an archived one may still be what a batch rests on. */
export const CHECK_STREAMS = `
    IF 0 < ANY (states) THEN
      FOR refusal IN
        SELECT DISTINCT ON (a.batch) a.batch,
          jsonb_build_object('batch', a.batch, 'code', 'STREAM_CLOSED', 'item', a.n, 'actual', states[a.n]) AS found
        FROM unnest(append_batch, append_count) WITH ORDINALITY a(batch, count, n)
        WHERE accepted[a.batch] AND (states[a.n] = 2 OR (states[a.n] = 1 AND a.count > 0))
        ORDER BY a.batch, a.n
      LOOP
        accepted[refusal.batch] := false;
        refusals := refusals || refusal.found;
      END LOOP;
    END IF;
`;

/** Writes to streams, one row for each thing that is written. The places of scavenged events stay, without their content. */
export const WRITE_STREAMS = `
  IF cardinality(write_batch) > 0 THEN
    UPDATE streams s SET state = w.first
    FROM unnest(write_batch, write_op, write_name, write_first) w(batch, op, name, first)
    WHERE accepted[w.batch] AND w.op = 'state' AND s.name = w.name;
    UPDATE streams s SET max_count = w.first, max_age = w.second
    FROM unnest(write_batch, write_op, write_name, write_first, write_second) w(batch, op, name, first, second)
    WHERE accepted[w.batch] AND w.op = 'retention' AND s.name = w.name;
    INSERT INTO retentions (category, max_count, max_age)
    SELECT w.name, w.first, w.second
    FROM unnest(write_batch, write_op, write_name, write_first, write_second) w(batch, op, name, first, second)
    WHERE accepted[w.batch] AND w.op = 'category-retention'
    ON CONFLICT (category) DO UPDATE SET max_count = excluded.max_count, max_age = excluded.max_age;
    WITH emptied AS (
      SELECT e.position, e.tags
      FROM unnest(write_batch, write_op, write_name, write_first) w(batch, op, name, before)
      JOIN streams s ON s.name = w.name
      JOIN events e ON e.stream = s.id AND e.revision >= s.freed AND e.revision < w.before
      WHERE accepted[w.batch] AND w.op = 'scavenge'
    ), untagged AS (
      DELETE FROM event_tags t USING emptied, unnest(emptied.tags) had(name)
      WHERE t.tag = had.name AND t.position = emptied.position
    )
    UPDATE events e SET data = '', metadata = NULL, correlation = NULL, causation = NULL, tags = NULL, occurred_at = NULL
    FROM emptied WHERE e.position = emptied.position;
    UPDATE streams s SET freed = greatest(s.freed, w.first)
    FROM unnest(write_batch, write_op, write_name, write_first) w(batch, op, name, first)
    WHERE accepted[w.batch] AND w.op = 'scavenge' AND s.name = w.name;
  END IF;`;
