import type { HttpResponse } from '../http-transport.ts';
import type { SendResult } from './destination.ts';

/** The endpoint is gone for good: it says so itself, and Standard Webhooks wants it left alone. */
const GONE = 410;
/** Too many requests. As from a server that is out of order, a Retry-After is obeyed. */
const BUSY = 429;
/** Some servers answer with long pages. */
const RESPONSE_LENGTH_MAX = 1_000;

/**
 * What an endpoint's answer means: 2xx has taken the event; anything else has not, redirects included. `now` is what a date in
 * Retry-After is measured from, in milliseconds since 1970 UTC.
 */
export function interpretAnswer({ status, headers, body }: HttpResponse, now: number): SendResult {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  const retryAfterMs = status === BUSY || status >= 500 ? parseRetryAfter(headers['retry-after'], now) : undefined;
  return {
    kind: 'failed',
    code: 'DELIVERY_FAILED',
    message: messageFor(status),
    final: status === GONE,
    ...(status === GONE ? { gone: true } : {}),
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(body === '' ? {} : { response: body.slice(0, RESPONSE_LENGTH_MAX) }),
  };
}

function messageFor(status: number): string {
  if (status === GONE) return `It answered ${status}: it does not want events any more.`;
  if (status >= 300 && status < 400) return `It answered ${status}, a redirect, and redirects are not followed.`;
  return `It answered ${status}.`;
}

/** The time in a Retry-After header, as seconds or as a date, in milliseconds from now; undefined when it cannot be read. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0);
}
