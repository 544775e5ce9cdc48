import { expect, test } from 'vitest';
import { isMillraceError } from '../core/index.ts';
import { session, sessionClosed } from './session-window.ts';

test.each([
  { streamTime: 30, gap: 10, grace: 0, closed: false },
  { streamTime: 31, gap: 10, grace: 0, closed: true },
  { streamTime: 35, gap: 10, grace: 5, closed: false },
  { streamTime: 36, gap: 10, grace: 5, closed: true },
])('a session that ends at 20, gap $gap and grace $grace, is closed at stream time $streamTime: $closed', row => {
  expect(sessionClosed(session(row.gap, { grace: row.grace }), 20, row.streamTime)).toBe(row.closed);
});

test.each<[string, () => unknown]>([
  ['no gap', () => session(0, { grace: 0 })],
  ['a gap of half a millisecond', () => session(0.5, { grace: 0 })],
  ['a gap that is no length of time', () => session('soon' as '1d', { grace: 0 })],
  ['a negative grace', () => session('30d', { grace: -1 })],
  ['no grace', () => session('30d', {} as { grace: 0 })],
])('refuses a session with %s', (_, make) => {
  expect(make).toThrow(expect.toSatisfy(thrown => isMillraceError(thrown, 'UNSUPPORTED_WINDOW')));
});
