import { MillraceError } from '../core/index.ts';
import type { PointInTime } from '../store/index.ts';

/** How a point in time is written: a revision in digits, or a time as RFC 3339 has it. */
const REVISION = /^\d{1,16}$/;
const TIME = /^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d))?$/;

/** The point that a member of a query names. Throws `INVALID_ARGUMENT` for what is neither a revision nor a time. */
export function pointInTime(name: string, text: string): PointInTime {
  if (REVISION.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  const time = TIME.test(text) ? new Date(text) : undefined;
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${name} is ${JSON.stringify(text)}. Give a revision, such as 3, or a time, such as 2026-01-31T12:00:00Z.`,
    { details: { [name]: text } },
  );
}
