/** Parameters of the commit function: what conditions forbid, one row for each part of a query, and the keys that batches claim. */
export const CONDITION_PARAMETERS = `
  condition_batch int[], condition_number int[], condition_after bigint[], condition_types text[], condition_tags text[],
  claim_batch int[], claim_key text[], claim_digest bytea[], claim_answer text[], claim_keep bigint[]`;

/** Variables of the commit function. */
export const CONDITION_VARIABLES = `
  claimed jsonb;`;

/**
 * The first events behind a position that are of one of the types, if any are named, and have all of the tags. Each case walks
 * the one index that selects most.
 */
export const FORBIDDEN_EVENTS = `
CREATE FUNCTION forbidden_events(after_position bigint, wanted_types text[], wanted_tags text[])
RETURNS TABLE (found bigint)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
  IF cardinality(wanted_tags) > 0 THEN
    RETURN QUERY SELECT t.position FROM event_tags t
      WHERE t.tag = wanted_tags[1] AND t.position > after_position
        AND (wanted_types IS NULL OR t.type IN (SELECT k.id FROM kinds k WHERE k.type = ANY (wanted_types)))
        AND NOT EXISTS (SELECT 1 FROM unnest(wanted_tags) other(tag) WHERE NOT EXISTS (
          SELECT 1 FROM event_tags o WHERE o.tag = other.tag AND o.position = t.position))
      ORDER BY t.position LIMIT 20;
  ELSIF wanted_types IS NOT NULL THEN
    RETURN QUERY SELECT walk.position FROM kinds k CROSS JOIN LATERAL (
        SELECT e.position FROM events e WHERE e.type = k.id AND e.position > after_position ORDER BY e.position LIMIT 20) walk
      WHERE k.type = ANY (wanted_types) ORDER BY walk.position LIMIT 20;
  ELSE
    RETURN QUERY SELECT e.position FROM events e WHERE e.position > after_position ORDER BY e.position LIMIT 20;
  END IF;
END $$;`;

/** Batches whose keys are known: what was done under them, for the caller to say what that means. It goes before any other check. */
export const CHECK_CLAIMS = `
  IF cardinality(claim_batch) > 0 THEN
    SELECT jsonb_agg(jsonb_build_object('batch', c.batch, 'same', k.digest = c.digest, 'answer', k.answer,
      'appends', k.appends, 'at', k.recorded_at)), array_agg(c.batch)
    INTO claimed, refused
    FROM unnest(claim_batch, claim_key, claim_digest) c(batch, key, digest)
    JOIN claims k ON k.key = c.key AND k.kept_until > extract(epoch FROM clock_timestamp()) * 1000;
    FOREACH b IN ARRAY coalesce(refused, '{}') LOOP accepted[b] := false; END LOOP;
  END IF;`;

/** Batches of which a condition does not hold any more. Most often nothing has come since, and nothing has to be looked for. */
export const CHECK_CONDITIONS = `
  IF cardinality(condition_batch) > 0 THEN
    FOR refusal IN
      SELECT DISTINCT ON (failed.batch) failed.batch, jsonb_build_object('batch', failed.batch,
        'code', 'CONDITION_CONFLICT', 'item', failed.number, 'actual', NULL, 'conflicting', failed.conflicting) AS found
      FROM (
        SELECT wanted.batch, wanted.number, (
          SELECT jsonb_agg(jsonb_build_object('type', first.type, 'position', first.position, 'stream', first.name,
            'revision', first.revision) ORDER BY first.position)
          FROM (SELECT k.type, e.position, s.name, e.revision
            FROM events e JOIN kinds k ON k.id = e.type JOIN streams s ON s.id = e.stream
            WHERE e.position = ANY (wanted.positions) ORDER BY e.position LIMIT 20) first) AS conflicting
        FROM (
          SELECT c.batch, c.number, array_agg(DISTINCT f.found) AS positions
          FROM unnest(condition_batch, condition_number, condition_after, condition_types, condition_tags)
            c(batch, number, after, types, tags)
          CROSS JOIN LATERAL forbidden_events(c.after, c.types::text[], c.tags::text[]) f
          WHERE c.after < head AND accepted[c.batch]
          GROUP BY c.batch, c.number) wanted) failed
      ORDER BY failed.batch, failed.number
    LOOP
      accepted[refusal.batch] := false;
      refusals := refusals || refusal.found;
    END LOOP;
  END IF;`;

/** Keeps the keys of the accepted batches with where their appends come to stand, and removes some whose time is over. */
export const WRITE_CLAIMS = `
  IF cardinality(claim_batch) > 0 THEN
    DELETE FROM claims WHERE key IN (SELECT key FROM claims
      WHERE kept_until <= extract(epoch FROM clock_timestamp()) * 1000 ORDER BY kept_until LIMIT 4 * cardinality(claim_batch));
    INSERT INTO claims (key, digest, answer, appends, recorded_at, kept_until)
    SELECT c.key, c.digest, c.answer, coalesce((
        SELECT json_agg(json_build_object('stream', p.name, 'revision', p.revision, 'position', p.position) ORDER BY p.n)
        FROM (
          SELECT a.batch, a.name, a.n, revisions[a.n] + sum(a.count) OVER (PARTITION BY a.name ORDER BY a.n) AS revision,
            CASE WHEN a.count = 0 THEN 0 ELSE head + sum(a.count) OVER (ORDER BY a.n) END AS position
          FROM unnest(append_batch, append_stream, append_count) WITH ORDINALITY a(batch, name, count, n)
          WHERE accepted[a.batch]) p
        WHERE p.batch = c.batch), '[]')::text, now_ms, extract(epoch FROM clock_timestamp()) * 1000 + c.keep
    FROM unnest(claim_batch, claim_key, claim_digest, claim_answer, claim_keep) c(batch, key, digest, answer, keep)
    WHERE accepted[c.batch]
    ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, answer = excluded.answer, appends = excluded.appends,
      recorded_at = excluded.recorded_at, kept_until = excluded.kept_until;
  END IF;`;
