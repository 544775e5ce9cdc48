import type { Duration } from '../core/index.ts';
import { windowLength } from './window-length.ts';

/** Windows of one size that follow each other without gap or overlap, and how long each still takes late records. */
export interface TumblingWindow {
  readonly kind: 'tumbling';
  readonly sizeMs: number;
  readonly graceMs: number;
}

/**
 * Windows that begin at the epoch and follow each other: a window holds the records from its start up to, not including,
 * its end. It takes records until stream time reaches its end plus `grace`; after that they are dropped as late and counted.
 * Grace has no default, because it decides what is lost. Throws `UNSUPPORTED_WINDOW`.
 *
 * @example
 * orders.groupByKey().windowedBy(tumbling('7d', { grace: '30d' }))
 */
export function tumbling(size: Duration, options: { readonly grace: Duration }): TumblingWindow {
  return {
    kind: 'tumbling',
    sizeMs: windowLength(size, 'size', 1),
    graceMs: windowLength(options?.grace, 'grace', 0),
  };
}

/** The start of the one tumbling window that a timestamp belongs to; windows are aligned to the epoch. */
export function tumblingStart({ sizeMs }: TumblingWindow, timestamp: number): number {
  // The remainder is exact for whole numbers; a quotient rounds near the end of the safe range.
  return timestamp - (timestamp % sizeMs);
}

/**
 * Whether a tumbling window takes no more records. Kafka Streams: a window is closed once stream time, the current record
 * included, has reached its end plus grace.
 */
export function tumblingClosed({ graceMs }: TumblingWindow, end: number, streamTime: number): boolean {
  return end <= streamTime - graceMs;
}
