import {
  CHECK_CLAIMS,
  CHECK_CONDITIONS,
  CONDITION_PARAMETERS,
  CONDITION_VARIABLES,
  WRITE_CLAIMS,
} from './postgres-conditions.sql.ts';
import { CHECK_CURSORS, CURSOR_PARAMETERS, LOCK_CURSORS, WRITE_CURSORS } from './postgres-cursors.sql.ts';
import { DOCUMENT_PARAMETERS, WRITE_DOCUMENTS } from './postgres-documents.sql.ts';
import { CHECK_EVENTS, EVENT_PARAMETERS, EVENT_VARIABLES, LOCK_LOG, WRITE_EVENTS } from './postgres-events.sql.ts';
import { STATE_PARAMETERS, WRITE_STATE } from './postgres-state.sql.ts';
import { LOCK_TOPICS, TOPIC_PARAMETERS, WRITE_TOPICS } from './postgres-topics.sql.ts';
import { CHECK_WORK, LOCK_WORK, WORK_PARAMETERS, WRITE_WORK } from './postgres-work.sql.ts';

const PARAMETERS = [
  `
  group_id uuid, chained boolean[], batch_accepted boolean[]`,
  EVENT_PARAMETERS,
  CONDITION_PARAMETERS,
  CURSOR_PARAMETERS,
  WORK_PARAMETERS,
  DOCUMENT_PARAMETERS,
  TOPIC_PARAMETERS,
  STATE_PARAMETERS,
];

/** Names of the parameters of the commit function, in their order. */
export const COMMIT_PARAMETERS: readonly string[] = PARAMETERS.join(',')
  .split(',')
  .map(parameter => parameter.trim().split(' ')[0] as string);

/**
 * Applies a group of batches in one call. The batches touch nothing guarded in common, so each can be decided against the
 * state before the group; one that is refused is left out of every write, and the others stand.
 *
 * It begins with the row of the group's id: sent again after its answer was lost, the same group waits there for the first
 * one to end, and gets that one's answer when it was committed. Then it takes its locks in one order (cursors, work,
 * partitions of topics, the log), checks, writes, and leaves its answer in the row. Set-based throughout: a loop over rows
 * costs several times as much. The settings keep its plans on the indexes, also while the tables are new and tiny.
 */
export const COMMIT_GROUP = `
CREATE OR REPLACE FUNCTION commit_group(${PARAMETERS.join(',')}
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  accepted boolean[] := batch_accepted;
  others boolean;
  now_ms bigint;
  refusals jsonb := '[]';
  refused int[];
  refusal record;
  written record;
  b int;
  earlier json;
  answer json;${EVENT_VARIABLES}${CONDITION_VARIABLES}
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Millrace commits at the isolation level read committed, not %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  INSERT INTO commit_groups (id) VALUES (group_id) ON CONFLICT (id) DO NOTHING;
  IF NOT FOUND THEN
    SELECT result INTO earlier FROM commit_groups WHERE id = group_id;
    RETURN earlier;
  END IF;
  others := cardinality(cursor_batch) + cardinality(work_batch) + cardinality(purge_batch) + cardinality(document_batch)
    + cardinality(block_batch) + cardinality(trim_batch) + cardinality(state_batch) + cardinality(expire_batch) > 0;
  IF others THEN${LOCK_CURSORS}
${LOCK_WORK}
${LOCK_TOPICS}
  END IF;
${LOCK_LOG}
${CHECK_CLAIMS}
${CHECK_EVENTS}
${CHECK_CONDITIONS}
  IF others THEN${CHECK_CURSORS}
${CHECK_WORK}
  END IF;
${WRITE_EVENTS}
${WRITE_CLAIMS}
  IF others THEN${WRITE_CURSORS}
${WRITE_WORK}
${WRITE_DOCUMENTS}
${WRITE_TOPICS}
${WRITE_STATE}
  END IF;
  answer := json_build_object('head', head, 'at', now_ms, 'revisions', revisions, 'known', known,
    'claimed', claimed, 'refusals', refusals);
  UPDATE commit_groups SET result = answer WHERE id = group_id;
  RETURN answer;
END $$;`;
