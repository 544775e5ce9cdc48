import { MillraceError } from '../core/index.ts';
import type { LogReader } from '../storage/index.ts';

/** Where something that follows the log begins when it has no checkpoint: everywhere behind a position, or from a time on. */
export type StartAt =
  | 'beginning'
  | 'end'
  | { readonly position: number }
  /** In milliseconds since 1970 UTC. */
  | { readonly time: number };

/** Throws `INVALID_ARGUMENT` for a place that the log cannot have. */
export function checkStartAt(startAt: StartAt): void {
  if (startAt === 'beginning' || startAt === 'end') return;
  const [name, value] = Object.entries(startAt)[0] ?? ['startAt', undefined];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `startAt.${name} is ${String(value)}; it must be a whole number from 0. Use beginning, end, { position } or { time }.`,
    { details: { [name]: value ?? null } },
  );
}

/** The position behind which to begin. */
export async function positionBefore(startAt: StartAt, log: LogReader): Promise<number> {
  if (startAt === 'beginning') return 0;
  const head = await log.head();
  if (startAt === 'end') return head;
  if ('position' in startAt) return startAt.position;
  const page = await log.readLog({ after: 0, limit: 1, filter: { recordedFrom: startAt.time } });
  const [first] = page.events;
  return first === undefined ? Math.max(head, page.through) : first.position - 1;
}

/**
 * Throws `LOG_REWOUND` for a position that the log does not reach: whoever has seen it has seen another log, the one of a primary that
 * was replaced, or this one before it was restored from a backup.
 */
export function checkReached(position: number, head: number): void {
  if (position <= head) return;
  throw new MillraceError(
    'LOG_REWOUND',
    `Position ${position} is behind the end of the log, which is ${head}: it was seen in a log that this one does not continue.`,
    { details: { position, head } },
  );
}
