/** Parameters of the commit function: writes to items of work, `work_last` marking the one that has effect, and purges. */
export const WORK_PARAMETERS = `
  work_batch int[], work_last boolean[], work_op text[], work_queue text[], work_key text[], work_fence bigint[],
  work_due bigint[], work_payload text[], work_error text[],
  purge_batch int[], purge_queue text[], purge_before bigint[], purge_limit int[]`;

/** Holds the items until the commit, in the order that all groups keep to. */
export const LOCK_WORK = `
  IF cardinality(work_batch) > 0 THEN
    PERFORM 1 FROM unnest(work_queue, work_key) m(queue, key)
    JOIN work w ON w.queue = m.queue AND w.key = m.key
    ORDER BY w.queue, w.key FOR UPDATE OF w;
  END IF;`;

/** What may be done with an item depends on its state and, for all that its holder does, on the fence. */
export const CHECK_WORK = `
  IF cardinality(work_batch) > 0 THEN
    FOR refusal IN
      SELECT DISTINCT ON (m.batch) m.batch, jsonb_build_object('batch', m.batch, 'item', m.n, 'actual', w.state,
        'code', CASE m.op WHEN 'enqueue' THEN 'WORK_KEY_TAKEN' WHEN 'redrive' THEN 'WORK_NOT_FOUND'
          ELSE 'ITEM_LOST' END) AS found
      FROM unnest(work_batch, work_op, work_queue, work_key, work_fence) WITH ORDINALITY m(batch, op, queue, key, fence, n)
      LEFT JOIN work w ON w.queue = m.queue AND w.key = m.key
      WHERE accepted[m.batch] AND CASE m.op
        WHEN 'enqueue' THEN w.id IS NOT NULL
        WHEN 'redrive' THEN w.state IS DISTINCT FROM 'parked'
        WHEN 'cancel' THEN false
        ELSE w.state IS DISTINCT FROM 'ready' OR w.fence IS DISTINCT FROM m.fence END
      ORDER BY m.batch, m.n
    LOOP
      accepted[refusal.batch] := false;
      refusals := refusals || refusal.found;
    END LOOP;
  END IF;`;

/** New items get their ids, which say in which order they are claimed, in the order of the batches. */
export const WRITE_WORK = `
  IF cardinality(work_batch) > 0 THEN
    IF 'enqueue' = ANY (work_op) THEN
      INSERT INTO work (queue, key, state, payload, due_at, attempts, error, created_at, settled_at)
      SELECT m.queue, m.key, CASE WHEN m.error IS NULL THEN 'ready' ELSE 'parked' END, m.payload, m.due, 0, m.error,
        now_ms, CASE WHEN m.error IS NULL THEN NULL ELSE now_ms END
      FROM unnest(work_batch, work_last, work_op, work_queue, work_key, work_due, work_payload, work_error)
        WITH ORDINALITY m(batch, last, op, queue, key, due, payload, error, n)
      WHERE m.op = 'enqueue' AND m.last AND accepted[m.batch]
      ORDER BY m.n;
    END IF;

    IF work_op && ARRAY['complete', 'cancel'] THEN
      DELETE FROM work w USING unnest(work_batch, work_last, work_op, work_queue, work_key) m(batch, last, op, queue, key)
      WHERE w.queue = m.queue AND w.key = m.key AND m.op IN ('complete', 'cancel') AND m.last AND accepted[m.batch];
    END IF;

    IF work_op && ARRAY['keep', 'retry', 'park', 'redrive'] THEN
      UPDATE work w SET
        state = CASE m.op WHEN 'keep' THEN 'done' WHEN 'park' THEN 'parked' ELSE 'ready' END,
        settled_at = CASE WHEN m.op IN ('keep', 'park') THEN now_ms END,
        due_at = coalesce(m.due, w.due_at),
        attempts = CASE WHEN m.op = 'redrive' THEN 0 WHEN m.op = 'retry' AND m.error IS NOT NULL THEN w.attempts + 1
          ELSE w.attempts END,
        error = coalesce(m.error, w.error),
        fence = NULL, lease_ends_at = NULL
      FROM unnest(work_batch, work_last, work_op, work_queue, work_key, work_due, work_error)
        m(batch, last, op, queue, key, due, error)
      WHERE w.queue = m.queue AND w.key = m.key AND m.op IN ('keep', 'retry', 'park', 'redrive') AND m.last
        AND accepted[m.batch];
    END IF;
  END IF;

  FOR i IN 1 .. cardinality(purge_batch) LOOP
    CONTINUE WHEN NOT accepted[purge_batch[i]];
    DELETE FROM work WHERE id IN (
      SELECT id FROM work WHERE queue = purge_queue[i] AND state = 'done' AND state <> 'ready'
        AND settled_at < purge_before[i]
      LIMIT purge_limit[i] FOR UPDATE SKIP LOCKED);
  END LOOP;`;

/** Claims, which change nothing but lease and fence. Items that others are about to claim or settle are passed over. */
export const CLAIM_WORK = `
CREATE FUNCTION claim_work(wanted_queue text, most int, lease_ms bigint) RETURNS SETOF work
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  now_ms bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT id FROM work
    WHERE queue = wanted_queue AND state = 'ready' AND due_at <= now_ms
      AND (fence IS NULL OR lease_ends_at <= now_ms)
    ORDER BY due_at, id LIMIT most FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE work w SET fence = nextval('fences'), lease_ends_at = now_ms + lease_ms
    FROM due WHERE w.id = due.id RETURNING w.*
  )
  SELECT * FROM claimed ORDER BY due_at, id;
END $$;`;
