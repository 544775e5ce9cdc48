import type { IncomingHttpHeaders } from 'node:http';

/**
 * The key that makes a request repeatable, from the header `Idempotency-Key`: a text in quotes, as the draft of that header has
 * it, or as it stands, as clients often send it.
 */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): { idempotencyKey?: string } {
  const header = headers['idempotency-key'];
  if (typeof header !== 'string') return {};
  const [, quoted] = /^\s*"(.*)"\s*$/.exec(header) ?? [];
  return { idempotencyKey: quoted?.replaceAll(/\\(["\\])/g, '$1') ?? header.trim() };
}
