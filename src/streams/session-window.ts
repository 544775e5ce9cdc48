import type { Duration } from '../core/index.ts';
import { windowLength } from './window-length.ts';

/** Windows of activity that end after a gap without any, and how long each still takes late records. */
export interface SessionWindow {
  readonly kind: 'session';
  readonly gapMs: number;
  readonly graceMs: number;
}

/**
 * Windows of activity per key: a session reaches from its first record to its last, both included, and records no more than
 * `gap` apart belong together. It takes records until stream time has passed its end plus gap plus `grace`; after that they
 * are dropped as late and counted. Grace has no default, because it decides what is lost. Throws `UNSUPPORTED_WINDOW`.
 *
 * @example
 * orders.groupByKey().windowedBy(session('30d', { grace: '30d' }))
 */
export function session(gap: Duration, options: { readonly grace: Duration }): SessionWindow {
  return {
    kind: 'session',
    gapMs: windowLength(gap, 'gap', 1),
    graceMs: windowLength(options?.grace, 'grace', 0),
  };
}

/**
 * Whether a session takes no more records. Kafka Streams: the test is made on the window that a record would lead to, after
 * merging, with the gap counted in; it is closed when its end lies strictly before stream time less grace less gap. So a late
 * record that reaches into an open session is taken.
 */
export function sessionClosed({ gapMs, graceMs }: SessionWindow, end: number, streamTime: number): boolean {
  return end < streamTime - graceMs - gapMs;
}
