import type { IncomingHttpHeaders } from 'node:http';
import { MillraceError } from '../core/index.ts';
import type { ExpectedRevision } from '../storage/index.ts';

/**
 * What a client expects of a stream, from the headers of conditional requests (RFC 9110, 13.1): `If-Match: "42"` exactly that
 * revision, `If-Match: *` that it exists, `If-None-Match: *` that it does not, neither anything.
 */
export function expectationOf(headers: IncomingHttpHeaders): ExpectedRevision {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw invalid('If-Match and If-None-Match', 'both are given; a stream cannot meet both');
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*') return 'noStream';
    throw invalid('If-None-Match', `${ifNoneMatch} is not *, the only value that an append understands`);
  }
  if (ifMatch === undefined) return 'any';
  if (ifMatch.trim() === '*') return 'exists';
  const [, quoted, bare] = /^\s*(?:"(\d{1,16})"|(\d{1,16}))\s*$/.exec(ifMatch) ?? [];
  const digits = quoted ?? bare;
  const revision = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(revision)) {
    throw invalid('If-Match', `${ifMatch} is neither * nor a revision such as "42"`);
  }
  return revision;
}

function invalid(header: string, what: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `${header}: ${what}. Nothing was appended.`, { details: { header } });
}
