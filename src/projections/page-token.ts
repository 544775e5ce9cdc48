import { canonicalJson, MillraceError } from '../core/index.ts';
import type { DocumentQuery } from '../storage/index.ts';

/** The place behind which a page goes on. */
type Place = NonNullable<DocumentQuery['after']>;

/** Names the place behind a document, for a caller to give back with the same filter and order. */
export function pageToken(query: DocumentQuery, place: Place): string {
  return Buffer.from(JSON.stringify([orderOf(query), place.key, place.value ?? null])).toString('base64url');
}

/** The place that a token names. Throws `INVALID_ARGUMENT` for a token of another filter or order, or none at all. */
export function placeOf(query: DocumentQuery, token: string): Place {
  try {
    const [order, key, value] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [string, string, unknown];
    if (order === orderOf(query) && typeof key === 'string') return { key, value };
  } catch {
    // Said below.
  }
  throw new MillraceError(
    'INVALID_ARGUMENT',
    'after is no end of a page with this filter and order. Give what the page before answered as next, with the same query.',
  );
}

function orderOf({ where = {}, orderBy = '', direction = 'ascending' }: DocumentQuery): string {
  return canonicalJson([where, orderBy, direction]);
}
