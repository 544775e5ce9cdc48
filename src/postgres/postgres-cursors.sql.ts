/** Parameters of the commit function: moves of cursors. */
export const CURSOR_PARAMETERS = `
  cursor_batch int[], cursor_processor text[], cursor_partition int[], cursor_fence bigint[], cursor_from text[],
  cursor_to text[]`;

/** Holds the cursors until the commit, in the order that all groups keep to. */
export const LOCK_CURSORS = `
  IF cardinality(cursor_batch) > 0 THEN
    PERFORM 1 FROM unnest(cursor_processor, cursor_partition) m(processor, partition)
    JOIN cursors c ON c.processor = m.processor AND c.partition = m.partition
    ORDER BY c.processor, c.partition FOR UPDATE OF c;
  END IF;`;

/** Only the fence decides who may move a cursor, never the end of its lease. */
export const CHECK_CURSORS = `
  IF cardinality(cursor_batch) > 0 THEN
    FOR refusal IN
      SELECT DISTINCT ON (m.batch) m.batch, jsonb_build_object('batch', m.batch, 'item', m.n, 'actual', c.checkpoint,
        'code', CASE WHEN c.fence = m.fence THEN 'CHECKPOINT_CONFLICT' ELSE 'CURSOR_LOST' END) AS found
      FROM unnest(cursor_batch, cursor_processor, cursor_partition, cursor_fence, cursor_from)
        WITH ORDINALITY m(batch, processor, partition, fence, origin, n)
      LEFT JOIN cursors c ON c.processor = m.processor AND c.partition = m.partition
      WHERE accepted[m.batch] AND (c.fence IS DISTINCT FROM m.fence OR c.checkpoint IS DISTINCT FROM m.origin)
      ORDER BY m.batch, m.n
    LOOP
      accepted[refusal.batch] := false;
      refusals := refusals || refusal.found;
    END LOOP;
  END IF;`;

/** Moves the cursors of the accepted batches. */
export const WRITE_CURSORS = `
  IF cardinality(cursor_batch) > 0 THEN
    UPDATE cursors c SET checkpoint = m.target, moved_at = now_ms
    FROM (SELECT DISTINCT ON (m.processor, m.partition) m.processor, m.partition, m.target
      FROM unnest(cursor_batch, cursor_processor, cursor_partition, cursor_to)
        WITH ORDINALITY m(batch, processor, partition, target, n)
      WHERE accepted[m.batch] ORDER BY m.processor, m.partition, m.n DESC) m
    WHERE c.processor = m.processor AND c.partition = m.partition;
  END IF;`;
