import { checkedName, MillraceError } from '../core/index.ts';
import type { AppendCondition, EventQuery } from '../storage/index.ts';
import { checkedTags } from './event-tags.ts';

/** How many parts a query has at most, and how many types and tags each part. */
export const QUERY_PARTS_MAX = 32;

/**
 * The condition in the form that the storage takes. Throws `INVALID_ARGUMENT` for one that would never refuse anything, or
 * that names what no event can have.
 */
export function checkedCondition({ query, after }: AppendCondition): AppendCondition {
  if (!Number.isSafeInteger(after) || after < 0) {
    throw invalid(`it rests on position ${after}; give the one up to which the events were read, 0 for none`);
  }
  if (query.length === 0) throw invalid('its query is empty, so that it would forbid nothing; name types or tags');
  if (query.length > QUERY_PARTS_MAX)
    throw invalid(`its query has ${query.length} parts; the limit is ${QUERY_PARTS_MAX}`);
  return { query: query.map(checkedQuery), after };
}

/** One part of a query, checked, its tags in order. */
function checkedQuery({ types, tags }: EventQuery): EventQuery {
  for (const list of [types ?? [], tags ?? []]) {
    if (list.length > QUERY_PARTS_MAX)
      throw invalid(`a part of its query names ${list.length} types or tags; the limit is ${QUERY_PARTS_MAX}`);
  }
  for (const type of types ?? []) checkedName(type, 'A type of a query');
  return {
    ...(types === undefined ? {} : { types }),
    ...(tags === undefined ? {} : { tags: checkedTags(tags, 'a query') }),
  };
}

function invalid(reason: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The condition of the append cannot be used: ${reason}. Nothing was appended.`,
  );
}
