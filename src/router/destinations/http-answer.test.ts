import { expect, test } from 'vitest';
import { interpretAnswer, parseRetryAfter } from './http-answer.ts';

const now = Date.UTC(2026, 0, 1, 12);
const answer = (status: number, headers: Record<string, string> = {}, body = '') =>
  interpretAnswer({ status, headers, body }, now);

test.each([200, 201, 202, 204, 299])('%i has taken the event', status => {
  expect(answer(status)).toEqual({ kind: 'delivered', status });
});

test.each([100, 301, 302, 304, 307, 308, 400, 401, 404, 408, 422, 429, 500, 502, 503, 504])(
  '%i is a failure that may pass',
  status => expect(answer(status)).toMatchObject({ kind: 'failed', code: 'DELIVERY_FAILED', final: false, status }),
);

test('410 is final', () => expect(answer(410)).toMatchObject({ kind: 'failed', final: true, status: 410 }));

test('whoever is busy or out of order is left alone for as long as they ask', () => {
  for (const status of [429, 500, 502, 503, 504])
    expect(answer(status, { 'retry-after': '30' })).toMatchObject({ retryAfterMs: 30_000 });
  for (const status of [400, 404, 410])
    expect(answer(status, { 'retry-after': '30' })).not.toHaveProperty('retryAfterMs');
});

test('no more than the beginning of an answer is kept', () => {
  expect(answer(500, {}, 'x'.repeat(5_000))).toMatchObject({ response: 'x'.repeat(1_000) });
  expect(answer(500)).not.toHaveProperty('response');
});

test.each([
  ['0', 0],
  ['120', 120_000],
  [' 7 ', 7_000],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After: %s', (value, wait) => expect(parseRetryAfter(value, now)).toBe(wait));
