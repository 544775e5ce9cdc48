import { checkedName, MillraceError } from '../core/index.ts';
import type { AnyEvent, NewEvent } from './event-definition.ts';

/** How many tags an event has at most; each is a row that every append of it writes. */
export const TAGS_MAX = 32;

const NO_TAGS: readonly string[] = [];

/**
 * The tags of an event, those of its definition and its own: each once, by code unit. `data` is its validated data.
 * Throws `INVALID_ARGUMENT` for what cannot be a tag, or too many.
 */
export function tagsOf(event: NewEvent, definition: AnyEvent | undefined, data: unknown): readonly string[] {
  const derived = definition?.tags?.(data as never);
  if (derived === undefined && event.tags === undefined) return NO_TAGS;
  const tags = checkedTags([...(derived ?? NO_TAGS), ...(event.tags ?? NO_TAGS)], `event ${event.type}`);
  if (tags.length <= TAGS_MAX) return tags;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `Event ${event.type} has ${tags.length} tags; the limit is ${TAGS_MAX}. Nothing was appended: tag it only with what it is looked for by.`,
    { details: { type: event.type, tags: tags.length, limit: TAGS_MAX } },
  );
}

/** The tags, each once, by code unit; throws `INVALID_ARGUMENT` for what cannot be one. */
export function checkedTags(tags: readonly string[], of: string): readonly string[] {
  for (const tag of tags) checkedName(tag, `A tag of ${of}`);
  return [...new Set(tags)].sort();
}
