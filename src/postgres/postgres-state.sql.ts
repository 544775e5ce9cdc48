/** Parameters of the commit function: entries of processing state, a value of null deletes; and windows to be expired. */
export const STATE_PARAMETERS = `
  state_batch int[], state_store int[], state_partition int[], state_key text[], state_end bigint[],
  state_start bigint[], state_value text[],
  expire_batch int[], expire_store int[], expire_partition int[], expire_before bigint[]`;

/** Windows that ended go first: the caller has worked out what is left of the entries of the same batch. */
export const WRITE_STATE = `
  FOR i IN 1 .. cardinality(expire_batch) LOOP
    CONTINUE WHEN NOT accepted[expire_batch[i]];
    DELETE FROM state WHERE store = expire_store[i] AND partition = expire_partition[i]
      AND window_end > 0 AND window_end < expire_before[i];
  END LOOP;

  IF cardinality(state_batch) > 0 THEN
    IF array_position(state_value, NULL) IS NOT NULL THEN
      DELETE FROM state s USING unnest(state_batch, state_store, state_partition, state_key, state_end, state_start,
        state_value) w(batch, store, partition, key, window_end, window_start, value)
      WHERE s.store = w.store AND s.partition = w.partition AND s.key = w.key AND s.window_end = w.window_end
        AND s.window_start = w.window_start AND w.value IS NULL AND accepted[w.batch];
    END IF;
    INSERT INTO state (store, partition, key, window_end, window_start, value)
    SELECT w.store, w.partition, w.key, w.window_end, w.window_start, w.value
    FROM unnest(state_batch, state_store, state_partition, state_key, state_end, state_start, state_value)
      w(batch, store, partition, key, window_end, window_start, value)
    WHERE w.value IS NOT NULL AND accepted[w.batch]
    ORDER BY w.store, w.partition, w.key COLLATE "C", w.window_end, w.window_start
    ON CONFLICT (store, partition, key, window_end, window_start) DO UPDATE SET value = excluded.value;
  END IF;`;
