/** The clock of the storage, in milliseconds since 1970 UTC: the server's, at the beginning of the statement. */
export const CLOCK_MS = '(extract(epoch FROM statement_timestamp()) * 1000)::bigint';

/** The position of the last event that was recorded before a time; the log is ordered by time, so that no index is needed. */
export const LAST_BEFORE = `
CREATE FUNCTION last_before(at bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  low bigint := 0;
  high bigint := (SELECT coalesce(max(position), 0) FROM events);
  middle bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    IF coalesce((SELECT recorded_at FROM events WHERE position = middle), 0) < at THEN low := middle;
    ELSE high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;`;
